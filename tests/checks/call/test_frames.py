# SPDX-License-Identifier: GPL-2.0-or-later
"""Where return addresses stand, and what returned: calls, tail calls, unwinds, filters."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.checks import CheckedCall
from emu.checks.call.callees import called_by, callee_name
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.columns import CodeTable
from emu.checks.call.frames import Frames, fill_in_frames
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.tree import CallTree, call_trees
from emu.trace import ACCESS, EVENT, StoredSource, Trace
from emu.trace.activations import JUMP
from emu.trace.code import TracedCall
from emu.trace.layout import InstructionFlag
from tests.checks.captured import Captured
from tests.trace.random_calls import HLT, RETURN_CODE, random_traces

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
    assert found.tree.table["parent"].tolist() == [-1, 0, 1, 1]


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


def model(trace: Trace, tree: CallTree, accesses: list[tuple[int, int]]) -> list[tuple[int, bool]]:
    """Return slot and `returned` of each activation; `accesses` have instruction and address."""
    rips, code = trace.instructions["rip"].tolist(), [trace.code[at].bytes for at in trace.instructions["code"]]
    trapped = (trace.instructions["flags"] & int(InstructionFlag.TRAPPED)).astype(bool).tolist()
    found: list[tuple[int, bool]] = []
    for each in tree.activations:
        if each.by == JUMP:
            slot = 0 if each.parent is None else found[each.parent.number][0]
        else:
            pushed = [] if each.call_site is None else [to for at, to in accesses if at <= each.call_site]
            slot = pushed[-1] if pushed else 0
        returned = False
        if 0 < each.end < len(rips) and code[each.end - 1] == RETURN_CODE and not trapped[each.end - 1]:
            owner = tree.at(each.end - 1)
            while owner is not None and owner is not each and owner.by == JUMP:
                owner = owner.parent
            to = rips[each.end]
            if each.return_address is not None:
                goes_back = to == each.return_address
            else:
                goes_back = code[each.end] == HLT and all(above.return_address != to for above in each.chain())
            returned = owner is each and goes_back
        found.append((slot, returned))
    return found


@given(random_traces(), st.data())
def test_the_native_core_fills_in_the_same(trace: Trace, data: st.DataObject) -> None:
    is_entry = data.draw(st.lists(st.booleans(), min_size=len(trace.code), max_size=len(trace.code)))
    # One call, as the indices of a call's instructions begin with it.
    whole = Trace(
        StoredSource(
            trace.instructions,
            trace.accesses,
            np.zeros(0, EVENT),
            code=list(trace.code),
            calls=[TracedCall("f", (), "", 0, len(trace.instructions))],
        )
    )
    tree = call_trees(whole, np.array(is_entry, bool))[0]
    places = st.tuples(st.integers(0, max(len(trace.instructions) - 1, 0)), st.integers(1, 99))
    drawn = data.draw(st.lists(places, max_size=12)) if len(trace.instructions) else []
    accesses = sorted(drawn, key=operator.itemgetter(0))
    first = data.draw(st.integers(0, 5))
    table = np.zeros(len(accesses), ACCESS)
    table["instruction"] = [at + first for at, _ in accesses]
    table["address"] = [address for _, address in accesses]
    codes = CodeTable([(each.rip, each.bytes) for each in trace.code])
    tables = NativeTables(trace.instructions, table, first, codes.kinds, tree.table, tree.owner)
    fill_in_frames(tables)
    frames = Frames(tree.table)
    assert list(zip(frames.slot.tolist(), frames.returned.tolist(), strict=True)) == model(trace, tree, accesses)
