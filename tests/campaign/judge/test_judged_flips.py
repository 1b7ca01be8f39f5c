# SPDX-License-Identifier: GPL-2.0-or-later
"""Bits of the buffers that flip: which of a byte's values must land."""

from __future__ import annotations

import pytest

from emu.campaign.experiment.landing import RED_ZONE
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from tests.campaign.observations import (
    ZONE,
    at_boundary,
    case_of,
    content_of,
    raised,
    region_of,
    verdict_of,
    wrong_data,
)


@pytest.mark.parametrize("condition", ["", ",access=1"])
def test_a_byte_that_flips_before_it_is_read_lands_flipped(condition: str) -> None:
    case = case_of(64, f"flip=0x81@src+5{condition}")
    content = content_of(64)
    flipped = content[:5] + bytes((content[5] ^ 0x81,)) + content[6:]
    assert verdict_of(case, region=ZONE + flipped + ZONE, source=flipped) == CORRECT
    assert verdict_of(case, source=content) == Verdict(
        VerdictClass.MASKED, f"flip=0x81@src+5{condition} never struck, although the byte landed"
    )
    assert verdict_of(case, source=flipped).kind is VerdictClass.WRONG_DATA


def test_a_byte_that_flips_before_its_second_read_lands_as_it_was() -> None:
    case = case_of(64, "flip=0x81@src+5,access=2")
    content = content_of(64)
    flipped = content[:5] + bytes((content[5] ^ 0x81,)) + content[6:]
    assert verdict_of(case) == CORRECT
    assert verdict_of(case, source=flipped) == CORRECT, "it read the byte twice and used what it read first"
    assert verdict_of(case, region=ZONE + flipped + ZONE, source=flipped) == wrong_data(
        "byte 5 of 64 was fetched twice: 0xa7 landed, which it became before read 2, and not 0x26"
    )


def test_a_flip_behind_an_instruction_may_land_or_not() -> None:
    case = case_of(64, "flip=0x81@src+5,insn=9", "flip=0x2@dst+9,insn=9")
    content = bytearray(content_of(64))
    assert verdict_of(case) == CORRECT
    content[5] ^= 0x81
    assert verdict_of(case, source=bytes(content)) == CORRECT
    assert verdict_of(case, region=ZONE + bytes(content) + ZONE, source=bytes(content)) == CORRECT
    source = bytes(content)
    content[9] ^= 2
    assert verdict_of(case, region=ZONE + bytes(content) + ZONE, source=source) == CORRECT
    content[9] ^= 1
    assert verdict_of(case, region=ZONE + bytes(content) + ZONE, source=source).kind is VerdictClass.WRONG_DATA


def test_poison_that_was_flipped_is_not_written() -> None:
    case = at_boundary(64, "none", 5)
    case = case._replace(faults=(*case.faults, *case_of(64, "flip=1@dst+9", "flip=1@dst+70").faults))
    region = bytearray(region_of(content_of(64), 5))
    region[RED_ZONE + 9] ^= 1
    region[RED_ZONE + 70] ^= 1
    assert verdict_of(case, raised(case, 5), region=bytes(region)) == CORRECT
    region[RED_ZONE + 10] ^= 1
    assert verdict_of(case, raised(case, 5), region=bytes(region)).kind is VerdictClass.WRONG_DATA
