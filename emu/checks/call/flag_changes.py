# SPDX-License-Identifier: GPL-2.0-or-later
"""A flag of RFLAGS over a call, which functions leave as they found it: where it changed, and who did not leave it so.

No registers are recorded for that: each run of the processor begins with values that the log has, and within a run only
a few instructions change them. The native core goes over these (native/flag_changes.c).
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np

from emu.checks.call.code_kind import CodeKind
from emu.checks.call.columns import Instructions, Mask, Numbers
from emu.checks.call.native_passes import FlagTables, load_passes
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.source import quadword
from emu.cpu import registers as r
from emu.cpu.array_address import array_address
from emu.trace.run_log import Run

# Members of an enumeration take their time.
_LOADS, _CALLS = int(CodeKind.LOADS_FLAGS), int(CodeKind.CALL)


class FlagKinds:
    """A flag, and the kinds of instructions that change it."""

    def __init__(self, flag: int, sets: CodeKind, clears: CodeKind) -> None:
        self.flag = flag
        self.changing: Final = int(sets) | int(clears) | _LOADS
        """All of them."""
        self.numbers = flag, int(sets), int(clears), _LOADS, _CALLS
        """As native/flag_changes.c has them."""


AC: Final = FlagKinds(r.FLAG_AC, CodeKind.STAC, CodeKind.CLAC)
DF: Final = FlagKinds(r.FLAG_DF, CodeKind.STD, CodeKind.CLD)


class Suspicion(IntEnum):
    """native/flag_changes.c, enum change_suspicion."""

    RETURNED_CHANGED = 0
    """An activation returned with another value than it began with, by an instruction of its own."""
    CALLED_WHILE_SET = 1
    """A call was made while it was set, by what had found it clear."""
    JUMPED_WHILE_SET = 2
    """An activation was jumped to while it was set, by what had found it clear."""
    TOUCHED_NOTHING = 3
    """It was set, and no user memory touched until it changed again, nor at the other times."""


_OF_ACTIVATIONS: Final = (Suspicion.RETURNED_CHANGED, Suspicion.JUMPED_WHILE_SET)


class Suspect(NamedTuple):
    """Somebody who did not leave it as it was."""

    suspicion: int
    at: int
    """Of the activation, of the call, or of the instruction that set it."""
    change: int
    """The instruction that changed it, of `RETURNED_CHANGED`."""


class FlagChanges:
    """AC or DF. Instructions and activations are those of the tables."""

    def __init__(
        self,
        kinds: FlagKinds,
        tables: NativeTables,
        activations: int,
        instructions: Instructions,
        runs: Sequence[Run],
        ends: list[int],
    ) -> None:
        """`ends` has of each run the index behind its last instruction; `activations` is how many there are."""
        self._count = len(instructions)
        marked = instructions.marked
        begun = np.array([*[0, *ends][: len(runs)], *[quadword(run.begin, r.RFLAGS) for run in runs]], np.int64)
        begins = array_address(begun)
        most = len(runs) + marked.number
        suspects_room = most + marked.number + 2 * activations
        room = np.empty(2 * most + 3 * suspects_room + activations // 8 + 1, np.int64)
        edges = array_address(room)
        suspects = edges + 16 * most
        found = FlagTables(
            *(None, marked.at_address, marked.kinds_address, marked.number, begins, begins + 8 * len(runs), len(runs)),
            *kinds.numbers,
            *(edges, edges + 8 * most, 0, 0, 0, suspects + 24 * suspects_room, suspects, 0),
        )
        load_passes().checks_flag_changes(tables.pointer, ctypes.byref(found))
        self.edges: Numbers = room[: found.edge_count]
        """Before these instructions it is another one than before the instruction before them."""
        self.changes: Numbers = room[most : most + found.change_count]
        """The instructions that changed it; not where the host did, as it takes a trap."""
        self._first = bool(found.first)
        self._suspects = room[2 * most : 2 * most + 3 * found.suspect_count]

    @property
    def suspects(self) -> list[Suspect]:
        """Who did not leave it as it was; nobody where no instruction changed it."""
        if not len(self._suspects):
            return []
        return [Suspect(*row) for row in self._suspects.reshape(-1, 3).tolist()]

    def before(self, instructions: Any) -> Any:
        """Tell whether it was set before an instruction, or before each of some."""
        return (self.edges.searchsorted(instructions, "right") & 1 == 1) ^ self._first

    @functools.cached_property
    def column(self) -> Mask:
        """Whether it was set before each instruction."""
        column = np.full(self._count, self._first, bool)
        for begin, end in zip(self.edges[::2].tolist(), [*self.edges[1::2].tolist(), self._count], strict=False):
            column[begin:end] = not self._first
        return column

    def changed_last(self, before: int) -> int | None:
        """Return the last instruction before another one that changed it."""
        at = int(self.changes.searchsorted(before)) - 1
        return int(self.changes[at]) if at >= 0 else None


def first_at_each_place(suspects: Iterable[Suspect], instructions: Instructions) -> Iterator[Suspect]:
    """Leave out what is suspected of an instruction once more."""
    seen: set[tuple[int, int]] = set()
    for each in suspects:
        if each.suspicion not in _OF_ACTIVATIONS:
            place = each.suspicion, int(instructions.rip[each.at])
            if place in seen:
                continue
            seen.add(place)
        yield each
