# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the buffers of a sweep lie: at a page boundary where the alignment has one, else the page changes in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.plan.sweep_placement import PlacedFault, follows_page, place, place_one
from emu.faults import BufferPlace, Fault, parse_fault

BYTES = st.integers(0, 5000)
OFFSETS = st.integers(0, 4095) | st.integers(0, 15)
FAULTS = st.builds(
    Fault,
    st.sampled_from(["none", "guard", "ro", "in-page-error", "paged-out"]),
    st.builds(BufferPlace, st.sampled_from(["src", "dst"]), BYTES),
    access=st.sampled_from([None, None, None, 2]),
)


def placed(*texts: str) -> list[PlacedFault]:
    return [PlacedFault.of(parse_fault(text)) for text in texts]


def texts(faults: tuple[Fault, ...]) -> list[str]:
    return [str(fault) for fault in faults]


@pytest.mark.parametrize(
    ("fault", "source", "target", "becomes"),
    [
        ("none@src+37", 11, 3, ("none@src+37", 4059, 3)),
        ("none@src+0", 0, 0, ("none@src+0", 0, 0)),
        ("none@src+16", 0, 0, ("none@src+16", 4080, 0)),
        ("none@src+37", 10, 3, ("none@src+37,access=1", 1034, 3)),
        ("none@src+37,times=2", 10, 3, ("none@src+37,access=1,times=2", 1034, 3)),
        ("ro@dst+5", 2, 11, ("ro@dst+5", 2, 4091)),
        ("ro@dst+5", 2, 12, ("ro@dst+5,access=1", 2, 1036)),
        ("none@src+37", 4059, 3, ("none@src+37", 4059, 3)),
        ("none@src+37", 100, 3, ("none@src+37,access=1", 100, 3)),
        ("none@src+37,access=2", 11, 3, ("none@src+37,access=2", 11, 3)),
        ("none@src+37,insn=2", 11, 3, ("none@src+37,insn=2", 11, 3)),
        ("none@src+37,probability=50", 11, 3, ("none@src+37,probability=50", 11, 3)),
        ("flip=0x80@src+37", 11, 3, ("flip=0x80@src+37", 11, 3)),
        ("skip@cpu,insn=4", 11, 3, ("skip@cpu,insn=4", 11, 3)),
        ("none@0x1000", 11, 3, ("none@0x1000", 11, 3)),
        ("none@CopyFromUser+37", 11, 3, ("none@CopyFromUser+37", 11, 3)),
    ],
)
def test_one_fault(fault: str, source: int, target: int, becomes: tuple[str, int, int]) -> None:
    faults, *offsets = place_one(placed(fault)[0], source, target)
    assert (*texts(faults), *offsets) == becomes


@pytest.mark.parametrize(
    ("faults", "source", "target", "becomes"),
    [
        ([], 7, 9, ([], 7, 9)),
        (["none@src+37", "guard@src+38"], 11, 0, (["none@src+37", "guard@src+38,access=1"], 4059, 0)),
        (["none@src+37", "guard@src+38"], 10, 0, (["none@src+37,access=1", "guard@src+38"], 4058, 0)),
        (["none@src+37", "guard@src+38"], 1, 0, (["none@src+37,access=1", "guard@src+38,access=1"], 1025, 0)),
        (["none@src+37", "ro@dst+1"], 11, 15, (["none@src+37", "ro@dst+1"], 4059, 4095)),
        (["none@src+0", "none@src+4096"], 0, 0, (["none@src+0", "none@src+4096"], 0, 0)),
        (["skip@cpu,insn=3", "flip=1@src+3,access=2"], 5, 6, (["skip@cpu,insn=3", "flip=0x1@src+3,access=2"], 5, 6)),
    ],
)
def test_several_faults(faults: list[str], source: int, target: int, becomes: tuple[list[str], int, int]) -> None:
    changed, *offsets = place(placed(*faults), source, target)
    assert (texts(changed), *offsets) == becomes


@given(FAULTS, OFFSETS, OFFSETS)
def test_one_is_the_general_case_of_several(fault: Fault, source: int, target: int) -> None:
    other = PlacedFault.exact(parse_fault("skip@cpu,insn=1"))
    faults, *offsets = place([PlacedFault.of(fault), other], source, target)
    assert (faults[:1], *offsets) == place_one(PlacedFault.of(fault), source, target)


@given(st.lists(FAULTS, max_size=4), OFFSETS, OFFSETS)
def test_a_page_state_begins_a_page_or_waits_for_its_byte(faults: list[Fault], source: int, target: int) -> None:
    changed, *placed_at = place([PlacedFault.of(fault) for fault in faults], source, target)
    for given_offset, offset in zip((source, target), placed_at, strict=True):
        assert 0 <= offset < 4096
        assert offset % 16 == given_offset % 16
        assert given_offset < 16 or offset == given_offset
    for fault, becomes in zip(faults, changed, strict=True):
        assert isinstance(fault.place, BufferPlace)
        assert becomes.place == fault.place
        offset = placed_at[fault.place.buffer == "dst"]
        begins_page = not (offset + fault.place.offset) % 4096
        assert becomes.access == (fault.access if fault.access or begins_page else 1)


def test_what_depends_on_the_page() -> None:
    assert follows_page(parse_fault("none@src+3,times=1"))
    assert not follows_page(parse_fault("none@buffer+3"))
    assert not follows_page(parse_fault("none@src+3,fail-nth=2"))
