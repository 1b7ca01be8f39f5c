# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of a whole trace: in memory, or where they are large, in a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import IO, Final, NamedTuple

import numpy as np

from emu.trace.layout import ACCESS, EVENT, INSTRUCTION
from emu.trace.source import Chunk, Table

MEMORY_LIMIT: Final = 256 << 20
"""Bytes of a table above which it lies in a temporary file."""


class Tables(NamedTuple):
    """A trace as a whole."""

    instructions: Table
    accesses: Table
    events: Table


class _Column:
    """The pieces of one table."""

    def __init__(self, dtype: np.dtype[np.void], limit: int) -> None:
        self._dtype = dtype
        self._limit = limit
        self._pieces: list[Table] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None

    def add(self, piece: Table) -> None:
        """Add rows. NumPy packs the rows that it puts together, so they are brought back to their own layout."""
        piece = np.ascontiguousarray(piece, self._dtype)
        self._pieces.append(piece)
        self._bytes += piece.nbytes
        if self._file is None and self._bytes > self._limit:
            self._file = tempfile.TemporaryFile(prefix="umaccess-emu-trace-")  # noqa: SIM115 (the array keeps it open)
        if self._file is not None:
            for waiting in self._pieces:
                self._file.write(waiting.tobytes())
            self._pieces.clear()

    def whole(self) -> Table:
        """Return the rows of all pieces."""
        if self._file is not None:
            self._file.flush()
            return np.memmap(self._file, self._dtype, "r")
        if len(self._pieces) == 1:
            return self._pieces[0]
        if not self._pieces:
            return np.zeros(0, self._dtype)
        rows = [piece.view(f"V{self._dtype.itemsize}") for piece in self._pieces]
        whole: Table = np.concatenate(rows).view(self._dtype)
        return whole


def gather(chunks: Iterable[Chunk], limit: int = MEMORY_LIMIT) -> Tables:
    """Put chunks together. A table of more than `limit` bytes goes to a temporary file, which is gone with the array.

    Raises OSError where the disk is full.
    """
    instructions, accesses, events = (_Column(dtype, limit) for dtype in (INSTRUCTION, ACCESS, EVENT))
    for chunk in chunks:
        instructions.add(chunk.instructions)
        accesses.add(chunk.accesses)
        events.add(chunk.events)
    return Tables(instructions.whole(), accesses.whole(), events.whole())
