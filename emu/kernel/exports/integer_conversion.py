# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports between integers and their digits (Microsoft Learn, RtlUnicodeStringToInteger, RtlIntegerToUnicodeString)."""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.kernel.exports.string_conversion import write_unicode
from emu.kernel.guest_strings import GuestStrings
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.nt.status import NtStatus

_PREFIXES: Final = {"0b": 2, "0o": 8, "0x": 16}
_FORMATS: Final = {0: "d", 2: "b", 8: "o", 10: "d", 16: "X"}
_DIGITS: Final = "0123456789abcdef"
_ULONG: Final = 0xFFFF_FFFF


def parse_integer(text: str, base: int) -> int:
    """Return the ULONG at a text's beginning: white space, a sign, for base 0 a prefix, digits; 0 without digits."""
    text = text.lstrip("".join(map(chr, range(0x21))))
    sign = text[:1] if text[:1] in ("+", "-") else ""
    text = text.removeprefix(sign)
    if base == 0:
        base = _PREFIXES.get(text[:2], 10)
        text = text[2:] if text[:2] in _PREFIXES else text
    value = 0
    for character in text:
        digit = _DIGITS[:base].find(character.lower())
        if digit < 0:
            break
        value = (value * base + digit) & _ULONG
    return -value & _ULONG if sign == "-" else value


def rtl_unicode_string_to_integer(call: ExportCall) -> int:
    """RtlUnicodeStringToInteger(string, base, ULONG *)."""
    base = call.argument(1) & _ULONG
    if base not in _FORMATS:
        return NtStatus.INVALID_PARAMETER
    text = GuestStrings(call.system).counted_wide(call.argument(0)) or ""
    call.system.write_guest(Gva(call.argument(2)), parse_integer(text, base).to_bytes(4, "little"))
    return NtStatus.SUCCESS


def rtl_integer_to_unicode_string(call: ExportCall) -> int:
    """RtlIntegerToUnicodeString(value, base, string): upper-case digits, and a zero behind them."""
    base = call.argument(1) & _ULONG
    if base not in _FORMATS:
        return NtStatus.INVALID_PARAMETER
    digits = format(call.argument(0) & _ULONG, _FORMATS[base])
    return write_unicode(call, call.argument(2), digits.encode("ascii"), allocate=False)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "RtlIntegerToUnicodeString": rtl_integer_to_unicode_string,
    "RtlUnicodeStringToInteger": rtl_unicode_string_to_integer,
}
