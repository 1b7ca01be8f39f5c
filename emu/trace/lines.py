# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of a listing: what an instruction, an event and a call look like, in columns and in colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from emu.trace.code import Code, TracedCall
from emu.trace.layout import READ, AccessFlag, EventKind, InstructionFlag
from emu.trace.ranges import BufferNames, Touched
from emu.trace.source import Table

HEADING: Final = "1"
USER: Final = "33"
KERNEL: Final = "36"
FAULT: Final = "1;31"
EVENT: Final = "35"
FOLDED: Final = "2"
"""Select Graphic Rendition parameters (ECMA-48, 8.3.117): an access to a user page is yellow, to a kernel page cyan."""

FAULTS: Final = frozenset(
    (EventKind.TrapTaken, EventKind.ExceptionRaised, EventKind.DispatchFailed, EventKind.BugcheckRaised)
)
"""The events that stand out."""

ACCESSES_SHOWN: Final = 4
"""Accesses of one instruction that are shown with their values; of more (fxsave) only which bytes they touched."""

WIDEST_NUMBER: Final = 8
"""Bytes of a value that is shown as a number although it is text."""

PLACE_COLUMNS: Final = 27, 44
TEXT_COLUMNS: Final = 40, 48
"""Columns of a place and of a disassembly at first, and at most: they become wider by what is shown."""

_BYTES: Final = [f"{value:#04x}" + (f" '{chr(value)}'" if 0x20 <= value < 0x7F else "") for value in range(256)]
_KIND_WORDS: Final = {True: "read", False: "write"}
_TRAPPED: Final = int(InstructionFlag.TRAPPED)
_NOT_PERFORMED: Final = int(AccessFlag.NOT_PERFORMED)
_USER_ACCESS: Final = int(AccessFlag.USER)


class _Words(NamedTuple):
    """What is said of a code, made once."""

    file: str
    line: str
    place: str
    text: str


def describe_value(value: int, size: int) -> str:
    """Return a value of so many bytes in hexadecimal, with its bytes as text where all are printable ASCII.

    The number reads as in a register, the text as in memory. More than eight bytes of text stand as text alone.
    """
    if size == 1:
        return _BYTES[value]
    content = value.to_bytes(size, "little")
    if content.isascii() and (text := content.decode("ascii")).isprintable():
        return f"{value:#0{2 + 2 * size}x} '{text}'" if size <= WIDEST_NUMBER else f"'{text}'"
    return f"{value:#0{2 + 2 * size}x}"


