# SPDX-License-Identifier: GPL-2.0-or-later
"""A copy byte by byte: which instruction read each byte of a source, and which wrote each byte of a target."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, SupportsIndex, TypeAlias

import numpy as np

from emu.trace.code import Code, TracedBuffer
from emu.trace.copy_flow import CopyFlow
from emu.trace.extent import Extent, Sized, extent_of, take
from emu.trace.layout import READ, WRITE, AccessFlag
from emu.trace.source import Chunk, Table, TraceError, Words

if TYPE_CHECKING:
    from emu.trace.trace import Trace

Offsets: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

NOBODY: Final = 0xFFFF_FFFF_FFFF_FFFF
"""In `first` and `last`: no instruction."""
NOWHERE: Final = -1
"""In `source`: not known."""

TOUCH: Final = np.dtype(
    {
        "names": ["instruction", "offset", "order", "code", "size", "flags"],
        "formats": ["<u8", "<i8", "<u8", "<u4", "<u2", "<u2"],
    }
)
"""One access to the source or the target, 32 bytes.

instruction  index into the instructions of the trace
offset       its first byte, from the begin of the source or target; negative where it begins before
order        how many performed ones of the same kind to the same range came before it
code         index into `Trace.code`
size         its width in bytes, those outside the range included
flags        `AccessFlag`: NOT_PERFORMED for one of an instruction that trapped
"""

SOURCE_BYTE: Final = np.dtype(
    {
        "names": ["first", "last", "order", "reads", "trapped", "code", "width"],
        "formats": ["<u8", "<u8", "<u8", "<u4", "<u4", "<u4", "u1"],
        "itemsize": 40,
    }
)
"""A byte of the source, 40 bytes; element k is byte k.

first    index of the instruction that read it first, `NOBODY` for none
last     and last
order    how many reads of the source came before the first one of this byte
reads    how many reads of it were performed
trapped  how many reads of it were begun by an instruction that trapped, beside those
code     index into `Trace.code` of the instruction that read it first
width    bytes that this instruction read at once, 0 for none
"""

TARGET_BYTE: Final = np.dtype(
    {
        "names": ["first", "last", "order", "read_by", "source", "writes", "trapped", "code", "width"],
        "formats": ["<u8", "<u8", "<u8", "<u8", "<i8", "<u4", "<u4", "<u4", "u1"],
        "itemsize": 56,
    }
)
"""A byte of the target, 56 bytes; element k is byte k.

