# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes one directive apart, and says what is allowed where something else stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final, NoReturn

from emu.address import ADDRESS_MASK
from emu.nt.status import NtStatus

WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*", re.ASCII)
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
SYMBOL: Final = re.compile(r"[A-Za-z_?@$.][A-Za-z0-9_?@$.]*", re.ASCII)
HEX_BYTE: Final = re.compile(r"[0-9A-Fa-f]{2}(?![0-9A-Za-z_])", re.ASCII)
_NUMBER: Final = re.compile(r"(-?)(0[xX][0-9A-Fa-f]+|[0-9]+)(?![0-9A-Za-z_])", re.ASCII)
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE: Final = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPES: Final = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0", "\\": b"\\", '"': b'"'}
_DIGITS: Final = 20
"""Hold every number of 64 bits."""

_FEW: Final = 30

LOWEST: Final = -(1 << 63)

_STATUSES: Final = {f"STATUS_{status.name}": int(status) for status in NtStatus}


class DirectiveError(ValueError):
    """A mistake in a directive; the message names the line, what stands there and what is allowed."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "; nearest: A, B" or, where nothing comes near and they are few, "; known: …"."""
    names = list(known)
    found = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    if found:
        return f"; nearest: {', '.join(found)}"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= _FEW else ""


class Scanner:
    """A directive's text, and how far it is read. What does not match raises `DirectiveError`."""

    def __init__(self, line: int, text: str) -> None:
        self.line = line
        self.text = text
        self.at = 0

    def fail(self, why: str) -> NoReturn:
        """Raise for what stands here."""
        rest = self.text[self.at :].strip()
        where = f"at {_shortened(rest)}" if rest else "at its end"
        raise DirectiveError(self.line, f"`{self.text}`: {where}: {why}")

    def fail_whole(self, why: str) -> NoReturn:
        """Raise for the directive as a whole."""
        raise DirectiveError(self.line, f"`{self.text}`: {why}")

    def _skip_space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        self._skip_space()
        return self.at == len(self.text)

    def end(self, allowed: str = "") -> None:
        """Require that nothing is left; `allowed` is what else could have stood here."""
        if not self.at_end:
            self.fail(f"{allowed} or the end is allowed here" if allowed else "nothing is allowed here")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what a pattern matches, if it does."""
        self._skip_space()
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def skip(self, token: str) -> bool:
        """Take a mark, or a word as a whole."""
        self._skip_space()
        end = self.at + len(token)
        if not self.text.startswith(token, self.at):
            return False
        if token[-1].isalnum() and end < len(self.text) and (self.text[end].isalnum() or self.text[end] in "_-"):
            return False
        self.at = end
        return True

    def follows(self, mark: str) -> bool:
        """Take a mark that stands here, without space before it."""
        found = self.text.startswith(mark, self.at)
        self.at += len(mark) if found else 0
        return found

    def require(self, token: str) -> None:
        """Take a mark or a word that must come."""
        if not self.skip(token):
            self.fail(f"`{token}` belongs here")

    def rest(self, what: str) -> str:
        """Take all that is left."""
        self._skip_space()
        rest = self.text[self.at :].strip()
        if not rest:
            self.fail(f"{what} belongs here")
        self.at = len(self.text)
        return rest

    def choice(self, what: str, known: Iterable[str]) -> str:
        """Take one of some words."""
        start, words = self.at, list(known)
        found = self.match(WORD)
        if found is None or found[0] not in words:
            self.at = start
            self.fail(f"{what} belongs here: {', '.join(words)}")
        return found[0]

    def name(self, what: str) -> str:
        """Take the name of a buffer."""
        found = self.match(NAME)
        if found is None:
            self.fail(f"{what} belongs here")
        return found[0]

    def symbol(self, what: str) -> str:
        """Take the name of a function."""
        found = self.match(SYMBOL)
        if found is None:
            self.fail(f"{what} belongs here")
        return found[0]

    def number(self, what: str, low: int = LOWEST, high: int = ADDRESS_MASK) -> int:
        """Take a number, decimal or hexadecimal."""
        start = self.at
        value = self.try_number()
        if value is None:
            self.fail(f"{what} belongs here")
        if not low <= value <= high:
            self.at = start
            shown = f"{high:#x}" if high > 0xFFFF else str(high)
            self.fail(f"{what} lies between {low} and {shown}")
        return value

    def try_number(self) -> int | None:
        """Take a number if there is one; one that does not fit 64 bits comes back as one that is too large."""
        found = self.match(_NUMBER)
        if found is None:
            return None
        digits = found[2].lower()
        hexadecimal = digits.startswith("0x")
        significant = digits.removeprefix("0x").lstrip("0") or "0"
        value = int(significant, 16 if hexadecimal else 10) if len(significant) <= _DIGITS else ADDRESS_MASK + 1
        return -value if found[1] else value

    def try_string(self) -> bytes | None:
        """Take a string in quotes if there is one, in UTF-8, with the escapes of C."""
        self._skip_space()
        if not self.text.startswith('"', self.at):
            return None
        start = self.at
        found = self.match(_STRING)
        if found is None:
            self.fail('the string has no closing `"`')
        parts: list[bytes] = []
        behind = 0
        for escape in _ESCAPE.finditer(found[1]):
            parts.append(found[1][behind : escape.start()].encode())
            name = escape[1]
            if name not in _ESCAPES and not (name[0] == "x" and len(name) == 3):
                self.at = start
                self.fail(rf"there is no escape \{name}; there are \n \r \t \0 \\ \" and \xNN")
            parts.append(_ESCAPES[name] if name in _ESCAPES else bytes.fromhex(name[1:]))
            behind = escape.end()
        parts.append(found[1][behind:].encode())
        return b"".join(parts)

    def status(self) -> int:
        """Take an NTSTATUS by its name or number."""
        start = self.at
        found = self.match(NAME)
        if found is None:
            return self.number("an NTSTATUS, as STATUS_ACCESS_VIOLATION or 0xC0000005,", 0, 0xFFFF_FFFF)
        if found[0] not in _STATUSES:
            self.at = start
            self.fail(f"unknown status{nearest(found[0], _STATUSES)}; any other is given as a number, 0xC0000005")
        return _STATUSES[found[0]]

    def try_status(self) -> int | None:
        """Take an NTSTATUS by its name if there is one."""
        self._skip_space()
        return self.status() if self.text.startswith("STATUS_", self.at) else None


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
