# SPDX-License-Identifier: GPL-2.0-or-later
"""Who called whom: calls, tail calls into accessors, filters and unwinds."""

from __future__ import annotations

import pytest

from emu.checks import CheckedCall
from emu.checks.call.tree import JUMP
from emu.trace.activations import CALL
from tests.checks.captured import Captured

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
