# SPDX-License-Identifier: GPL-2.0-or-later
"""From the store of a register back to the load that filled it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from emu.trace.code import Code
from emu.trace.extent import take
from emu.trace.layout import ACCESS, EventKind, InstructionFlag
from emu.trace.register_flow import FAMILIES, NO_FAMILY, register_flow
from emu.trace.source import Chunk, Table

Counts: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

_KEEPS_REGISTERS: Final = (EventKind.TrapTaken, EventKind.PagedIn, EventKind.StackGrown)
"""Events after which the instruction goes on with the registers that it had."""

_ROW: Final = f"V{ACCESS.itemsize}"
_BYTE_MASKS: Final = np.array([(1 << 8 * min(count, 8)) - 1 for count in range(17)], np.uint64)


class CopyFlow:
    """The loads that registers hold, from one piece of a trace to the next."""

    def __init__(self) -> None:
        self._loads = np.zeros(0, np.int8)
        self._stores = np.zeros(0, np.int8)
        self._moves = np.zeros(0, bool)
        self._changes = np.zeros((0, FAMILIES), bool)
        self._held: list[Table | None] = [None] * FAMILIES
        self._interrupted = 0

    def sources_of(self, chunk: Chunk, code: Sequence[Code], reads: Table, writes: Table) -> tuple[Table, Counts]:
        """Return for each write the read that its bytes came from, and how many of them did: 0 where none is known.

        Byte k of the write is byte k of the read. `reads` and `writes` are performed accesses of the chunk, in order.
        """
        numbers = chunk.instructions["code"]
        if len(numbers):
            self._learn(code, int(numbers.max()) + 1)
        sources = np.zeros(len(writes), ACCESS)
        counts = np.zeros(len(writes), np.int64)
        writers = writes["instruction"].astype(np.int64)
        written_by = numbers[writers - chunk.first]
        moved = np.flatnonzero(self._moves[written_by])
        found, at = _find(reads["instruction"], writes["instruction"][moved])
        self._accept(sources, counts, writes, moved[found], take(reads, at))
        interruptions = self._interruptions(chunk)
        retired = chunk.instructions["flags"] & InstructionFlag.TRAPPED == 0
        stored = self._stores[written_by]
        for family in range(FAMILIES):
            stores = np.flatnonzero(stored == family)
            if not len(stores) and not len(reads) and self._held[family] is None:
                continue
            changed = np.flatnonzero(self._changes[numbers, family] & retired) + chunk.first
            if len(stores):
                last = np.searchsorted(changed, writers[stores]) - 1
                here = last >= 0
                loaded_by = np.where(here, changed[last] if len(changed) else -1, -1)
                is_load = here.copy()
                is_load[here] = self._loads[numbers[loaded_by[here] - chunk.first]] == family
                found, at = _find(reads["instruction"], loaded_by[is_load].astype(np.uint64))
                candidates = np.zeros(len(stores), ACCESS)
                known = np.zeros(len(stores), bool)
                held = self._held[family]
                if held is not None:
                    candidates[~here], known[~here] = held, True
                chosen = np.flatnonzero(is_load)[found]
                candidates.view(_ROW)[chosen] = reads.view(_ROW)[at]
                known[chosen] = True
                before = np.searchsorted(interruptions, writers[stores], "right") - 1
                known &= candidates["instruction"].astype(np.int64) >= interruptions[before]
                self._accept(sources, counts, writes, stores[known], take(candidates, known))
            if len(changed):
                self._held[family] = self._load_at(int(changed[-1]), family, chunk, reads)
        self._interrupted = int(interruptions[-1])
        return sources, counts

    def _load_at(self, instruction: int, family: int, chunk: Chunk, reads: Table) -> Table | None:
        if self._loads[chunk.instructions["code"][instruction - chunk.first]] != family:
            return None
        found, at = _find(reads["instruction"], np.array([instruction], np.uint64))
        return reads[at[0]] if len(found) else None

    def _interruptions(self, chunk: Chunk) -> Counts:
        """Return the instructions before which registers may have been changed from outside, earlier ones as one."""
        kinds = chunk.events["kind"]
        changing = chunk.events["instruction"][~np.isin(kinds, _KEEPS_REGISTERS)].astype(np.int64)
        return np.concatenate([np.array([self._interrupted], np.int64), changing])

    @staticmethod
    def _accept(sources: Table, counts: Counts, writes: Table, where: Counts, reads: Table) -> None:
        """Take reads as the sources of some writes, where the bytes are the same."""
        written = take(writes, where)
        common = np.minimum(written["size"], reads["size"]).astype(np.int64)
        low, high = _BYTE_MASKS[common], _BYTE_MASKS[np.maximum(common - 8, 0)]
        same = ((written["low"] ^ reads["low"]) & low == 0) & ((written["high"] ^ reads["high"]) & high == 0)
        sources.view(_ROW)[where[same]] = reads.view(_ROW)[same]
        counts[where[same]] = common[same]

    def _learn(self, code: Sequence[Code], count: int) -> None:
        known = len(self._loads)
        if count <= known:
            return
        flows = [register_flow(code[number].bytes) for number in range(known, count)]
        self._loads = np.concatenate([self._loads, np.array([flow.loads for flow in flows], np.int8)])
        self._stores = np.concatenate([self._stores, np.array([flow.stores for flow in flows], np.int8)])
        self._moves = np.concatenate([self._moves, np.array([flow.string_move for flow in flows], bool)])
        changes = np.zeros((len(flows), FAMILIES), bool)
        for row, flow in zip(changes, flows, strict=True):
            row[list(flow.changes)] = True
        self._changes = np.concatenate([self._changes, changes])


def _find(ordered: Table, wanted: Table) -> tuple[Counts, Counts]:
    """Return which of the wanted numbers are among ascending ones, and where."""
    at = np.searchsorted(ordered, wanted)
    found = np.flatnonzero(at < len(ordered))
    found = found[ordered[at[found]] == wanted[found]]
    return found, at[found]


assert NO_FAMILY not in range(FAMILIES)
