# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a trace file."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from emu.events import Event
from emu.trace.file import sections
from emu.trace.file.block import BLOCK, MOST_ACCESSES, Place, encode_block
from emu.trace.file.explanations import Explanation, Quotes
from emu.trace.file.records import RecordWriter
from emu.trace.file.recut import recut, split
from emu.trace.file.schema import RECORD_SECTIONS, Totals, head
from emu.trace.file.sections import SectionWriter
from emu.trace.layout import EVENT
from emu.trace.source import CHUNK, Chunk, Table, TraceError

if TYPE_CHECKING:
    from emu.trace.trace import Trace

T = TypeVar("T")

RECORD_BYTES: Final = 1 << 20
"""Bytes of records after which another section begins."""


def save(trace: Trace, path: Path | str) -> None:
    """Write a trace to a file, a piece at a time. The same trace gives the same bytes on every host.

    The file appears when it is whole: until then it has another name beside it. Raises OSError, and `TraceError` for
    what has no form in a file.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory; give the name of a file")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as stream:
            write(trace, stream)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write(trace: Trace, stream: BinaryIO) -> None:
    """Write a trace to a stream. Raises OSError, `TraceError`."""
    writer = SectionWriter(stream)
    writer.write(sections.HEAD, head())
    events: list[Table] = []
    blocks = accesses = instructions = 0
    for chunk in recut(trace.chunks(CHUNK), BLOCK):
        events.append(chunk.events)
        for block in _blocks(chunk):
            place = Place(instructions, accesses)
            writer.write(sections.BLOCK, encode_block(block.instructions, block.accesses, place))
            blocks += 1
            instructions += len(block.instructions)
            accesses += len(block.accesses)
    records = {
        sections.CODE: trace.code,
        sections.CALLS: trace.calls,
        sections.MODULES: trace.modules,
        sections.BUFFERS: trace.buffers,
    }
    for kind in RECORD_SECTIONS:
        _write_records(writer, kind, records[kind], RecordWriter.record)
    _write_records(writer, sections.EVENTS, _events(trace, events), _put_event)
    counts = [len(records[kind]) for kind in RECORD_SECTIONS]
    writer.write(sections.DONE, Totals._make((blocks, instructions, accesses, *counts, sum(map(len, events)))).pack())


def _blocks(chunk: Chunk) -> Iterator[Chunk]:
    """Halve a chunk until no piece has too many accesses."""
    if len(chunk.accesses) <= MOST_ACCESSES:
        if len(chunk.instructions) or len(chunk.accesses):
            yield chunk
        return
    if len(chunk.instructions) < 2:
        raise TraceError(
            f"instruction {chunk.first} has {len(chunk.accesses)} accesses; a trace file has room for {MOST_ACCESSES}"
        )
    for half in split(chunk, len(chunk.instructions) // 2):
        yield from _blocks(half)


def _write_records(
    writer: SectionWriter, kind: bytes, records: Iterable[T], put: Callable[[RecordWriter, T], None]
) -> None:
    """Write records in sections of about `RECORD_BYTES`; none for no records."""
    out = RecordWriter()
    for record in records:
        put(out, record)
        if len(out.data) >= RECORD_BYTES:
            writer.write(kind, bytes(out.data))
            out = RecordWriter()
    if out.data:
        writer.write(kind, bytes(out.data))


def _events(trace: Trace, tables: list[Table]) -> Iterator[tuple[tuple[int, ...], Event, Explanation]]:
    """Give each event as its row, whole, and in words."""
    quotes, rip = Quotes(trace.code), (EVENT.names or ()).index("rip")
    index = 0
    for table in tables:
        for row in table.tolist():
            yield row, trace.event(index), quotes.cut(trace.explain(index), row[rip])
            index += 1


def _put_event(out: RecordWriter, stored: tuple[tuple[int, ...], Event, Explanation]) -> None:
    row, event, explanation = stored
    for number in row:
        out.number(number)
    out.record(event)
    out.number(0 if explanation.code is None else explanation.code + 1)
    out.text(explanation.before)
    if explanation.code is not None:
        out.text(explanation.behind)
