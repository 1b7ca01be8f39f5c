# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the text form of a fault: `KIND[=ARGUMENT]@PLACE[,CONDITION=VALUE]…`.

PLACE is `NAME+OFFSET`, an address, or a part of the machine. Numbers are decimal, or hexadecimal with `0x`; conditions
come in any order, each at most once. Whatever is wrong is reported with the number of the character, counted from 1,
where it is.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from emu.address import ADDRESS_MASK
from emu.faults.fault import (
    ARGUMENTS,
    CONDITIONS,
    IN_PAGE_ERROR,
    KINDS,
    NAME,
    UNITS,
    AddressPlace,
    BufferPlace,
    Fault,
    FaultError,
    Place,
    UnitPlace,
    argument_range,
    places_of,
    schedule_range,
    takes_memory,
)
from emu.faults.schedule import SCHEDULE_NUMBERS, SCHEDULE_SYMBOLS, Schedule

_KIND = re.compile(r"[A-Za-z0-9_-]+")
_CONDITION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|[0-9]+", re.ASCII)

ALL_CONDITIONS: Final = (*CONDITIONS, *SCHEDULE_NUMBERS, *SCHEDULE_SYMBOLS)


def parse_fault(text: str) -> Fault:
    """Read a fault. Raises `FaultError`, whose message points at the character that cannot stand there."""
    return _Scanner(text).fault()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def fault(self) -> Fault:
        kind = self._kind()
        argument, argument_at = None, 0
        if self._skip("="):
            argument_at = self._at
            if kind not in ARGUMENTS:
                takers = ", ".join(ARGUMENTS)
                self._fail(f"{kind} takes no argument ({takers} do); '@' is allowed here", self._at - 1)
            argument = self._number(ARGUMENTS[kind], 0, 0xFFFF_FFFF if kind == IN_PAGE_ERROR else ADDRESS_MASK)
        elif kind in ARGUMENTS and kind != IN_PAGE_ERROR:
            self._fail(f"'=' and {ARGUMENTS[kind]} belong here, as in {kind}=2")
        if not self._skip("@"):
            self._fail(
                "'=' or '@' is allowed here" if kind == IN_PAGE_ERROR and not argument_at else "'@' belongs here"
            )
        place = self._place(kind)
        if argument is not None:
            low, high = argument_range(kind, place)
            if not low <= argument <= high:
                self._fail(f"{ARGUMENTS[kind]} here lies between {low} and {high:#x}", argument_at)
        conditions = self._conditions()
        if self._at != len(self._text):
            self._fail("',' or the end is allowed here")
        counts = {name: conditions.pop(name) for name in CONDITIONS if name in conditions}
        schedule = Schedule(**{name.replace("-", "_"): value for name, value in conditions.items()})
        try:
            return Fault(kind, place, argument, **counts, schedule=schedule)
        except FaultError as error:
            self._fail(str(error))

    def _kind(self) -> str:
        kind = self._match(_KIND) or ""
        if kind not in KINDS:
            what = f"unknown kind {kind!r}" if kind else "a kind belongs here"
            self._fail(f"{what}; known: {', '.join(KINDS)}", 0)
        return kind

    def _place(self, kind: str) -> Place:
        start = self._at
        units = places_of(kind)
        name = self._match(NAME)
        if name is None:
            if not takes_memory(kind):
                self._fail(f"the place of {kind} is {' or '.join(units)}")
            return AddressPlace(self._number("NAME+OFFSET or an address", 0, ADDRESS_MASK))
        if name in units and not (takes_memory(kind) and self._text.startswith("+", self._at)):
            return UnitPlace(name)
        if not takes_memory(kind):
            self._fail(f"the place of {kind} is {' or '.join(units)}", start)
        if not self._skip("+"):
            if name in UNITS:
                self._fail(f"{name} is no place of {kind}", start)
            self._fail(f"'+' belongs here, as in {name}+0")
        return BufferPlace(name, self._number("an offset", 0, ADDRESS_MASK))

    def _conditions(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._skip(","):
            start = self._at
            name = self._match(_CONDITION)
            if name not in ALL_CONDITIONS or name in found:
                free = [f"{each}=" for each in ALL_CONDITIONS if each not in found]
                self._fail(f"{' or '.join(free)} is allowed here" if free else "no condition is left", start)
            if not self._skip("="):
                self._fail("'=' belongs here")
            if name in SCHEDULE_SYMBOLS:
                symbol = self._match(NAME)
                if symbol is None:
                    self._fail("a function's name belongs here")
                found[name] = symbol
            else:
                low, high = schedule_range(name)
                found[name] = self._number("a count" if low else "a number", low, high)
        return found

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[0]

    def _skip(self, character: str) -> bool:
        if not self._text.startswith(character, self._at):
            return False
        self._at += 1
        return True

    def _number(self, what: str, low: int, high: int) -> int:
        start = self._at
        digits = self._match(_NUMBER)
        if digits is None:
            self._fail(f"{what} is allowed here")
        # Twenty digits hold every number of 64 bits, and Python refuses to convert thousands of them.
        hexadecimal = digits[:2] in ("0x", "0X")
        significant = digits[2:].lstrip("0") if hexadecimal else digits.lstrip("0")
        value = int(significant or "0", 16 if hexadecimal else 10) if len(significant) <= 20 else high + 1
        if not low <= value <= high:
            self._fail(f"{what} lies between {low} and {high:#x}", start)
        return value

    def _fail(self, why: str, at: int | None = None) -> NoReturn:
        at = self._at if at is None else at
        found = repr(self._text[at]) if at < len(self._text) else "the end"
        raise FaultError(f"fault {self._text!r}: character {at + 1} ({found}): {why}")
