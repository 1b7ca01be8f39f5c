# SPDX-License-Identifier: GPL-2.0-or-later
"""The trace that checks read: of a log, with the registers of short calls at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final, cast

import numpy as np

from emu.address import Gva
from emu.checks.call.columns import Numbers
from emu.cpu import registers as r
from emu.cpu.recorder import Filter
from emu.trace.described_code import DescribedCode
from emu.trace.recorded import RecordedSource
from emu.trace.replay import Replay
from emu.trace.run_log import Run, RunLog
from emu.trace.source import Words
from emu.trace.trace import REGISTER_COLUMNS

BLOCKS_WITH_REGISTERS: Final = 1 << 10
"""Blocks of a log up to which registers are recorded with the instructions. They take 0.3 µs an instruction; to ask for
them afterwards takes another run, 0.4 ms or more."""

REGISTER_ROOM: Final = 1 << 16
"""Instructions whose registers are recorded at once."""


class CheckedSource(RecordedSource):
    """A `RecordedSource` that can say which registers some instructions began with, without all others'."""

    def __init__(self, log: RunLog, spare: list[Replay]) -> None:
        super().__init__(log, Filter(), spare)
        self.log = log
        self._rows: Words | None = None
        self._known: Numbers = np.zeros(0, np.int64)
        """The instructions whose registers are known, where not all are."""
        self._known_rows: Words = np.zeros((0, len(REGISTER_COLUMNS)), np.uint64)

    @functools.cached_property
    def _keeps(self) -> bool:
        return blocks_of(self.log.runs) <= BLOCKS_WITH_REGISTERS

    @property
    def encodings(self) -> Sequence[tuple[Gva, bytes]]:
        """Address and bytes of the code that ran, by its number."""
        return cast(DescribedCode, self.code).encodings

    def _set_room(self, replay: Replay, size: int) -> None:
        replay.set_room(size, registers=self._keeps and replay.recorder.first == 0)

    def _take_over(self, replay: Replay, timeline: object) -> None:
        super()._take_over(replay, timeline)  # type: ignore[arg-type]
        if self._keeps and replay.recorder.first == 0:
            self._rows = replay.registers

    def registers_before(self, indices: Numbers, code: Words, usual: Callable[[], Numbers]) -> Words:
        """Return the registers before some instructions, in ascending order, a row each (`REGISTER_COLUMNS`).

        code   the number of the code of each instruction of the trace
        usual  returns what else is likely to be asked for, so that one run gives all of it
        """
        if self._rows is not None and (not len(indices) or int(indices[-1]) < len(self._rows)):
            rows: Words = self._rows[indices]
            return rows
        at = np.searchsorted(self._known, indices)
        if not len(self._known) or at.max(initial=-1) == len(self._known) or (self._known[at] != indices).any():
            wanted = np.unique(np.concatenate([indices, self._known, usual()]))
            self._known, self._known_rows = wanted, self._recorded_at(wanted, code)
            at = np.searchsorted(wanted, indices)
        known: Words = self._known_rows[at]
        return known

    def _recorded_at(self, indices: Numbers, code: Words) -> Words:
        """Run the log once more, and record nothing but the instructions at the places of these."""
        if not len(indices):
            return np.zeros((0, len(REGISTER_COLUMNS)), np.uint64)
        wanted = np.zeros(len(self.encodings), bool)
        wanted[code[indices]] = True
        rips = sorted({self.encodings[number][0] for number in np.flatnonzero(wanted).tolist()})
        places = set(rips)
        at_places = np.array([rip in places for rip, _ in self.encodings], bool)[code]
        numbers = at_places[: int(indices[-1]) + 1].cumsum()[indices] - 1
        replay = self._replay(Filter(tuple((rip, Gva(rip + 1)) for rip in rips)))
        pieces: list[Words] = []
        first = 0
        try:
            while not replay.has_ended:
                replay.set_room(REGISTER_ROOM, registers=True)
                replay.fill()
                rows = replay.registers
                mine = numbers[(numbers >= first) & (numbers < first + len(rows))]
                pieces.append(rows[mine - first])
                first += len(rows)
        finally:
            self._spare.append(replay)
        return np.concatenate(pieces)


def blocks_of(runs: Sequence[Run]) -> int:
    """Return how many blocks some runs began."""
    return sum(quadword(run.end, r.BLOCKS) - quadword(run.begin, r.BLOCKS) for run in runs)


def quadword(state: bytes, index: int) -> int:
    """Return a quadword of a state block."""
    return int.from_bytes(state[index * 8 : index * 8 + 8], "little")


def doubleword(state: bytes, index: int) -> int:
    """Return a doubleword of a state block."""
    return int.from_bytes(state[index * 4 : index * 4 + 4], "little")
