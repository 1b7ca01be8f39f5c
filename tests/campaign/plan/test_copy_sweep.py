# SPDX-License-Identifier: GPL-2.0-or-later
"""Sweeps of copies: which cases, under which numbers, as experiments, samples and JSON."""

import itertools
import json
import pickle
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.campaign import CopyExperiment, ExperimentError, Inline, Pattern, format_replay_id, parse_replay_id
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.fault_template import FaultChoice, parse_fault_choices
from emu.campaign.plan.measure import Access
from emu.campaign.plan.sample import Sample
from emu.faults import parse_fault
from emu.profile import Profile

NEHALEM = Profile("nehalem")
PROFILES = (Profile(), NEHALEM, Profile("broadwell", "permit", "kernel"))
# No two of them have a fault in common, nor have the offsets of the sweeps: each case is there once.
TEMPLATES = (
    "",
    "none@every-byte",
    "unmapped@src+5",
    "ro@dst+every-byte",
    "flip=0x80@every-byte,access=2",
    "guard@every-access",
    "unmapped@dst+every-access",
    "skip@every-instruction",
    "none@every-byte&paged-out@every-byte",
    "none@every-access&guard@every-byte",
)


class ByteByByte:
    """A measure of a routine that copies a byte at a time, in three instructions each."""

    def accesses(self, case: CopyCase) -> Sequence[Access]:
        return [access for byte in range(case.length) for access in (Access("src", byte, 1, 1), Access("dst", byte, 1))]

    def instructions(self, case: CopyCase) -> int:
        return 2 + 3 * case.length


@st.composite
def axes(draw: st.DrawFn, highest: int, least: int = 0) -> Axis:
    return Axis.of(draw(st.lists(st.integers(least, highest), min_size=1, max_size=3, unique=True)))


SWEEPS = st.builds(
    CopySweep,
    routine=st.sampled_from(["CopyFromUser", "copy it/@+"]),
    lengths=axes(12, 5),
    source_offsets=axes(15) | axes(900, 16),
    target_offsets=axes(15) | axes(900, 16),
    profiles=st.lists(st.sampled_from(PROFILES), min_size=1, max_size=2, unique=True).map(tuple),
    faults=st.lists(st.sampled_from(TEMPLATES), min_size=1, max_size=3, unique=True).map(
        lambda texts: tuple(map(FaultChoice.parse, texts))
    ),
    irqls=axes(15),
    data=st.sampled_from([Pattern(3), Inline(bytes(12))]),
    images=st.sampled_from([(), ("a b.S",)]),
    budget=st.integers(1, 1000),
    sample=st.none() | st.integers(1, 50),
    seed=st.integers(0, 9),
    measure=st.just(ByteByByte()),
)


