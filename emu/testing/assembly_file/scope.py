# SPDX-License-Identifier: GPL-2.0-or-later
"""What the directives of a test refer to: its buffers, and the symbols that there can be."""

from __future__ import annotations

from typing import Final

from emu.testing.assembly_file.model import Allocate, Number, Place, Slice, Value
from emu.testing.assembly_file.scanner import LOWEST, NAME, SYMBOL, Scanner, nearest

KEYWORDS: Final = ("at", "because", "in", "then", "reading", "writing", "executing")
"""Words that continue a directive where a name could stand."""


class Scope:
    """The names of one test, as far as it is read.

    `symbols` are what can be one in the file; None: they may come from other files. `labels` are those that certainly
    are.
    """

    def __init__(self, symbols: frozenset[str] | None, labels: tuple[str, ...] = ()) -> None:
        self.buffers: dict[str, Allocate] = {}
        self._symbols = symbols
        self._labels = labels
        self._called: set[str] = set()

    def called(self, function: str) -> None:
        """Note the name of a function that is called, which may come from any module."""
        self._called.add(function)

    def require(self, scanner: Scanner, name: str) -> None:
        """Refuse a name that neither a buffer nor a symbol has."""
        if name in self.buffers or name in self._called or self._symbols is None or name in self._symbols:
            return
        scanner.fail_whole(
            f"there is no buffer {name!r} in this test, and no symbol {name!r} in this file"
            f"{nearest(name, (*self.buffers, *self._labels))}"
        )

    def value(self, scanner: Scanner, what: str = "a number, or a buffer or symbol with its offset (src+37),") -> Value:
        """Take a number or a place."""
        number = self.try_value(scanner)
        if number is None:
            scanner.fail(f"{what} belongs here")
        return number

    def try_value(self, scanner: Scanner) -> Value | None:
        """Take a number or a place if there is one."""
        start = scanner.at
        number = scanner.try_number()
        if number is not None:
            if not LOWEST <= number < 1 << 64:
                scanner.at = start
                scanner.fail("a number has 64 bits at most")
            return Number(number)
        found = scanner.match(SYMBOL)
        if found is None or found[0] in KEYWORDS:
            scanner.at = start
            return None
        self.require(scanner, found[0])
        offset = 0
        if scanner.follows("-"):  # behind a space it would begin the next number
            offset = -scanner.number("an offset", 0)
        elif scanner.skip("+"):
            offset = scanner.number("an offset", 0)
        return Place(found[0], offset)

    def try_slice(self, scanner: Scanner) -> Slice | None:
        """Take `NAME` or `NAME[A:B]` if a buffer of that name is there."""
        start = scanner.at
        found = scanner.match(NAME)
        if found is None or found[0] not in self.buffers:
            scanner.at = start
            return None
        size = self.buffers[found[0]].size
        begin, end = 0, size
        if scanner.skip("["):
            if not scanner.skip(":"):
                begin = scanner.number(f"the first byte of {found[0]} or `:`", 0, size)
                scanner.require(":")
            if not scanner.skip("]"):
                end = scanner.number(f"the byte of {found[0]} behind the last or `]`", begin, size)
                scanner.require("]")
        return Slice(found[0], begin, end)
