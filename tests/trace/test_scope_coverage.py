# SPDX-License-Identifier: GPL-2.0-or-later
"""`__try` blocks of images, and what the conformance programs reach of theirs."""

from __future__ import annotations

from typing import Final

import pytest

from emu import Machine, Returned, build_guest
from emu.image import PeImage
from emu.trace.coverage import coverage
from emu.trace.scope_coverage import TryBlock, TryCounts, TryPart, primary_function, try_blocks
from tests.conformance.seh.programs import PROGRAMS, Program
from tests.trace.ways_out import SOURCE

LEFT_BEHIND_BACK: Final = {
    "restore_context": "RtlRestoreContext unwinds nothing",
    "setjmp_without_frame": "a longjmp without a frame unwinds nothing",
}
"""Programs that leave a body so that no `__finally` runs."""

RETURNING: Final = [program for program in PROGRAMS if program.path.suffix == ".c"]


@pytest.fixture(scope="module")
def image() -> PeImage:
    return PeImage.parse(build_guest([SOURCE], optimize="0").read_bytes(), "ways_out.sys")


def test_records_of_one_handler_and_target_are_one_block(image: PeImage) -> None:
    blocks = try_blocks(image)
    assert [(block.is_finally, block.has_filter, len(block.body)) for block in blocks] == [
        (True, False, 1),
        (False, True, 2),
        (False, False, 2),
    ]
    inner, outer, constant = blocks
    assert inner.function == outer.function == image.exports["guarded_read"]
    assert constant.function == image.exports["always_taken"]
    assert outer.covers(inner.body[0][0])
    assert not outer.covers(outer.target)


def test_the_image_is_read_once(image: PeImage) -> None:
    assert try_blocks(image) is try_blocks(image)


def test_code_has_a_primary_function_unless_it_is_a_leaf(image: PeImage) -> None:
    begin = image.exports["guarded_read"]
    assert primary_function(image, begin + 5) == begin
    assert primary_function(image, 0) is None


def test_a_block_has_the_parts_of_its_kind() -> None:
    body = ((0x1000, 0x1010),)
    assert TryBlock(0x1000, body, 0x2000, 0).parts == (TryPart.BODY, TryPart.NORMAL, TryPart.ABNORMAL)
    assert TryBlock(0x1000, body, 1, 0x1020).parts == (TryPart.BODY, TryPart.ACCEPTED, TryPart.EXCEPT)
    with_filter = TryBlock(0x1000, body, 0x2000, 0x1020)
    assert with_filter.parts == (TryPart.BODY, TryPart.ACCEPTED, TryPart.REFUSED, TryPart.EXCEPT)


def test_an_rva_is_in_a_piece_in_a_gap_or_outside() -> None:
    block = TryBlock(0x1000, ((0x1000, 0x1010), (0x1020, 0x1030)), 0x2000, 0)
    assert [block.piece(rva) for rva in (0xFFF, 0x1000, 0x100F, 0x1010, 0x1020, 0x1030)] == [None, 0, 0, None, 1, None]
    assert [block.spans(rva) for rva in (0xFFF, 0x1000, 0x1010, 0x102F, 0x1030)] == [False, True, True, True, False]


def test_counts_are_added_part_by_part() -> None:
    counts = TryCounts(1, 2, 3, 4, 5, 6, 7)
    assert counts + counts == TryCounts(2, 4, 6, 8, 10, 12, 14)
    assert [counts.of(part) for part in TryPart] == [1, 2, 3, 5, 6, 7]
    with pytest.raises(TypeError, match="unsupported operand"):
        counts + 1


@pytest.mark.parametrize("program", RETURNING, ids=lambda program: program.name)
def test_each_body_that_was_entered_ran_its_finally(machine: Machine, program: Program) -> None:
    module = machine.load(build_guest([program.path], optimize="1"))
    with machine.trace() as trace:
        outcome = machine.call(module[program.name])
    (covered,) = coverage(trace, trace.images).only(module.name).modules
    for each in covered.try_blocks():
        counts = each.counts
        assert counts.excepted <= counts.accepted
        if not each.block.is_finally:
            assert counts.normal == counts.abnormal == 0
            continue
        ran = counts.normal + counts.abnormal
        if program.name in LEFT_BEHIND_BACK:
            assert counts.entered > ran == 0
        elif isinstance(outcome, Returned):
            assert ran == counts.entered, str(each)
        else:
            assert ran <= counts.entered, str(each)


@pytest.mark.parametrize("optimize", ["0", "2"])
def test_the_three_answers_of_a_filter_are_told_apart(machine: Machine, optimize: str) -> None:
    (program,) = [program for program in PROGRAMS if program.name == "filter_three_answers"]
    module = machine.load(build_guest([program.path], optimize=optimize))
    with machine.trace() as trace:
        machine.call(module[program.name])
    (covered,) = coverage(trace, trace.images).only(module.name).modules
    counts = {each.function: each.counts for each in covered.try_blocks()}
    assert counts == {
        "raising": TryCounts(entered=3, accepted=1, refused=1, continued=1, excepted=1),
        "filter_three_answers": TryCounts(entered=3, accepted=1, excepted=1),
    }
    assert "continued 1" in str(next(each for each in covered.try_blocks() if each.counts.continued))
