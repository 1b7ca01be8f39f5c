# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that compare UNICODE_STRINGs (Microsoft Learn, RtlCompareUnicodeString, RtlEqualUnicodeString).

Those that write strings are guest code: guest/kernel/unicode_string.S.
"""

from __future__ import annotations

from typing import Final

from emu.address import ADDRESS_MASK, PAGE_SIZE, Gva
from emu.kernel.stubs import ExportCall, ExportFunction

_STRING_SIZE: Final = 16
_BUFFER: Final = 8


def upcase(unit: int) -> int:
    """Return a 16-bit character in upper case: its simple, locale-independent mapping to one character, if any."""
    upper = chr(unit).upper() if not 0xD800 <= unit <= 0xDFFF else ""
    return ord(upper) if len(upper) == 1 and ord(upper) <= 0xFFFF else unit


def _header(call: ExportCall, index: int) -> tuple[int, int]:
    """Return the characters and the buffer of the string that an argument points at."""
    data = call.system.read_guest(Gva(call.argument(index)), _STRING_SIZE)
    return int.from_bytes(data[:2], "little") // 2, int.from_bytes(data[_BUFFER:], "little")


def _difference(call: ExportCall) -> int:
    """Compare two strings, reading no character behind the first difference."""
    (first_length, first), (second_length, second) = _header(call, 0), _header(call, 1)
    ignores_case = bool(call.argument(2) & 0xFF)
    done, common = 0, min(first_length, second_length)
    while done < common:
        at = [(buffer + 2 * done) & ADDRESS_MASK for buffer in (first, second)]
        room = min((PAGE_SIZE - address % PAGE_SIZE) // 2 for address in at)
        count = max(1, min(common - done, room))
        pieces = [call.system.read_guest(Gva(address), 2 * count) for address in at]
        for offset in range(0, 2 * count, 2):
            one, other = (int.from_bytes(piece[offset : offset + 2], "little") for piece in pieces)
            if ignores_case:
                one, other = upcase(one), upcase(other)
            if one != other:
                return one - other
        done += count
    return first_length - second_length


def rtl_compare_unicode_string(call: ExportCall) -> int:
    """RtlCompareUnicodeString(first, second, case-insensitive): below, equal to or above 0, as a LONG."""
    return _difference(call) & 0xFFFF_FFFF


def rtl_equal_unicode_string(call: ExportCall) -> int:
    """RtlEqualUnicodeString(first, second, case-insensitive): strings of different lengths are not read."""
    if _header(call, 0)[0] != _header(call, 1)[0]:
        return 0
    return int(_difference(call) == 0)


def rtl_upcase_unicode_char(call: ExportCall) -> int:
    """RtlUpcaseUnicodeChar(character)."""
    return upcase(call.argument(0) & 0xFFFF)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "RtlCompareUnicodeString": rtl_compare_unicode_string,
    "RtlEqualUnicodeString": rtl_equal_unicode_string,
    "RtlUpcaseUnicodeChar": rtl_upcase_unicode_char,
}
