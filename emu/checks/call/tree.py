# SPDX-License-Identifier: GPL-2.0-or-later
"""Who called whom in a call: its activations, and which of them each instruction belongs to."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator, Sequence

import numpy as np

from emu.address import Gva
from emu.checks.call.columns import Mask, Numbers
from emu.checks.call.native_passes import ACTIVATION, TreeTables, load_passes
from emu.cpu.array_address import array_address
from emu.trace.activations import BEGAN_BY, CALL, JUMP, steps_of
from emu.trace.source import Table
from emu.trace.trace import Trace


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

    def __init__(self, table: Table, owner: Numbers) -> None:
        self.table = table
        """`ACTIVATION`; `slot` and `returned` are for `emu.checks.call.frames` to fill in."""
        self.owner = owner
        """Of each instruction the number of its activation; -1 for none."""

    @functools.cached_property
    def activations(self) -> Sequence[Activation]:
        """The same one by one."""
        found: list[Activation] = []
        for number, (begin, end, parent, site, entry, return_address, _, by, _) in enumerate(self.table.tolist()):
            each = Activation(
                number,
                None if parent < 0 else found[parent],
                begin,
                Gva(entry),
                BEGAN_BY[by],
                None if site < 0 else site,
                Gva(return_address) if return_address else None,
            )
            each.end = end
            found.append(each)
        return found

    def at(self, instruction: int) -> Activation | None:
        """Return the activation that an instruction belongs to."""
        number = int(self.owner[instruction])
        return None if number < 0 else self.activations[number]


_ROOM = 64
"""Activations that there is room for at first."""


def call_trees(trace: Trace, is_entry: Mask) -> list[CallTree]:
    """Return the tree of each call of a trace (native/call_tree.c).

    is_entry  of each code whether a jump there begins an activation, too: an accessor's first instruction
    """
    steps, library = steps_of(trace), load_passes()
    taken, trees = 0, []
    for call in trace.calls:
        instructions, left = trace.instructions[call.begin : call.end], steps[taken:]
        owner = np.empty(len(instructions), np.int64)
        table = np.empty(_ROOM, ACTIVATION)
        tree = TreeTables(
            steps=array_address(left),
            step_count=len(left),
            instructions=array_address(instructions),
            first=call.begin,
            count=len(instructions),
            is_entry=array_address(is_entry),
            activations=array_address(table),
            room=len(table),
            owner=array_address(owner),
        )
        while not library.checks_call_tree(ctypes.byref(tree)):
            table = np.empty(len(table) * 8, ACTIVATION)
            tree.activations, tree.room = array_address(table), len(table)
        taken += tree.steps_taken
        trees.append(CallTree(table[: tree.activation_count].copy(), owner))
    return trees