first    index of the instruction that wrote it first, `NOBODY` for none
last     and last: whose value is there
order    how many writes of the target came before the last one of this byte
read_by  index of the instruction that loaded this last value from the source, `NOBODY` where that is not known
source   the byte of the source that it is, `NOWHERE` where that is not known, see `copy_map`
writes   how many writes of it were performed
trapped  how many writes of it were begun by an instruction that trapped, beside those
code     index into `Trace.code` of the instruction that wrote it last
width    bytes that this instruction wrote at once, 0 for none
"""


class Untouched(NamedTuple):
    """Bytes that no performed access touched."""

    source: Offsets
    """Bytes of the source that were not read."""
    target: Offsets
    """Bytes of the target that were not written."""


class CopyMap:
    """What happened to every byte of a source and a target; `print` it for a summary."""

    def __init__(
        self,
        source: Extent,
        target: Extent,
        source_bytes: Table,
        target_bytes: Table,
        reads: Table,
        writes: Table,
        code: Sequence[Code],
        buffers: Sequence[TracedBuffer] = (),
    ) -> None:
        self.source = source
        self.target = target
        self.source_bytes = source_bytes
        """`SOURCE_BYTE`, one a byte."""
        self.target_bytes = target_bytes
        """`TARGET_BYTE`, one a byte."""
        self.reads = reads
        """Every read of the source in order, trapped ones included; `TOUCH`."""
        self.writes = writes
        """Every write of the target in order, trapped ones included; `TOUCH`."""
        self.code = code
        self.buffers = buffers

    def reads_of(self, byte: int) -> Table:
        """Return the reads that a byte of the source was part of, in order: `TOUCH`. Raises IndexError outside it."""
        return _touching(self.reads, byte, self.source, "source")

    def writes_of(self, byte: int) -> Table:
        """Return the writes that a byte of the target was part of, in order: `TOUCH`. Raises IndexError outside it."""
        return _touching(self.writes, byte, self.target, "target")

    def read_more_than(self, times: int = 1) -> Offsets:
        """Return the bytes of the source with more performed reads than that: by default double-fetch candidates."""
        return np.flatnonzero(self.source_bytes["reads"] > times).astype(np.int64)

    def written_more_than(self, times: int = 1) -> Offsets:
        """Return the bytes of the target with more performed writes than that."""
        return np.flatnonzero(self.target_bytes["writes"] > times).astype(np.int64)

    @property
    def untouched(self) -> Untouched:
        """The bytes of both that the copy left out."""
        return Untouched(
            np.flatnonzero(self.source_bytes["reads"] == 0).astype(np.int64),
            np.flatnonzero(self.target_bytes["writes"] == 0).astype(np.int64),
        )

    def __str__(self) -> str:
        from emu.trace.copy_text import describe  # noqa: PLC0415 (it is about this class)

        return describe(self)


def _touching(touches: Table, byte: int, extent: Extent, name: str) -> Table:
    if not 0 <= byte < extent.size:
        raise IndexError(f"byte {byte} lies outside the {name}, whose bytes are 0 to {extent.size - 1}")
    offset = touches["offset"]
    found: Table = touches[(offset <= byte) & (byte < offset + touches["size"])]
    return found


def copy_map(trace: Trace, source: object, target: object) -> CopyMap:
    """Return what a trace did to each byte of a source and a target: buffers, or (address, size) each.

    What the target's `source` says comes from the registers: a store of a register, or `movs`, whose register was
    last changed by a load from the source, both plain moves, no call of the host or exception in between, and the
    bytes equal. A value that was computed, or went through a second register or through other memory, has none.

    The trace is read once, in pieces; memory goes with the two sizes and with the accesses to them. Raises
    `TraceError` for what is no range of memory.
    """
    collector = _Collector(_extent(source, "source"), _extent(target, "target"))
    for chunk in trace.chunks():
        collector.add(chunk, trace.code)
    begins = np.array([call.begin for call in trace.calls], np.uint64)
    return collector.finish(begins, trace.code, trace.buffers)


def _extent(where: object, name: str) -> Extent:
    match where:
        case Sized():
            return extent_of(where, name)
        case (SupportsIndex() as address, SupportsIndex() as size):
            begin = operator.index(address)
            return extent_of((begin, begin + operator.index(size)), name)
    raise TraceError(f"{name}={where!r} is no range of memory; give a buffer or (address, size)")


class _Collector:
    """The tables while the pieces of a trace come in."""

    def __init__(self, source: Extent, target: Extent) -> None:
        self._source = source
        self._target = target
        self._flow = CopyFlow()
        self._source_bytes = np.zeros(source.size, SOURCE_BYTE)
        self._target_bytes = np.zeros(target.size, TARGET_BYTE)
        for table in (self._source_bytes, self._target_bytes):
            table["first"] = table["last"] = NOBODY
        self._target_bytes["read_by"] = NOBODY
        self._target_bytes["source"] = NOWHERE
        self._reads: list[Table] = [np.zeros(0, TOUCH)]
        self._writes: list[Table] = [np.zeros(0, TOUCH)]
        self._orders = [0, 0]

    def add(self, chunk: Chunk, code: Sequence[Code]) -> None:
        accesses = chunk.accesses
        kind = accesses["kind"]
        reads = take(accesses, self._source.touched_by(accesses) & (kind == READ))
        writes = take(accesses, self._target.touched_by(accesses) & (kind == WRITE))
        sources = self._flow.sources_of(chunk, code, _performed(reads), _performed(writes))
        for accesses, extent, touches, which in (
            (reads, self._source, self._reads, READ),
            (writes, self._target, self._writes, WRITE),
        ):
            if len(accesses):
                touches.append(self._touches(accesses, extent, chunk, which))
        if len(reads):
            self._count_reads(self._reads[-1])
        if len(writes):
            self._count_writes(self._writes[-1], *sources)

    def _touches(self, accesses: Table, extent: Extent, chunk: Chunk, which: int) -> Table:
        touches = np.zeros(len(accesses), TOUCH)
        touches["instruction"] = accesses["instruction"]
        touches["offset"] = (accesses["address"] - np.uint64(extent.begin)).astype(np.int64)
        touches["size"] = accesses["size"]
        touches["flags"] = accesses["flags"]
        touches["code"] = chunk.instructions["code"][accesses["instruction"].astype(np.int64) - chunk.first]
        performed = touches["flags"] & AccessFlag.NOT_PERFORMED == 0
        touches["order"] = np.cumsum(performed) - performed + self._orders[which]
        self._orders[which] += int(performed.sum())
        return touches

    def _count_reads(self, touches: Table) -> None:
        table = self._source_bytes
        done, earliest, latest = _count(table, "reads", touches)
        fresh = np.flatnonzero((earliest >= 0) & (table["first"] == NOBODY))
        for field, value in (("first", "instruction"), ("order", "order"), ("code", "code"), ("width", "size")):
            table[field][fresh] = done[value][earliest[fresh]]
        read = np.flatnonzero(latest >= 0)
        table["last"][read] = done["instruction"][latest[read]]

    def _count_writes(self, touches: Table, sources: Table, known: Offsets) -> None:
        table = self._target_bytes
        done, earliest, latest = _count(table, "writes", touches)
        fresh = np.flatnonzero((earliest >= 0) & (table["first"] == NOBODY))
        table["first"][fresh] = done["instruction"][earliest[fresh]]
        written = np.flatnonzero(latest >= 0)
        latest = latest[written]
        for field, value in (("last", "instruction"), ("order", "order"), ("code", "code"), ("width", "size")):
            table[field][written] = done[value][latest]
        lane = written - done["offset"][latest]
        at = (sources["address"][latest] - np.uint64(self._source.begin)).astype(np.int64) + lane
        told = (lane < known[latest]) & (at >= 0) & (at < self._source.size)
        table["source"][written] = np.where(told, at, NOWHERE)
        table["read_by"][written] = np.where(told, sources["instruction"][latest], np.uint64(NOBODY))

    def finish(self, begins: Words, code: Sequence[Code], buffers: Sequence[TracedBuffer]) -> CopyMap:
        """Return the map, without sources that would have come through a register from an earlier call."""
        target = self._target_bytes
        told = target["source"] != NOWHERE
        calls = [np.searchsorted(begins, target[field][told], "right") for field in ("read_by", "last")]
        forget = np.flatnonzero(told)[calls[0] != calls[1]]
        target["source"][forget] = NOWHERE
        target["read_by"][forget] = NOBODY
        row = f"V{TOUCH.itemsize}"
        reads, writes = (
            np.concatenate([piece.view(row) for piece in pieces]).view(TOUCH) for pieces in (self._reads, self._writes)
        )
        return CopyMap(self._source, self._target, self._source_bytes, target, reads, writes, code, buffers)


def _performed(rows: Table) -> Table:
    performed = rows["flags"] & AccessFlag.NOT_PERFORMED == 0
    return rows if performed.all() else take(rows, performed)


def _trapped(rows: Table) -> Table:
    return take(rows, rows["flags"] & AccessFlag.NOT_PERFORMED != 0)


def _count(table: Table, field: str, touches: Table) -> tuple[Table, Offsets, Offsets]:
    """Count accesses in the table of bytes. Return the performed ones, and for each byte its first and last of them.

    Those are indices of performed accesses, -1 for none.
    """
    size, done = len(table), _performed(touches)
    byte, _ = _bytes_of(_trapped(touches), size)
    table["trapped"] += np.bincount(byte, minlength=size).astype(np.uint32)
    byte, owner = _bytes_of(done, size)
    table[field] += np.bincount(byte, minlength=size).astype(np.uint32)
    earliest, latest = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
    # Of several assignments to one element the last one stays.
    earliest[byte[::-1]] = owner[::-1]
    latest[byte] = owner
    return done, earliest, latest


def _bytes_of(touches: Table, size: int) -> tuple[Offsets, Offsets]:
    """Return for each byte of the range that accesses touch: which byte, by which access; in the accesses' order."""
    sizes = touches["size"].astype(np.int64)
    owner = np.repeat(np.arange(len(touches), dtype=np.int64), sizes)
    starts = touches["offset"] - (np.cumsum(sizes) - sizes)
    byte = np.repeat(starts, sizes) + np.arange(len(owner), dtype=np.int64)
    inside = (byte >= 0) & (byte < size)
    return byte[inside], owner[inside]
