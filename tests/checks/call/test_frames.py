# SPDX-License-Identifier: GPL-2.0-or-later
"""Where return addresses stand, and what returned: calls, tail calls, unwinds, filters."""

from __future__ import annotations

import pytest

from emu.checks import CheckedCall
from emu.checks.call.callees import called_by, callee_name
from emu.checks.call.code_kind import CodeKind
from tests.checks.captured import Captured

SOURCE = """
#include <ntddk.h>
#include <usermode_accessors.h>

__attribute__((noinline)) ULONG Leaf(volatile const ULONG *user) { return *user; }
ULONG Calls(const ULONG *user) { return Leaf(user) + Leaf(user + 1); }
ULONG Jumps(const ULONG *user) { return ReadULongFromUser(user); }
__attribute__((noinline)) ULONG Raises(void) { ExRaiseStatus(STATUS_UNSUCCESSFUL); return 0; }
ULONG Catches(const ULONG *user)
{
    __try { return Raises(); }
    __except (*(volatile const ULONG *)user ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) { return 1; }
}
ULONG CallsNothing(ULONG (*function)(void)) { return function() + 1; }
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    made = Captured()
    made.load(tmp_path_factory.mktemp("frames"), SOURCE, ".c")
    made.machine.checkpoint()
    return made


def call(captured: Captured, function: str, *arguments: object) -> CheckedCall:
    captured.machine.reset()
    given = arguments or (captured.machine.user.alloc(b"\1" * 64, name="user"),)
    return captured.call(function, *given)


def returned(found: CheckedCall) -> dict[str, list[bool]]:
    """Return for each function whether its activations returned."""
    names: dict[str, list[bool]] = {}
    for each in found.tree.activations:
        name = found.function_name(each.entry).partition("!")[2]
        names.setdefault(name, []).append(bool(found.frames.returned[each.number]))
    return names


def test_calls(captured: Captured) -> None:
    found = call(captured, "Calls")
    assert returned(found) == {"KiGuardedCall": [False], "Calls": [True], "Leaf": [True, True]}
    host, caller, *leaves = found.frames.slot.tolist()
    assert host == 0
    assert leaves[0] == leaves[1] < caller
    for each in found.tree.activations[1:]:
        assert found.state_at(each.begin).registers["rsp"] == int(found.frames.slot[each.number])
    assert found.frames.parent.tolist() == [-1, 0, 1, 1]


def test_a_tail_call_returns_for_both(captured: Captured) -> None:
    found = call(captured, "Jumps")
    assert returned(found)["Jumps"] == [True]
    assert returned(found)["ReadULongFromUser"] == [True]
    of_jump, of_accessor = found.frames.slot.tolist()[1:3]
    assert of_jump == of_accessor


def test_what_was_unwound_did_not_return_and_a_filter_did(captured: Captured) -> None:
    found = call(captured, "Catches")
    names = returned(found)
    assert names["Raises"] == [False]
    assert names["ExRaiseStatus"] == [False]
    filters = [each for each in found.tree.activations if each.by == "filter or handler"]
    assert filters
    assert any(found.frames.returned[each.number] for each in filters)
    assert all(found.frames.slot[each.number] == 0 for each in filters)
    assert names["Catches"][0]


def test_callees(captured: Captured) -> None:
    found = call(captured, "Calls")
    calls = found.instructions.of_kind(CodeKind.CALL).tolist()
    assert [callee_name(found, at).partition("!")[2] for at in calls] == ["Calls", "Leaf", "Leaf"]


def test_a_call_that_leads_nowhere(captured: Captured) -> None:
    found = call(captured, "CallsNothing", 0x1000)
    at = int(found.instructions.of_kind(CodeKind.CALL)[-1])
    assert called_by(found, at) is None
    assert callee_name(found, at) == "what is no code"
