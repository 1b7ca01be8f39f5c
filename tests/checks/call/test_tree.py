# SPDX-License-Identifier: GPL-2.0-or-later
"""Who called whom: calls, tail calls into accessors, filters and unwinds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.checks import CheckedCall
from emu.checks.call import tree as tree_module
from emu.checks.call.tree import call_trees
from emu.trace import Trace
from emu.trace.activations import BEGAN_BY, CALL, JUMP, Began, Ended, Happened, activations
from tests.checks.captured import Captured
from tests.trace.random_calls import random_traces

SOURCE = """
#include <ntddk.h>
#include <usermode_accessors.h>

__attribute__((noinline)) ULONG Leaf(volatile const ULONG *user) { return *user; }
__attribute__((noinline)) ULONG Middle(volatile const ULONG *user) { return Leaf(user) + Leaf(user + 1); }
ULONG Outer(const ULONG *user) { return Middle(user) + ReadULongFromUser(user); }
ULONG Tail(const ULONG *user) { return ReadULongFromUser(user); }
ULONG Raises(void)
{
    __try { ExRaiseStatus(STATUS_UNSUCCESSFUL); }
    __except (EXCEPTION_EXECUTE_HANDLER) { return 1; }
    return 0;
}
ULONG RaisesThenReads(const ULONG *user)
{
    return Raises() + ReadULongFromUser(user);
}
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    made = Captured()
    made.load(tmp_path_factory.mktemp("tree"), SOURCE, ".c")
    made.machine.checkpoint()
    return made


def shape(call: CheckedCall) -> list[str]:
    """Return the activations below the host's frame, indented."""
    lines = []
    for each in call.tree.activations:
        depth = sum(1 for _ in each.chain()) - 1
        if depth:
            name = call.function_name(each.entry).partition("!")[2]
            lines.append(f"{'  ' * (depth - 1)}{name}{'' if each.by == CALL else f' {each.by}'}")
    return lines


def call(captured: Captured, function: str) -> CheckedCall:
    captured.machine.reset()
    return captured.call(function, captured.machine.user.alloc(bytes(range(64)), name="user"))


def test_calls(captured: Captured) -> None:
    found = call(captured, "Outer")
    lines = [line for line in shape(found) if "Uma" not in line]
    assert lines[:5] == ["Outer", "  Middle", "    Leaf", "    Leaf", "  ReadULongFromUser"]
    assert found.callee is not None
    assert found.function_name(found.callee.entry) == "guest!Outer"


def test_each_instruction_has_its_activation(captured: Captured) -> None:
    found = call(captured, "Outer")
    rip = found.instructions.rip
    leaf = captured.machine.resolve("Leaf")
    for index in range(len(found.instructions)):
        activation = found.tree.at(index)
        assert activation is not None
        assert activation.begin <= index < activation.end
        if rip[index] == leaf:
            assert activation.entry == leaf
    first = next(each for each in found.tree.activations if each.entry == leaf)
    assert first.call_site is not None
    assert int(rip[first.call_site + 1]) == leaf
    assert int(rip[first.end]) == first.return_address


def test_a_tail_call_of_an_accessor(captured: Captured) -> None:
    found = call(captured, "Tail")
    assert "  ReadULongFromUser jump" in shape(found)
    (made,) = [each for each in found.accessor_calls if each.name == "ReadULongFromUser"]
    assert made.activation.by_jump
    assert made.activation.by == JUMP
    assert made.activation.parent is found.callee


def test_behind_an_unwind_the_frames_are_gone(captured: Captured) -> None:
    found = call(captured, "RaisesThenReads")
    made = found.accessor_calls[-1]
    caller = made.activation.parent
    assert caller is not None
    assert found.function_name(caller.entry) == "guest!RaisesThenReads"
    assert found.stack(made.activation.begin)[0].startswith("called from guest!RaisesThenReads")


def test_two_calls_of_one_log(captured: Captured) -> None:
    machine = captured.machine
    machine.reset()
    user = machine.user.alloc(64)
    before = len(captured.plugin.calls)
    for name in ("Tail", "Outer"):
        machine.call(name, user)
    assert machine.findings == ()
    one, two = captured.plugin.calls[before:]
    assert one.trace is two.trace
    assert [shape(each)[0] for each in (one, two)] == ["Tail", "Outer"]
    assert two.begin == one.end


class Model:
    """The activations of one call as rows, each what `CallTree.table` says of it, made one instruction at a time."""

    def __init__(self, trace: Trace, steps: list[Began | Ended], begin: int, end: int, is_entry: list[bool]) -> None:
        self.rows: list[dict[str, object]] = []
        self.owner: list[int] = []
        self.open: list[int] = []
        table = trace.instructions
        for at in range(end - begin + 1):
            while steps and steps[0].at == begin + at and (at < end - begin or isinstance(steps[0], Ended)):
                step = steps.pop(0)
                if isinstance(step, Ended):
                    self.pop(at)
                elif isinstance(step, Began):
                    before = table[begin + at - 1] if step.by == CALL and at else None
                    behind = 0 if before is None else int(before["rip"]) + int(before["size"])
                    self.push(at, int(table["rip"][begin + at]), step.by, -1 if before is None else at - 1, behind)
            if at == end - begin:
                break
            top = self.rows[self.open[-1]] if self.open else None
            rip = int(table["rip"][begin + at])
            if top is not None and is_entry[table["code"][begin + at]] and at != top["begin"] and rip != top["entry"]:
                self.push(at, rip, JUMP, at - 1, top["return_address"])
            self.owner.append(self.open[-1] if self.open else -1)
        while self.open:
            self.pop(end - begin)

    def push(self, at: int, entry: int, by: str, site: int, return_address: object) -> None:
        parent = self.open[-1] if self.open else -1
        self.open.append(len(self.rows))
        self.rows.append(
            {
                "begin": at,
                "parent": parent,
                "entry": entry,
                "by": by,
                "call_site": site,
                "return_address": return_address,
            }
        )

    def pop(self, at: int) -> None:
        while self.open:
            ended = self.rows[self.open.pop()]
            ended["end"] = at
            if ended["by"] != JUMP:
                break


@given(random_traces(), st.data())
def test_the_native_core_makes_the_same_tree(trace: Trace, data: st.DataObject) -> None:
    is_entry = data.draw(st.lists(st.booleans(), min_size=len(trace.code), max_size=len(trace.code)))
    steps = [step for step in activations(trace) if not isinstance(step, Happened)]
    for call, tree in zip(trace.calls, call_trees(trace, np.array(is_entry, bool)), strict=True):
        model = Model(trace, steps, call.begin, call.end, is_entry)
        assert tree.owner.tolist() == model.owner
        fields = ("begin", "end", "parent", "call_site", "entry", "return_address")
        found = [{name: int(row[name]) for name in fields} | {"by": BEGAN_BY[row["by"]]} for row in tree.table]
        assert found == model.rows
        assert [each.parent.number if each.parent else -1 for each in tree.activations] == [
            row["parent"] for row in model.rows
        ]


def test_there_is_room_for_any_number_of_activations(monkeypatch: pytest.MonkeyPatch, captured: Captured) -> None:
    trees = call(captured, "Outer")._log.trees
    monkeypatch.setattr(tree_module, "_ROOM", 1)
    again = call(captured, "Outer")._log.trees
    for one, other in zip(trees, again, strict=True):
        assert one.table.tolist() == other.table.tolist()
