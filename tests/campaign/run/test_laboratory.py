# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from emu import Bugchecked, Raised, Returned
from emu.address import PAGE_SIZE
from emu.campaign import CopyExperiment
from emu.campaign.experiment.landing import RED_ZONE, Landing
from emu.campaign.judge.observation import Observation
from emu.campaign.judge.verdict import CORRECT, VerdictClass
from emu.campaign.plan.case import CopyCase
from emu.campaign.run.laboratory import CopyLaboratory
from emu.cpu import registers as r
from emu.faults import FaultError, parse_fault
from emu.profile import Profile

FAULTS = ("none", "guard", "in-page-error", "paged-out", "unmapped", "ro")


@pytest.fixture(scope="module")
def laboratory() -> Iterator[CopyLaboratory]:
    laboratory = CopyLaboratory()
    yield laboratory
    laboratory.close()


def case(
    length: int, source: int = 0, target: int = 0, *faults: str, profile: str = "nehalem", irql: int = 0
) -> CopyCase:
    return CopyCase(length, source, target, tuple(map(parse_fault, faults)), Profile.parse(profile), irql)


def essence(found: Observation) -> tuple[object, ...]:
    """Return what does not depend on where the buffers lie."""
    outcome = found.outcome
    if isinstance(outcome, Raised) and outcome.record.fault_address is not None:
        return "raised", outcome.record.code, outcome.record.fault_address - found.source_address
    return type(outcome), getattr(outcome, "code", None)


@pytest.mark.parametrize("seed", range(40))
def test_a_case_is_the_experiment_of_its_values(laboratory: CopyLaboratory, seed: int) -> None:
    choose = random.Random(seed)
    length = choose.choice((0, 1, 7, 64, 200, 5000))
    faults = tuple(
        parse_fault(f"{choose.choice(FAULTS)}@src+{choose.randrange(max(length, 1))}")
        for _ in range(choose.randrange(3))
    )
    tried = case(
        length,
        choose.randrange(PAGE_SIZE),
        choose.randrange(PAGE_SIZE),
        profile=choose.choice(("nehalem", "epyc-rome")),
    )
    tried = tried._replace(faults=faults, irql=choose.choice((0, 0, 0, 2)))
    found = laboratory.observe(tried)
    alone = CopyExperiment(
        length=length,
        source_offset=tried.source_offset,
        target_offset=tried.target_offset,
        profile=tried.profile,
        faults=faults,
        irql=tried.irql,
    ).run()
    assert Landing.compare(found.content, found.region) == alone.landing
    assert (found.content, found.source) == (alone.content, alone.source)
    mine = found._replace(source_address=alone.source_address, outcome=alone.outcome)
    assert essence(found) == essence(mine)
    assert [type(event) for event in found.events] == [type(event) for event in alone.events]


def test_what_a_copy_leaves(laboratory: CopyLaboratory) -> None:
    found = laboratory.observe(case(64, 3, 5))
    assert isinstance(found.outcome, Returned)
    assert found.region[RED_ZONE:-RED_ZONE] == found.content == found.source
    assert (found.source_address % PAGE_SIZE, found.target_address % PAGE_SIZE) == (3, 5)
    for register in (r.RBX, r.RSP, r.RBP, r.RSI, r.RDI, *range(12, 16)):
        assert found.before.gpr[register] == found.after.gpr[register]
    assert found.before.xmm[96:] == found.after.xmm[96:]
    assert (found.before.irql, found.before.mxcsr) == (found.after.irql, found.after.mxcsr)
    assert found.pages_written == ()


def test_the_page_behind_the_source_is_not_there(laboratory: CopyLaboratory) -> None:
    for length in (1, 100, PAGE_SIZE, 2 * PAGE_SIZE + 5):
        found = laboratory.observe(case(length, -length % PAGE_SIZE))
        assert isinstance(found.outcome, Returned)
        assert (found.source_address + length) % PAGE_SIZE == 0


def test_nothing_stays_of_a_case(laboratory: CopyLaboratory) -> None:
    clean = laboratory.observe(case(64))
    assert isinstance(laboratory.observe(case(64, 0, 0, "none@dst+0")).outcome, Bugchecked)
    assert isinstance(laboratory.observe(case(64, 0, 0, "none@src+0")).outcome, Raised)
    with pytest.raises(FaultError, match="no buffer 'there'"):
        laboratory.observe(case(64, 0, 0, "none@src+0", "none@there+0"))
    again = laboratory.observe(case(64))
    assert again == clean


WRITES_ELSEWHERE = """
    .intel_syntax noprefix
    .globl  copy_and_count
copy_and_count:
    inc     dword ptr [rip + copies]
    mov     byte ptr [rdx], 1
    ret
    .data
copies: .long 0
"""


def test_pages_that_no_copy_writes(tmp_path: Path) -> None:
    source = tmp_path / "copy_and_count.S"
    source.write_text(WRITES_ELSEWHERE)
    laboratory = CopyLaboratory("copy_and_count", (str(source),))
    found = laboratory.observe(case(64))
    written = laboratory.observe(case(64)).pages_written
    laboratory.close()
    assert written == found.pages_written
    user, image = written
    assert user == found.source_address
    assert image >> 40 == 0xFFFFF8
    assert found.source == b"\1" + found.content[1:]


@pytest.mark.parametrize(("kind", "offset"), [("none@src+32", PAGE_SIZE - 32), ("guard@src+32", 0), ("none@src+0", 0)])
def test_the_byte_behind_has_a_page_to_be_named_on(laboratory: CopyLaboratory, kind: str, offset: int) -> None:
    length = int(kind.partition("+")[2])
    tried = case(length, offset, 0, kind)
    found = laboratory.observe(tried)
    alone = CopyExperiment(length=length, source_offset=offset, profile=tried.profile, faults=tried.faults).run()
    assert type(found.outcome) is type(alone.outcome)
    # A page that ends with the copy is not touched; on one that they share the copy faults, too.
    assert isinstance(found.outcome, Returned) is (offset != 0 or length == 0)
    assert laboratory.judge(tried).kind == VerdictClass.CORRECT


@pytest.mark.parametrize("kind", ["none", "guard", "paged-out"])
def test_faults_that_wait_are_judged(laboratory: CopyLaboratory, kind: str) -> None:
    for byte in (0, 5, 63):
        assert laboratory.judge(case(64, 1024, 3, f"{kind}@src+{byte},access=1")) == CORRECT


def test_a_fault_that_cannot_be_armed_is_the_emulators(laboratory: CopyLaboratory) -> None:
    verdict = laboratory.judge(case(64, 0, 0, "none@there+0"))
    assert verdict.kind == VerdictClass.EMULATOR_ERROR
    assert "no buffer 'there'" in verdict.detail
