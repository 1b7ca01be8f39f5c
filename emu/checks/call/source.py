# SPDX-License-Identifier: GPL-2.0-or-later
"""The trace that checks read: of a log, with the registers where accessors begin."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final, cast

import numpy as np

from emu.address import Gva
from emu.checks.call.columns import CodeTable, Numbers, code_table
from emu.cpu import registers as r
from emu.cpu.recorder import Filter, Places
from emu.trace.described_code import DescribedCode
from emu.trace.recorded import RecordedSource
from emu.trace.replay import Replay
from emu.trace.run_log import Run, RunLog
from emu.trace.source import Words
from emu.trace.trace import REGISTER_COLUMNS

REGISTER_ROOM: Final = 1 << 16
"""Instructions whose registers are recorded at once."""

_NO_ROWS: Final[Words] = np.zeros((0, len(REGISTER_COLUMNS)), np.uint64)


class CheckedSource(RecordedSource):
    """A `RecordedSource` that can say which registers some instructions began with, without all others'.

    Those at `usual` places are recorded with the instructions; another run gives any others.
    """

    def __init__(self, log: RunLog, spare: list[Replay], usual: Callable[[RunLog], Places]) -> None:
        super().__init__(log, Filter(), spare)
        self.log = log
        self._usual_of = usual
        self._taken = 0
        """Instructions whose registers have been taken over, if they are usual."""
        self._indices: list[Numbers] = []
        self._rows: list[Words] = []
        self._known: Numbers | None = None
        """The instructions whose registers are known."""
        self._known_rows = _NO_ROWS

    @functools.cached_property
    def _usual(self) -> Places:
        return self._usual_of(self.log)

    @property
    def encodings(self) -> Sequence[tuple[Gva, bytes]]:
        """Address and bytes of the code that ran, by its number."""
        return cast(DescribedCode, self.code).encodings

    @property
    def code_table(self) -> CodeTable:
        """What there is to know of the code that ran."""
        return code_table(self._code_rows)

    def _set_room(self, replay: Replay, size: int) -> None:
        first = replay.recorder.first
        if first == 0:
            replay.recorder.choose_registers(self._usual)
        is_new = first == self._taken  # else it is gone through once more
        replay.set_room(size, registers=is_new and bool(self._usual.addresses))

    def _take_over(self, replay: Replay, timeline: object) -> None:
        super()._take_over(replay, timeline)  # type: ignore[arg-type]
        self._taken = max(self._taken, replay.recorder.first + replay.recorder.counts[0])
        if replay.recorder.row_count:
            self._indices.append(replay.row_instructions.astype(np.int64))
            self._rows.append(replay.registers.copy())

    def registers_before(self, indices: Numbers, code: Words) -> Words:
        """Return the registers before some instructions, in ascending order, a row each (`REGISTER_COLUMNS`).

        code   the number of the code of each instruction of the trace
        """
        if self._known is None:
            self._known = np.concatenate([np.zeros(0, np.int64), *self._indices])
            self._known_rows = np.concatenate([self._known_rows, *self._rows])
            self._indices, self._rows = [], []
        known = self._known
        at = known.searchsorted(indices)
        if at.max(initial=-1) == len(known) or (known[at] != indices).any():
            missing = np.setdiff1d(indices, known)
            rows = self._recorded_at(missing, code)
            together = np.concatenate([known, missing])
            order = np.argsort(together, kind="stable")
            self._known = known = together[order]
            self._known_rows = np.concatenate([self._known_rows, rows])[order]
            at = known.searchsorted(indices)
        found: Words = self._known_rows[at]
        return found

    def _recorded_at(self, indices: Numbers, code: Words) -> Words:
        """Run the log once more, and record nothing but the instructions at the places of these."""
        if not len(indices):
            return _NO_ROWS
        wanted = np.zeros(len(self.encodings), bool)
        wanted[code[indices]] = True
        rips = sorted({self.encodings[number][0] for number in wanted.nonzero()[0].tolist()})
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
