# SPDX-License-Identifier: GPL-2.0-or-later
"""Who called whom in a call: its activations, and which of them each instruction belongs to."""

from __future__ import annotations

import bisect
import operator
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from emu.address import Gva
from emu.checks.call.columns import Numbers
from emu.trace.activations import CALL, Began, Ended, activations
from emu.trace.trace import Trace

JUMP: Final = "jump"


class Activation:
    """One run of a function, from its first instruction to its return, or to the unwind that ended it."""

    __slots__ = ("begin", "by", "call_site", "end", "entry", "number", "parent", "return_address")

    def __init__(
        self,
        number: int,
        parent: Activation | None,
        begin: int,
        entry: Gva,
        by: str,
        call_site: int | None,
        return_address: Gva | None,
    ) -> None:
        self.number = number
        self.parent = parent
        """Who called it; of what the host started (a filter, a handler), what was interrupted."""
        self.begin = begin
        """Index of its first instruction."""
        self.end = begin
        """Index behind its last one."""
        self.entry = entry
        """Address of its first instruction."""
        self.by = by
        """What began it: `call`, `jump`; what the host started, `filter or handler`, `__finally`, `host`."""
        self.call_site = call_site
        """Index of the call instruction, or of the jump; None where the host began it."""
        self.return_address = return_address
        """Where it is to return to."""

    def chain(self) -> Iterator[Activation]:
        """Give this one, its caller, and so on."""
        at: Activation | None = self
        while at is not None:
            yield at
            at = at.parent

    @property
    def by_jump(self) -> bool:
        """Whether its caller jumped to it, and has its own return address returned to."""
        return self.by == JUMP

    @property
    def by_guest(self) -> bool:
        """Whether code called it or jumped to it, and not the host."""
        return self.by in (CALL, JUMP)

    def __repr__(self) -> str:
        return f"<Activation {self.number} of {self.entry:#x}, instructions {self.begin} to {self.end}>"


class CallTree:
    """The activations of one call, in the order in which they began."""

    def __init__(self, all_activations: Sequence[Activation], owner: Numbers) -> None:
        self.activations = all_activations
        self.owner = owner
        """Of each instruction the number of its activation; -1 for none."""

    def at(self, instruction: int) -> Activation | None:
        """Return the activation that an instruction belongs to."""
        number = int(self.owner[instruction])
        return None if number < 0 else self.activations[number]


_begin = operator.attrgetter("begin")


def with_jumps(tree: CallTree, jumps: Sequence[tuple[int, Gva]]) -> CallTree:
    """Return a tree in which a jump to a function's begin (a tail call, a thunk) begins an activation, too.

    jumps  in ascending order, index of the instruction that was jumped to and its address
    """
    owner, found = tree.owner.copy(), list(tree.activations)
    called: dict[Activation, list[Activation]] = {}
    for each in found:
        if each.parent is not None:
            called.setdefault(each.parent, []).append(each)
    for at, entry in jumps:
        left = found[int(owner[at])] if owner[at] >= 0 else None
        if left is None or left.begin == at or left.entry == entry:
            continue
        reached = Activation(len(found), left, at, entry, JUMP, at - 1, left.return_address)
        reached.end = left.end
        mine = called.get(left, [])
        behind = bisect.bisect_left(mine, at, key=_begin)
        for each in mine[behind:]:
            each.parent = reached
        called[left], called[reached] = [*mine[:behind], reached], mine[behind:]
        part = owner[at : left.end]
        part[part == left.number] = reached.number
        found.append(reached)
    if len(found) == len(tree.activations):
        return tree
    found.sort(key=lambda each: (each.begin, each.number))
    numbers = np.empty(len(found) + 1, np.int64)
    numbers[[each.number for each in found]] = np.arange(len(found))
    numbers[-1] = -1
    for number, each in enumerate(found):
        each.number = number
    return CallTree(found, numbers[owner])


class _Building:
    """The tree of a call while the trace is gone through."""

    def __init__(self, first: int, count: int, rips: Sequence[Gva]) -> None:
        self.first = first
        self.count = count
        self._rips = rips
        self.all: list[Activation] = []
        self._stack: list[Activation] = []
        self._changes: list[tuple[int, int]] = [(0, -1)]

    def step(self, step: Began | Ended, trace: Trace) -> None:
        at = step.at - self.first
        if isinstance(step, Ended):
            if self._stack:
                self._stack.pop().end = at
        else:
            call_site = return_address = None
            if step.by == CALL and at > 0:
                call_site = at - 1
                row = trace.instructions[step.at - 1]
                return_address = Gva(int(row["rip"]) + int(row["size"]))
            parent = self._stack[-1] if self._stack else None
            begun = Activation(len(self.all), parent, at, self._rips[step.code], step.by, call_site, return_address)
            self.all.append(begun)
            self._stack.append(begun)
        self._changes.append((at, self._stack[-1].number if self._stack else -1))

    def tree(self) -> CallTree:
        for open_one in self._stack:
            open_one.end = self.count
        places = np.array([*self._changes, (self.count, -1)], np.int64)
        lengths = np.maximum(np.diff(places[:, 0]), 0)
        return CallTree(self.all, np.repeat(places[:-1, 1], lengths))


def call_trees(trace: Trace, rips: Sequence[Gva]) -> list[CallTree]:
    """Return the tree of each call of a trace. `rips` has the address of each code."""
    building = [_Building(call.begin, call.end - call.begin, rips) for call in trace.calls]
    number = 0
    for step in activations(trace):
        if isinstance(step, Began | Ended):
            while number + 1 < len(building) and step.at >= trace.calls[number].end and not _ends(step, trace, number):
                number += 1
            building[number].step(step, trace)
    return [each.tree() for each in building]


def _ends(step: Began | Ended, trace: Trace, number: int) -> bool:
    """Tell whether a step at the end of a call is its own: what is open ends there."""
    return isinstance(step, Ended) and step.at == trace.calls[number].end