class Lines:
    """Makes the lines of a listing, one after the other: the columns become as wide as what has been shown."""

    def __init__(self, code: Sequence[Code], *, color: bool) -> None:
        self._code = code
        self._color = color
        self._words: dict[int, _Words] = {}
        self._place_columns, self._text_columns = PLACE_COLUMNS[0], TEXT_COLUMNS[0]
        self._file = ""
        self.names = BufferNames(())

    def _paint(self, text: str, parameters: str) -> str:
        return f"\x1b[{parameters}m{text}\x1b[0m" if self._color and text else text

    def _words_of(self, number: int) -> _Words:
        code = self._code[number]
        words = _Words(code.file, f":{code.line}" if code.file else "", code.place, code.text)
        self._words[number] = words
        return words

    def instruction(self, index: int, code: int, flags: int, accesses: Sequence[tuple[Any, ...]]) -> Iterator[str]:
        """Give the line of an instruction, and the file before it where that is another one.

        accesses  (address, low, high, size, kind, flags) of each
        """
        words = self._words.get(code) or self._words_of(code)
        if not flags & _TRAPPED:
            return self._line(" ", index, words, words.text, ", ".join([self._access(*access) for access in accesses]))
        done = [self._access(*access) for access in accesses if not access[-1] & _NOT_PERFORMED]
        not_done = [self._access(*access) for access in accesses if access[-1] & _NOT_PERFORMED]
        told = ", ".join([self._paint("trapped", FAULT), *done])
        if not_done:
            told += f"; {self._paint('not performed', FAULT)}: {', '.join(not_done)}"
        return self._line("!", index, words, words.text, told)

    def _line(self, mark: str, index: int, words: _Words, text: str, told: str) -> Iterator[str]:
        if words.file != self._file and words.file:
            self._file = words.file
            yield f"{'':10}{self._paint(words.file, HEADING)}"
        place = words.place
        if len(place) > self._place_columns:
            self._place_columns = min(len(place), PLACE_COLUMNS[1])
        if len(text) > self._text_columns:
            self._text_columns = min(len(text), TEXT_COLUMNS[1])
        line = f"{mark}{index:>7}  {words.line:<5} {place:<{self._place_columns}}  {text:<{self._text_columns}}"
        yield f"{line}  {told}" if told else line.rstrip()

    def _access(self, address: int, low: int, high: int, size: int, kind: int, flags: int) -> str:
        value = describe_value(low | high << 64, size)
        told = f"{_KIND_WORDS[kind == READ]} {self.names.locate(address)} = {value}"
        return self._paint(told, USER if flags & _USER_ACCESS else KERNEL) if self._color else told

    def many_accesses(self, index: int, code: int, flags: int, accesses: Table) -> Iterator[str]:
        """Give the line of an instruction that makes many accesses: which bytes they touched."""
        words = self._words.get(code) or self._words_of(code)
        touched = Touched()
        touched.add(accesses)
        told = f"{len(accesses)} accesses: {self.touched(touched)}"
        if not flags & _TRAPPED:
            return self._line(" ", index, words, words.text, told)
        trapped, not_done = self._paint("trapped", FAULT), self._paint("not performed", FAULT)
        return self._line("!", index, words, words.text, f"{trapped}; {not_done}: {told}")

    def touched(self, touched: Touched) -> str:
        """Return what many accesses touched: `reads source+2..63, writes target+2..63`."""
        sides = [
            self._paint(f"{'reads' if side.kind == READ else 'writes'} {side.text}", USER if side.user else KERNEL)
            for side in touched.sides(self.names)
        ]
        return ", ".join(sides)

    def rep(self, index: int, code: int, count: int, first: Table, last: Table) -> Iterator[str]:
        """Give the line of a `rep`: how often it ran, and from where to where, as its first and last accesses say."""
        words = self._words.get(code) or self._words_of(code)
        sides: dict[bool, list[str]] = {True: [], False: []}
        for begin, end in zip(first, last, strict=True):
            low, high, size = int(begin["address"]), int(end["address"]), int(begin["size"])
            low, high = (low, high + size - 1) if low <= high else (low + size - 1, high)
            color = USER if int(begin["flags"]) & _USER_ACCESS else KERNEL
            sides[int(begin["kind"]) == READ].append(self._paint(self.names.between(low, high), color))
        reads, writes = (", ".join(sides[kind]) for kind in (True, False))
        if reads and writes:
            told = f"{reads} → {writes}"
        else:
            told = f"reads {reads}" if reads else f"writes {writes}" if writes else ""
        # One iteration without accesses is a count of 0, or its accesses were filtered out.
        text = f"{self._code[code].mnemonic} × {count:,}" if told or count > 1 else words.text
        return self._line(" ", index, words, text, told)

    def repeated(self, period: int, times: int, touched: Touched) -> str:
        """Return the line of a folded loop."""
        body = f"the {period:,} instructions" if period > 1 else "the instruction"
        told = self.touched(touched)
        line = self._paint(f"{'…':>8}  {body} above {times:,} times more", FOLDED)
        return f"{line}: {told}" if told else line

    def event(self, kind: int, text: str) -> str:
        """Return the line of an event; a fault has a mark."""
        if kind in FAULTS:
            return self._paint(f"!{'·':>7}  {text}", FAULT)
        return self._paint(f"{'·':>8}  {text}", EVENT)

    def call(self, call: TracedCall) -> str:
        """Return the line that a call begins with."""
        arguments = ", ".join(self.names.argument(argument) for argument in call.arguments)
        return self._paint(f"── call {call.function}({arguments})", HEADING)

    def outcome(self, call: TracedCall) -> str:
        """Return the line that a call ends with."""
        count = call.end - call.begin
        return self._paint(f"── {call.outcome}, {count:,} instruction{'' if count == 1 else 's'}", HEADING)
