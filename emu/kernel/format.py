# SPDX-License-Identifier: GPL-2.0-or-later
"""The format language of DbgPrint and of the kernel's `_snprintf` family.

Microsoft Learn, "Format specification syntax: printf and wprintf functions", and for `%Z` and `%wZ` "DbgPrint". A
string is a Python string of character codes: a byte each, or a UTF-16 unit each.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from typing import Final, Protocol

_DIRECTIVE: Final = re.compile(
    r"%(?P<flags>[-+ #0]*)(?P<width>\*|[0-9]+)?(?:\.(?P<precision>\*|[0-9]*))?"
    r"(?P<size>hh|h|ll|l|I64|I32|I|j|z|t|w|L)?(?P<type>.)?",
    re.DOTALL,
)
_BITS: Final = {"hh": 8, "h": 16, "ll": 64, "I64": 64, "I": 64, "j": 64, "z": 64, "t": 64}
"""Of an integer, by its size prefix; any other is 32 bits."""

_LONGEST_FRACTION: Final = 1100
"""Digits behind the point that a double can have: 1074 and some."""

_MOST_DIGITS: Final = 12
"""Of a width or precision, an int in C."""

NULL_STRING: Final = "(null)"


class Strings(Protocol):
    """Strings in guest memory, one character each byte or each 16-bit unit; whoever implements it raises on a fault."""

    def narrow(self, address: int, limit: int | None = None) -> str:
        """Return a zero-terminated string of bytes, or its first `limit` characters."""

    def wide(self, address: int, limit: int | None = None) -> str:
        """Return a zero-terminated string of 16-bit units, or its first `limit` characters."""

    def counted(self, address: int) -> str | None:
        """Return what an ANSI_STRING holds; None where it has no buffer."""

    def counted_wide(self, address: int) -> str | None:
        """Return what a UNICODE_STRING holds; None where it has no buffer."""


class FormatRefused(Exception):
    """A directive that has no meaning here; the text names it."""


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


class _Formatter:
    """One directive: its flags, width and precision, numbers by now."""

    def __init__(self, flags: str, width: int, precision: int | None, longest: int) -> None:
        self.left = "-" in flags or width < 0
        self.zero = "0" in flags and not self.left
        self.alternate = "#" in flags
        self.plus = "+" if "+" in flags else " " if " " in flags else ""
        self.width = abs(width)
        self.precision = precision
        self.longest = longest

    def pad(self, text: str, prefix: str = "", *, zero: bool) -> str:
        # A width beyond the output's end fills it, however large it is.
        missing = min(self.width - len(prefix) - len(text), self.longest)
        if missing <= 0:
            return prefix + text
        if self.left:
            return prefix + text + " " * missing
        return prefix + "0" * missing + text if zero else " " * missing + prefix + text

    def integer(self, value: int, kind: str, bits: int) -> str:
        prefix = ""
        if kind in "di":
            number = _signed(value, bits)
            prefix = "-" if number < 0 else self.plus
            digits = str(abs(number))
        else:
            number = value & (1 << bits) - 1
            digits = format(number, "d" if kind == "u" else kind)
            if self.alternate and number and kind in "xX":
                prefix = f"0{kind}"
        if self.precision == 0 and number == 0:
            digits = ""
        digits = "0" * min((self.precision or 0) - len(digits), self.longest) + digits
        if self.alternate and kind == "o" and not digits.startswith("0"):
            digits = f"0{digits}"
        return self.pad(digits, prefix, zero=self.zero and self.precision is None)

    def pointer(self, value: int) -> str:
        return self.pad(f"{value:016X}", "0X" if self.alternate else "", zero=self.zero)

    def real(self, value: int, kind: str) -> str:
        (number,) = struct.unpack("<d", struct.pack("<Q", value))
        precision = 6 if self.precision is None else min(self.precision, self.longest + _LONGEST_FRACTION)
        negative = math.copysign(1.0, number) < 0
        if self.precision is not None and kind in "eEfF":
            self.width -= self.precision - precision
        text = f"%{'#' if self.alternate else ''}.{precision}{kind}" % abs(number)
        return self.pad(text, "-" if negative else self.plus, zero=self.zero and math.isfinite(number))

    def text(self, text: str | None) -> str:
        text = NULL_STRING if text is None else text
        if self.precision is not None:
            text = text[: self.precision]
        return self.pad(text, zero=self.zero)


def format_text(
    template: str, next_argument: Callable[[], int], strings: Strings, *, wide: bool = False, longest: int = 512
) -> str:
    """Return a template with its directives replaced, each by the next 64-bit arguments.

    `wide` tells that this is the format of a function for 16-bit characters, where `%s` and `%c` are wide and `%S` and
    `%C` are not. `longest` is how many characters of the result matter; no more are returned. Raises `FormatRefused`
    for `%n` and `%a`.
    """
    parts: list[str] = []
    at, room = 0, longest
    while at < len(template):
        match = _DIRECTIVE.match(template, at)
        if match is None:
            following = template.find("%", at)
            end = len(template) if following < 0 else following
            part = template[at:end]
            at = end
        else:
            part = _directive(match, next_argument, strings, wide=wide, longest=room)
            at = match.end()
        # Arguments are read to the end; of the text what goes beyond the longest does not matter.
        parts.append(part[:room])
        room -= len(parts[-1])
    return "".join(parts)


def _number(digits: str | None) -> int:
    """Return a width or precision; more digits than its C type has are as good as any."""
    return int((digits or "0").lstrip("0")[:_MOST_DIGITS] or "0")


def _directive(
    match: re.Match[str], next_argument: Callable[[], int], strings: Strings, *, wide: bool, longest: int
) -> str:
    kind, size = match["type"] or "", match["size"] or ""
    width = _signed(next_argument(), 32) if match["width"] == "*" else _number(match["width"])
    precision: int | None = None
    if match["precision"] == "*":
        precision = _signed(next_argument(), 32)
        precision = None if precision < 0 else precision
    elif match["precision"] is not None:
        precision = _number(match["precision"])
    form = _Formatter(match["flags"], width, precision, longest)
    if kind in ("d", "i", "o", "u", "x", "X"):
        return form.integer(next_argument(), kind, _BITS.get(size, 32))
    if kind == "p":
        return form.pointer(next_argument())
    if kind in ("c", "C", "s", "S"):
        is_wide = size in ("l", "w") or (not size.startswith("h") and wide != kind.isupper())
        return _character_or_string(form, kind.lower(), next_argument(), strings, is_wide)
    if kind == "Z":
        address = next_argument()
        is_wide = size in ("l", "w")
        return form.text((strings.counted_wide(address) if is_wide else strings.counted(address)) if address else None)
    if kind in ("e", "E", "f", "F", "g", "G"):
        return form.real(next_argument(), kind)
    if kind in ("n", "a", "A"):
        raise FormatRefused(f"the directive {match[0]!r} is refused")
    return kind  # no meaning: the character itself, which makes %% a percent sign


def _character_or_string(form: _Formatter, kind: str, value: int, strings: Strings, is_wide: bool) -> str:
    if kind == "c":
        form.precision = None
        return form.text(chr(value & (0xFFFF if is_wide else 0xFF)))
    if not value:
        return form.text(None)
    return form.text((strings.wide if is_wide else strings.narrow)(value, form.precision))
