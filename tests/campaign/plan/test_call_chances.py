# SPDX-License-Identifier: GPL-2.0-or-later
"""What can fail in a call, as a clean run shows it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign import ExperimentError, Pattern
from emu.campaign.experiment.argument import Integer, Memory, Zeroes
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.plan.call_chances import Allocation, CallChances, UserAccess, find_chances
from emu.faults import AddressPlace, BufferPlace
from tests.campaign.what_if_drivers import driver

PLACES = st.builds(BufferPlace, st.sampled_from(["arg0", "arg7"]), st.integers(0, 1 << 40)) | st.builds(
    AddressPlace, st.integers(0, (1 << 64) - 1)
)
CODE = st.sampled_from(["a!b", "a!b+0x3 (c.c:1)", "d"])
CHANCES = st.builds(
    CallChances,
    st.lists(st.builds(UserAccess, PLACES, st.integers(1, 99), st.integers(1, 16), st.booleans(), CODE)).map(tuple),
    st.lists(st.builds(Allocation, st.integers(0, 1 << 20), CODE)).map(tuple),
)


def copy(length: int, user_size: int = 0x2000) -> CallExperiment:
    user = Memory("user", Pattern(), user_size)
    return CallExperiment("CopyFromUser", (Memory("kernel", Zeroes(), user_size), user, Integer(length)))


def test_the_accesses_of_a_copy_cover_its_source_and_nothing_else() -> None:
    chances = find_chances(copy(77))
    touched = set()
    for access in chances.accesses:
        assert isinstance(access.place, BufferPlace)
        assert access.place.buffer == "arg1"
        assert not access.writes
        assert access.where.startswith("umaccess!CopyFromUser")
        touched |= set(range(access.place.offset, access.place.offset + access.size))
    assert touched == set(range(77))
    assert chances.allocations == ()


def test_accesses_to_a_byte_are_numbered_and_allocations_named() -> None:
    twice = find_chances(driver("fetches_its_length_twice").call).accesses
    assert [(str(each.place), each.number, each.size) for each in twice] == [("arg0+0", 1, 4), ("arg0+0", 2, 4)]
    assert re.fullmatch(r"fetches_its_length_twice!FetchesItsLengthTwice\+0x[0-9a-f]+ \(.*\.c:14\)", twice[0].where)
    (allocation,) = find_chances(driver("leaks_pool").call).allocations
    assert allocation.size == 16
    assert re.search(r"leaks_pool!LeaksPool\+0x[0-9a-f]+ \(leaks_pool\.c:15\)$", allocation.where)


def test_an_access_across_a_page_boundary_is_two() -> None:
    accesses = find_chances(driver("reads_across_a_page").call).accesses
    assert [(str(each.place), each.number, each.size) for each in accesses] == [
        ("arg0+4094", 1, 2),
        ("arg0+4096", 1, 2),
    ]


def test_a_request_that_is_not_granted_has_a_number_too() -> None:
    # More than guest RAM: the pool has no room, and the export returns null.
    call = CallExperiment("ExAllocatePool2", (Integer(0x40), Integer(1 << 40), Integer(0x74736554)))
    assert [each.size for each in find_chances(call).allocations] == [1 << 40]


@given(CHANCES)
def test_the_json_form_reads_back(chances: CallChances) -> None:
    assert CallChances.from_json(json.loads(json.dumps(chances.to_json()))) == chances


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"code": [], "accesses": []},
        {"code": [1], "accesses": [], "allocations": []},
        {"code": [], "accesses": [["arg0+1", 1, 1, "read", 0]], "allocations": []},
        {"code": ["a"], "accesses": [["arg0", 1, 1, "read", 0]], "allocations": []},
        {"code": ["a"], "accesses": [["arg0+1", 1, 1, "look", 0]], "allocations": []},
        {"code": ["a"], "accesses": [["arg0+1", 1]], "allocations": []},
        {"code": ["a"], "accesses": [], "allocations": [["x", 0]]},
    ],
)
def test_another_form_is_refused(data: Any) -> None:
    with pytest.raises(ExperimentError, match="'measured' cannot be read: "):
        CallChances.from_json(data)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            CallExperiment("KeBugCheck", (Integer(0xE2),)),
            "KeBugCheck fails without any fault: bugchecked: bugcheck 0x000000E2; see to",
        ),
        (
            CallExperiment("strlen", (Integer(0),), guarded=False),
            "strlen fails without any fault: bugchecked: KMODE_EXCEPTION_NOT_HANDLED (0x0000001E)",
        ),
        (CallExperiment("memset", (Integer(0),), budget=1), "memset fails without any fault: timed out"),
    ],
)
def test_a_call_that_fails_by_itself_is_refused(call: CallExperiment, says: str) -> None:
    with pytest.raises(ExperimentError, match=re.escape(says)):
        find_chances(call)


def test_one_that_raises_by_itself_is_not() -> None:
    chances = find_chances(CallExperiment("strlen", (Integer(0),)))
    assert chances == CallChances()
