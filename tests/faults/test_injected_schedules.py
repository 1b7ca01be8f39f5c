# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults with a schedule on a machine: each access that is a chance, over several calls, and what fails of them."""

import pytest

from emu.nt.status import NtStatus
from emu.outcome import Returned
from tests.faults.touching import status_of, toucher

FAILING = {
    "unmapped": NtStatus.ACCESS_VIOLATION,
    "none": NtStatus.ACCESS_VIOLATION,
    "guard": NtStatus.GUARD_PAGE_VIOLATION,
    "in-page-error": NtStatus.IN_PAGE_ERROR,
}


@pytest.mark.parametrize("kind", FAILING)
def test_every_second_access_fails_and_the_next_is_as_if_nothing_had_been(kind: str) -> None:
    guest = toucher()
    guest.inject(f"{kind}@src+0,interval=2")
    assert [(status_of(outcome), made) for outcome, made in (guest.touch(9) for _ in range(4))] == [
        (FAILING[kind], 1)
    ] * 4
    assert guest.machine.user.state(guest.src) == "resident, rw"
    assert len(guest.struck) == 1


def test_every_second_access_is_paged_out_and_made() -> None:
    guest = toucher()
    guest.inject("paged-out@src+0,interval=2")
    outcome, made = guest.touch(9)
    assert (status_of(outcome), made) == (None, 9)
    assert len(guest.struck) == 4


def test_a_page_that_cannot_be_written_fails_writes_alone() -> None:
    guest = toucher()
    guest.inject("ro@src+0,interval=2")
    assert guest.touch(9)[1] == 9
    assert guest.struck == []
    assert [guest.touch(9, "write")[1] for _ in range(2)] == [1, 1]
    assert guest.touch(9, "change")[1] == 1
    assert guest.touch(9)[1] == 9


@pytest.mark.parametrize(("number", "made"), [(1, [0, 4, 4]), (6, [4, 1, 4])])
def test_fail_nth_is_counted_over_the_calls(number: int, made: list[int]) -> None:
    guest = toucher()
    guest.inject(f"none@src+0,fail-nth={number}")
    assert [guest.touch(4)[1] for _ in range(3)] == made


def test_space_is_in_bytes_that_were_accessed() -> None:
    guest = toucher()
    guest.inject("none@src+0,space=6")
    assert [guest.touch(4)[1] for _ in range(3)] == [4, 2, 0]


def test_times_and_a_schedule() -> None:
    guest = toucher()
    guest.inject("none@src+0,interval=3,times=2")
    assert [guest.touch(4)[1] for _ in range(4)] == [2, 2, 4, 4]


def test_probability_is_the_same_every_time() -> None:
    runs = []
    for seed in (5, 5, 6):
        guest = toucher()
        guest.inject(f"none@src+0,probability=20,seed={seed}")
        runs.append([guest.touch(20)[1] for _ in range(10)])
    assert runs[0] == runs[1] != runs[2]
    assert any(0 < made < 20 for made in runs[0])


@pytest.mark.parametrize(("condition", "copies", "touches"), [("require", False, True), ("reject", True, False)])
def test_a_function_in_which_it_strikes_and_one_in_which_it_does_not(
    condition: str, copies: bool, touches: bool
) -> None:
    guest = toucher()
    guest.inject(f"none@src+0,{condition}=CopyFromUser")
    copied = guest.machine.call("CopyFromUser", guest.dst, guest.src, 64)
    assert isinstance(copied, Returned) == copies
    assert (guest.touch(4)[1] == 4) == touches
    copied = guest.machine.call("CopyFromUser", guest.dst, guest.src, 64)
    assert isinstance(copied, Returned) == copies
