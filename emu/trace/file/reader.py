# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a trace file: checks it as a whole, keeps what is short, decodes the long tables when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np

from emu.events import Event
from emu.image import Module
from emu.trace.code import Code, TracedBuffer, TracedCall, TracedModule
from emu.trace.file import sections
from emu.trace.file.block import Place, block_counts, decode_block
from emu.trace.file.byte_stream import Malformed
from emu.trace.file.explanations import Explanation
from emu.trace.file.records import RecordReader, headings
from emu.trace.file.recut import recut
from emu.trace.file.schema import RECORD_SECTIONS, Totals, check_head
from emu.trace.file.sections import Section, checksum_behind, read_section, read_sections
from emu.trace.layout import ACCESS, EVENT, EVENT_TYPES, INSTRUCTION
from emu.trace.source import Chunk, MachineState, Table, TraceError, Words
from emu.trace.trace import Trace

_WAY_OUT: Final = "take the trace again, or get the file again from where it is whole"
_EVENT_FIELDS: Final = len(EVENT.names or ())


class _Stored(NamedTuple):
    """Where a block is in the file, and what of the trace it holds."""

    at: int
    checksum_before: int
    checksum_behind: int
    place: Place
    instructions: int


class _Contents:
    """Takes the sections of a file."""

    def __init__(self) -> None:
        self.blocks: list[_Stored] = []
        self.instructions = 0
        self.accesses = 0
        self.records: dict[bytes, list[Any]] = {kind: [] for kind in RECORD_SECTIONS}
        self.rows: list[tuple[int, ...]] = []
        self.events: list[Event] = []
        self.explanations: list[Explanation] = []
        self._kinds = {kind: headings([record]) for kind, record in RECORD_SECTIONS.items()}
        self._event_kinds = headings(EVENT_TYPES)

    def take(self, section: Section) -> None:
        """Take a section. Raises `Malformed`."""
        if section.kind == sections.BLOCK:
            instructions, accesses = block_counts(section.content)
            place = Place(self.instructions, self.accesses)
            checksums = section.checksum_before, checksum_behind(section)
            self.blocks.append(_Stored(section.at, *checksums, place, instructions))
            self.instructions += instructions
            self.accesses += accesses
        elif section.kind in RECORD_SECTIONS:
            reader = RecordReader(section.content, self._kinds[section.kind])
            while not reader.is_done:
                self.records[section.kind].append(reader.record())
        elif section.kind == sections.EVENTS:
            reader = RecordReader(section.content, self._event_kinds)
            while not reader.is_done:
                self.rows.append(tuple([reader.number() for _ in range(_EVENT_FIELDS)]))
                self.events.append(reader.record())
                self.explanations.append(self._explanation(reader))
        elif section.kind == sections.DONE:
            self._check_totals(Totals.unpack(section.content))
        else:
            raise Malformed(f"the section at byte {section.at} is a {section.kind!r}, which is nothing")

    def _explanation(self, reader: RecordReader) -> Explanation:
        number, known = reader.number(), len(self.records[sections.CODE])
        if number > known:
            raise Malformed(f"an explanation quotes code {number - 1} of {known}")
        return Explanation(reader.text(), number - 1, reader.text()) if number else Explanation(reader.text())

    def _check_totals(self, said: Totals) -> None:
        counts = [len(records) for records in (*self.records.values(), self.events)]
        found = Totals._make((len(self.blocks), self.instructions, self.accesses, *counts))
        if said != found:
            raise Malformed(f"its end tells of {said}, and it has {found}")

    def event_table(self) -> Table:
        """Return the events as a table."""
        try:
            return np.array(self.rows, EVENT)
        except OverflowError as error:
            raise Malformed(f"a number of an event is too large: {error}") from error


class FileSource:
    """Gives a trace from its file, a block at a time."""

    def __init__(self, path: Path, contents: _Contents) -> None:
        self._path = path
        self._file = path.absolute()
        self._blocks = contents.blocks
        self._events = contents.event_table()
        self._event_objects = contents.events
        self._explanations = contents.explanations
        self.code: Sequence[Code] = contents.records[sections.CODE]
        self.calls: Sequence[TracedCall] = contents.records[sections.CALLS]
        self.modules: Sequence[TracedModule] = contents.records[sections.MODULES]
        self.images: Sequence[Module] = ()
        self.buffers: Sequence[TracedBuffer] = contents.records[sections.BUFFERS]

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Decode the file, and give `size` instructions at a time. Raises OSError, `TraceError`."""
        return recut(self._decoded(), size)

    def _decoded(self) -> Iterator[Chunk]:
        """Give the blocks."""
        event = 0
        if not self._blocks:
            yield Chunk(0, np.zeros(0, INSTRUCTION), np.zeros(0, ACCESS), self._events, 0)
            return
        with self._file.open("rb") as stream:
            for number, block in enumerate(self._blocks):
                instructions, accesses = self._decode(stream, block)
                first = block.place.instruction
                behind = len(self._events)
                if number + 1 < len(self._blocks):
                    behind = int(np.searchsorted(self._events["instruction"], first + block.instructions))
                yield Chunk(first, instructions, accesses, self._events[event:behind], event)
                event = behind

    def _decode(self, stream: BinaryIO, block: _Stored) -> tuple[Table, Table]:
        stream.seek(block.at)
        try:
            section = read_section(stream, block.at, os.fstat(stream.fileno()).st_size, block.checksum_before)
            if checksum_behind(section) != block.checksum_behind:
                raise Malformed("it is another trace")
        except Malformed as error:
            raise TraceError(f"{self._path} has changed since it was loaded ({error}); load it again") from error
        try:
            return decode_block(section.content, block.place)
        except Malformed as error:
            raise TraceError(f"{self._path} cannot be read at byte {block.at}: {error}; {_WAY_OUT}") from error

    def event(self, index: int) -> Event:
        """Return an event whole."""
        return self._event_objects[index]

    def explain(self, index: int) -> str:
        """Return an event in words."""
        return self._explanations[index].text(self.code)

    def registers(self, begin: int, end: int) -> Words:
        """Registers are derived by running again, which takes the machine."""
        raise TraceError(
            f"{self._path} has no registers: they come from running again, so ask the trace as it was taken"
        )

    def state_at(self, index: int) -> MachineState:
        """The same holds for memory."""
        raise TraceError(f"{self._path} has no state: it comes from running again, so ask the trace as it was taken")


def load(path: Path | str) -> Trace:
    """Return the trace of a file that `save` wrote. All of it is checked now; instructions are decoded when asked for.

    Raises OSError, and `TraceError` for no trace file, a damaged one, and one in a newer format.
    """
    path = Path(path)
    contents = _Contents()
    try:
        with path.open("rb") as stream:
            for number, section in enumerate(read_sections(stream, os.fstat(stream.fileno()).st_size)):
                if number:
                    contents.take(section)
                elif section.kind != sections.HEAD:
                    raise Malformed(f"it begins with a section {section.kind!r} and not with its head")
                else:
                    check_head(section.content)
        return Trace(FileSource(path, contents))
    except Malformed as error:
        raise TraceError(f"{path} cannot be read: {error}; {_WAY_OUT}") from error
