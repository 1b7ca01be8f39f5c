# SPDX-License-Identifier: GPL-2.0-or-later
"""The fate of every byte of a target, against a plain comparison byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.experiment.landing import POISON, RED_ZONE, Fate, Landing, poison_for

ZONE = bytes((POISON,)) * RED_ZONE
CONTENTS = st.binary(max_size=700)


@given(CONTENTS)
def test_poison_differs_from_what_is_to_land_in_every_byte(content: bytes) -> None:
    assert all(a != b for a, b in zip(content, poison_for(content), strict=True))


@given(CONTENTS, st.data())
def test_runs_say_what_became_of_each_byte(content: bytes, data: st.DataObject) -> None:
    landed = data.draw(st.integers(0, len(content)))
    target = bytearray(content[:landed] + poison_for(content)[landed:])
    for at in data.draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=4)) if content else ():
        target[at] = data.draw(st.integers(0, 255))
    landing = Landing.compare(content, ZONE + bytes(target) + ZONE)

    def fate(at: int) -> Fate:
        if target[at] == content[at]:
            return "landed"
        return "untouched" if target[at] == poison_for(content)[at] else "wrong"

    fates = [fate(at) for at in range(len(content))]
    assert [run.fate for run in landing.runs for _ in range(run.length)] == fates
    assert [landing.fate(at) for at in range(len(content))] == fates
    assert [run.first for run in landing.runs[1:]] == [run.first + run.length for run in landing.runs[:-1]]
    assert all(a.fate != b.fate for a, b in zip(landing.runs, landing.runs[1:], strict=False))
    assert landing.complete == all(fate == "landed" for fate in fates)
    assert landing.prefix == next((at for at, fate in enumerate(fates) if fate != "landed"), len(fates))
    assert landing.count("wrong") == fates.count("wrong")
    assert landing.damage == ()
    if content:
        first, end = sorted(data.draw(st.tuples(st.integers(0, len(content)), st.integers(0, len(content)))))
        if first < end:
            assert landing.fates(first, end) == set(fates[first:end])


@given(st.integers(0, RED_ZONE - 1), st.integers(0, RED_ZONE - 1))
def test_damage_is_counted_from_the_targets_first_byte(before: int, behind: int) -> None:
    region = bytearray(ZONE + b"abc" + ZONE)
    region[before] = 0
    region[RED_ZONE + 3 + behind] = 0
    assert Landing.compare(b"abc", bytes(region)).damage == (before - RED_ZONE, 3 + behind)


@pytest.mark.parametrize(
    ("landed", "fate"), [(0x41, "landed"), (0x61, "landed"), (0x40, "wrong"), (POISON, "untouched")]
)
def test_a_flipped_byte_may_land_either_way(landed: int, fate: str) -> None:
    region = bytes((POISON,)) * RED_ZONE + bytes((landed, 0x42)) + bytes((POISON,)) * RED_ZONE
    assert Landing.compare(b"\x41\x42", region, {0: 0x20}).fate(0) == fate