@settings(deadline=None)
@given(SWEEPS)
def test_each_number_is_another_case_and_its_replay_id_gives_it(sweep: CopySweep) -> None:
    step = max(len(sweep) // 300, 1)
    seen: dict[CopyCase, int] = {}
    for number in range(0, len(sweep), step):
        case = sweep.case(number)
        assert sweep.case(number) == case
        experiment = sweep.experiment(number)
        assert experiment == sweep.experiment_of(case)
        again = parse_replay_id(format_replay_id(experiment))
        assert again == experiment
        assert case == CopyCase(
            again.length, again.source_offset, again.target_offset, again.faults, again.profile, again.irql
        )
        assert (again.routine, again.data, again.images, again.budget) == (
            sweep.routine, sweep.data, sweep.images, sweep.budget
        )  # fmt: skip
        assert seen.setdefault(case, number) == number


@settings(deadline=None)
@given(SWEEPS)
def test_the_json_form_is_read_back(sweep: CopySweep) -> None:
    data = json.loads(json.dumps(sweep.to_json()))
    again = CopySweep.from_json(data)
    assert again == sweep
    assert again.to_json() == data
    assert len(again) == len(sweep)
    assert str(again) == str(sweep)
    assert list(again.numbers()) == list(sweep.numbers())
    for number in range(0, len(sweep), max(len(sweep) // 20, 1)):
        assert again.case(number) == sweep.case(number)


@settings(deadline=None)
@given(SWEEPS)
def test_a_sample_is_at_most_as_large_as_asked_for(sweep: CopySweep) -> None:
    numbers = sweep.numbers()
    if sweep.sample is None or sweep.sample >= len(sweep):
        assert numbers == range(len(sweep))
    else:
        assert numbers == Sample(len(sweep), sweep.sample, sweep.seed)


def texts(sweep: CopySweep) -> list[str]:
    return [format_replay_id(sweep.experiment(number)) for number in range(len(sweep))]


@given(SWEEPS)
@settings(deadline=None, max_examples=60)
def test_the_parts_hold_all_numbers_in_order(sweep: CopySweep) -> None:
    parts = sweep.parts()
    assert [number for part in parts for number in part.numbers] == list(range(len(sweep)))
    assert [(part.profile, part.faults) for part in parts] == list(
        itertools.product(sweep.profiles, map(str, sweep.faults))
    )
    for part in parts:
        for number in part.numbers[:3]:
            case = sweep.case(number)
            assert case.profile == part.profile
            declared = part.faults.split("&") if part.faults else []
            assert [text.partition("@")[0] for text in declared] == [
                str(each).partition("@")[0] for each in case.faults
            ]


def test_the_order_of_the_axes() -> None:
    sweep = CopySweep(
        lengths=Axis.parse("3,2"),
        source_offsets=Axis.parse("0,20"),
        target_offsets=Axis.parse("5,4"),
        profiles=(NEHALEM, Profile()),
        faults=parse_fault_choices([",flip=1@src+0-1"]),
        irqls=Axis.parse("0,2"),
    )
    expected = [
        CopyCase(length, source, target, tuple(map(parse_fault, fault)), profile, irql)
        for profile in (NEHALEM, Profile())
        for choice in ([()], [("flip=1@src+0",), ("flip=1@src+1",)])
        for length, source, target, irql, fault in itertools.product([3, 2], [0, 20], [5, 4], [0, 2], choice)
    ]
    assert [sweep.case(number) for number in range(len(sweep))] == expected


def test_every_byte_of_a_copy_and_the_one_behind_it() -> None:
    sweep = CopySweep(
        lengths=Axis.parse("0-2"), source_offsets=Axis.parse("15,0"), faults=parse_fault_choices(["none@every-byte"])
    )
    assert [text.removeprefix("CopyFromUser/").replace("/dst=+0/profile=skylake-server/data=7/irql=0", "")
            for text in texts(sweep)] == [
        "len=0/src=+1039/none@src+0,access=1",
        "len=0/src=+0/none@src+0",
        "len=1/src=+1039/none@src+0,access=1",
        "len=1/src=+4095/none@src+1",
        "len=1/src=+0/none@src+0",
        "len=1/src=+1024/none@src+1,access=1",
        "len=2/src=+1039/none@src+0,access=1",
        "len=2/src=+4095/none@src+1",
        "len=2/src=+1039/none@src+2,access=1",
        "len=2/src=+0/none@src+0",
        "len=2/src=+1024/none@src+1,access=1",
        "len=2/src=+1024/none@src+2,access=1",
    ]  # fmt: skip


def test_pairs_are_a_product() -> None:
    sweep = CopySweep(
        lengths=Axis.of([1]), source_offsets=Axis.of([100]), faults=parse_fault_choices(["none@every-byte"] * 2)
    )
    assert [tuple(map(str, sweep.case(number).faults)) for number in range(len(sweep))] == [
        (f"none@src+{first},access=1", f"none@src+{second},access=1") for first in range(2) for second in range(2)
    ]


def test_faults_of_a_clean_run_are_where_the_run_is() -> None:
    sweep = CopySweep(
        lengths=Axis.of([0, 2]),
        source_offsets=Axis.of([3]),
        faults=parse_fault_choices(["none@every-access,ro@dst+every-access,skip@every-instruction"]),
        measure=ByteByByte(),
    )
    cases = [sweep.case(number) for number in range(len(sweep))]
    assert [(case.length, case.source_offset, str(case.faults[0])) for case in cases] == [
        (2, 3, "none@src+0,access=1"),
        (2, 3, "none@src+1,access=1"),
        (2, 3, "ro@dst+0,access=1"),
        (2, 3, "ro@dst+1,access=1"),
        (0, 3, "skip@cpu,insn=1"),
        *((2, 3, f"skip@cpu,insn={number}") for number in range(1, 8)),
    ]


def test_a_byte_that_a_copy_lacks_is_at_no_instruction_of_it() -> None:
    sweep = CopySweep(
        lengths=Axis.of([2, 3]), faults=parse_fault_choices(["none@src+3+every-instruction"]), measure=ByteByByte()
    )
    assert [(sweep.case(number).length, str(sweep.case(number).faults[0])) for number in range(len(sweep))] == [
        (3, f"none@src+3,insn={number}") for number in range(1, 11)
    ]


def test_clean_runs_are_run_once_and_what_they_gave_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = CopySweep(lengths=Axis.of([8, 16]), faults=parse_fault_choices(["none@every-access"]))
    data = sweep.to_json()
    assert data["measured"] == {
        "patterns": [{"source-accesses": [[0, 1, 8, 1]]}, {"source-accesses": [[0, 1, 16, 1]]}],
        "cells": [[0, 1], [1, 1]],
    }, "so few are copied byte by byte"
    again = CopySweep.from_json(data)
    monkeypatch.setattr("emu.campaign.plan.clean_run.Machine", None)
    assert again.case(23).faults == (parse_fault("none@src+15,access=1"),)


def test_a_sweep_of_millions_is_ready_at_once_and_says_what_it_is() -> None:
    sweep = CopySweep(
        lengths=Axis.parse("0-128"),
        source_offsets=Axis.parse("0-15"),
        target_offsets=Axis.parse("0-15"),
        profiles=(Profile(), NEHALEM),
        faults=parse_fault_choices(["none@every-byte,guard@every-byte"]),
        irqls=Axis.parse("0,2"),
        sample=1_000_000,
        seed=5,
    )
    assert str(sweep) == (
        "CopyFromUser: 2 profiles (skylake-server, nehalem) × 129 lengths (0-128) × 16 source offsets (0-15) × "
        "16 target offsets (0-15) × 2 IRQLs (0,2) × faults (none@every-byte, guard@every-byte): 17,172,480 cases, "
        "1,000,000 of them drawn with seed 5"
    )
    assert sweep.case(len(sweep) - 1) == CopyCase(128, 1039, 15, (parse_fault("guard@src+128,access=1"),), NEHALEM, 2)
    assert str(CopySweep()) == (
        "CopyFromUser: 1 profile (skylake-server) × 1 length (64) × 1 source offset (0) × 1 target offset (0): 1 case"
    )


def test_a_sweep_that_was_used_can_be_sent_to_another_process() -> None:
    sweep = CopySweep(faults=parse_fault_choices(["none@every-byte"]))
    sweep.case(3)
    again = pickle.loads(pickle.dumps(sweep))
    assert again == sweep
    assert again.case(64) == sweep.case(64)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"profiles": ()}, "profiles none: name one"),
        ({"profiles": (NEHALEM, NEHALEM)}, "profiles nehalem, nehalem: name one, and each once"),
        ({"faults": ()}, "faults: there is no choice"),
        ({"faults": (FaultChoice(), FaultChoice())}, "faults '': it is there twice"),
        ({"faults": parse_fault_choices(["none@src+65"])}, r"faults 'none@src\+65': no length of 64 has that byte"),
        ({"faults": parse_fault_choices(["none@src+65-70"])}, "no length of 64 has that byte"),
        ({"faults": parse_fault_choices(["none@buf+6"])}, "there is no buffer 'buf'"),
        ({"source_offsets": Axis.of([4096])}, "source offset 4096 lies outside a page; choose 0 to 4095"),
        ({"target_offsets": Axis.of([5, 4097])}, "target offset 4097 lies outside a page"),
        ({"irqls": Axis.of([16])}, "irql 16 does not exist"),
        ({"budget": 0}, "a budget of 0 blocks"),
        ({"routine": ""}, "the routine has no name"),
        ({"sample": 0}, "a sample of 0: choose 1 or more"),
        ({"data": Inline(b"short")}, "length 64 is more than the data has"),
        (
            {"lengths": Axis.parse("0-99999"), "source_offsets": Axis.parse("0-63"),
             "faults": parse_fault_choices(["none@every-access"])},
            "faults that are measured need 6400000 clean runs, more than 4194304",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ExperimentError, match=says):
        CopySweep(**values)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": 2}, "plan: it has version 2, this emu reads up to 1"),
        ({"plan": "what-if"}, "plan: its kind is 'what-if', not 'copy-sweep'"),
        ({"lengths": None}, "plan: 'lengths' is missing"),
        ({"lengths": [1]}, r"plan: 'lengths' is \[1\]; a text belongs there"),
        ({"lengths": "9-1"}, "plan: lengths '9-1': it runs backwards"),
        ({"profiles": ["i486"]}, "plan: unknown CPU model 'i486'"),
        ({"faults": ["nune@src+1"]}, "plan: fault 'nune@src\\+1': character 1"),
        ({"data": "x"}, "plan: data=x: give a seed"),
        ({"budget": "1"}, "plan: 'budget' is '1'; an integer belongs there"),
        ({"flavour": 1}, "plan: 'flavour': no field of that name is known"),
        ({"measured": {}}, "plan: 'measured': no field of that name is known"),
        ({"faults": ["none@every-access"]}, "plan: 'measured' is missing"),
        ({"faults": ["none@every-access"], "measured": {"patterns": [], "cells": []}}, "cells: 1 of 1 are missing"),
        ({"routine": ""}, "plan: the routine has no name"),
    ],
)
def test_a_json_form_that_is_damaged_or_newer_is_refused(changes: dict[str, Any], says: str) -> None:
    data = {name: value for name, value in (CopySweep().to_json() | changes).items() if value is not None or
            name not in changes}  # fmt: skip
    with pytest.raises(ExperimentError, match=says):
        CopySweep.from_json(data)


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ExperimentError, match="plan: an object belongs here, not str"):
        CopySweep.from_json("{}")


def test_an_experiment_has_what_all_cases_share() -> None:
    sweep = CopySweep("f", images=("f.S",), data=Pattern(9), budget=5)
    assert sweep.experiment(0) == CopyExperiment("f", images=("f.S",), data=Pattern(9), budget=5)
