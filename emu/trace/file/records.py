# SPDX-License-Identifier: GPL-2.0-or-later
"""Named tuples as bytes: the name of the class, the names of its fields, and what is in them."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, Final, SupportsIndex

from emu.trace.file.byte_stream import ByteReader, Malformed, put_block, put_varint
from emu.trace.source import TraceError

NONE, FALSE, TRUE, POSITIVE, NEGATIVE, TEXT, BYTES, TUPLE = range(8)
"""The byte before a value. An integer below 0 stands as -1 minus it."""

MOST_NESTED: Final = 8
"""Tuples in each other."""

_ENCODING: Final = ("utf-8", "surrogatepass")


def heading(kind: type[Any]) -> str:
    """Return what a class is called in a file: `PagedIn address rip`."""
    return " ".join((kind.__name__, *kind._fields))


def headings(kinds: Iterable[type[Any]]) -> dict[str, type[Any]]:
    """Return classes by what they are called in a file."""
    return {heading(kind): kind for kind in kinds}


class RecordWriter:
    """Writes records, each text of theirs once."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._texts: dict[str, int] = {}

    def record(self, record: tuple[Any, ...]) -> None:
        """Append a named tuple. Raises `TraceError` for what there is no form for."""
        self.text(heading(type(record)))
        for value in record:
            self.value(value)

    def number(self, number: int) -> None:
        """Append an integer from 0 on, without a byte that says so."""
        put_varint(self.data, number)

    def text(self, text: str) -> None:
        """Append a text: 0 and the text, or the number that it got, from 1 on, when it first came."""
        number = self._texts.get(text, 0)
        put_varint(self.data, number)
        if not number:
            self._texts[text] = len(self._texts) + 1
            put_block(self.data, text.encode(*_ENCODING))

    def value(self, value: object, depth: int = 0) -> None:
        """Append a value of a field."""
        out = self.data
        match value:
            case None:
                out.append(NONE)
            case bool():
                out.append(TRUE if value else FALSE)
            case str():
                out.append(TEXT)
                self.text(value)
            case bytes():
                out.append(BYTES)
                put_block(out, value)
            case tuple() if depth < MOST_NESTED:
                out.append(TUPLE)
                put_varint(out, len(value))
                for each in value:
                    self.value(each, depth + 1)
            case SupportsIndex():
                number = operator.index(value)
                out.append(POSITIVE if number >= 0 else NEGATIVE)
                put_varint(out, number if number >= 0 else -1 - number)
            case _:
                raise TraceError(
                    f"{value!r} has no form in a trace file; fields are integers, texts, bytes, None, tuples of these"
                )


class RecordReader:
    """Reads what `RecordWriter` wrote, as records of some classes. Raises `Malformed`."""

    def __init__(self, data: bytes, kinds: Mapping[str, type[Any]]) -> None:
        self._stream = ByteReader(data)
        self._kinds = kinds
        self._texts: list[str] = []

    @property
    def is_done(self) -> bool:
        """Whether all was read."""
        return self._stream.is_done

    def record(self) -> Any:
        """Read a named tuple."""
        name = self.text()
        kind = self._kinds.get(name)
        if kind is None:
            raise Malformed(f"it has a record {name!r}, which this umaccess-emu does not know")
        return kind(*[self.value() for _ in kind._fields])

    def number(self) -> int:
        """Read an integer that stands without a byte that says so."""
        return self._stream.varint()

    def text(self) -> str:
        """Read a text."""
        number = self._stream.varint()
        if number > len(self._texts):
            raise Malformed(f"text {number} is named where there are {len(self._texts)}")
        if number:
            return self._texts[number - 1]
        try:
            text = self._stream.block().decode(*_ENCODING)
        except UnicodeDecodeError as error:
            raise Malformed(f"a text is not UTF-8: {error}") from error
        self._texts.append(text)
        return text

    def value(self, depth: int = 0) -> Any:
        """Read a value of a field."""
        match self._stream.byte():
            case 0:
                return None
            case 1:
                return False
            case 2:
                return True
            case 3:
                return self._stream.varint()
            case 4:
                return -1 - self._stream.varint()
            case 5:
                return self.text()
            case 6:
                return self._stream.block()
            case 7 if depth < MOST_NESTED:
                return tuple([self.value(depth + 1) for _ in range(self._stream.varint())])
            case other:
                raise Malformed(f"a value begins with {other:#04x}, which is nothing")
