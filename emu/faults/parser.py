# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the text form of a fault: `KIND[=STATUS]@PLACE[,access=K][,insn=N][,times=T]`.

PLACE is `NAME+OFFSET`, or an address. Numbers are decimal, or hexadecimal with `0x`; conditions come in any order, each
at most once. Whatever is wrong is reported with the number of the character, counted from 1, where it is.
"""

from __future__ import annotations

import re
from typing import NoReturn

from emu.address import ADDRESS_MASK
from emu.faults.fault import CONDITIONS, IN_PAGE_ERROR, KINDS, AddressPlace, BufferPlace, Fault, FaultError, Place

_KIND = re.compile(r"[A-Za-z0-9_-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|[0-9]+", re.ASCII)


def parse_fault(text: str) -> Fault:
    """Read a fault. Raises `FaultError`, whose message points at the character that cannot stand there."""
    return _Scanner(text).fault()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def fault(self) -> Fault:
        kind = self._kind()
        status = None
        if self._skip("="):
            if kind != IN_PAGE_ERROR:
                self._fail(f"only {IN_PAGE_ERROR} takes an argument; '@' is allowed here", self._at - 1)
            status = self._number("an NTSTATUS", 0, 0xFFFF_FFFF)
        if not self._skip("@"):
            self._fail("'=' or '@' is allowed here" if kind == IN_PAGE_ERROR and status is None else "'@' belongs here")
        place = self._place()
        conditions: dict[str, int] = {}
        while self._skip(","):
            start = self._at
            name = self._match(_NAME)
            if name not in CONDITIONS or name in conditions:
                free = [f"{each}=" for each in CONDITIONS if each not in conditions]
                self._fail(f"{' or '.join(free)} is allowed here" if free else "no condition is left", start)
            if not self._skip("="):
                self._fail("'=' belongs here")
            conditions[name] = self._number("a count", 1, ADDRESS_MASK)
        if self._at != len(self._text):
            self._fail("',' or the end is allowed here")
        return Fault(kind, place, status, **conditions)

    def _kind(self) -> str:
        kind = self._match(_KIND) or ""
        if kind not in KINDS:
            what = f"unknown kind {kind!r}" if kind else "a kind belongs here"
            self._fail(f"{what}; known: {', '.join(KINDS)}", 0)
        return kind

    def _place(self) -> Place:
        name = self._match(_NAME)
        if name is None:
            return AddressPlace(self._number("NAME+OFFSET or an address", 0, ADDRESS_MASK))
        if not self._skip("+"):
            self._fail(f"'+' belongs here, as in {name}+0")
        return BufferPlace(name, self._number("an offset", 0, ADDRESS_MASK))

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
