# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that compare counted strings (Microsoft Learn, RtlCompareUnicodeString, RtlEqualString, and so on)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from emu.address import ADDRESS_MASK, PAGE_SIZE, Gva
from emu.kernel.character_case import upcase, upcase_ansi
from emu.kernel.guest_strings import CountedString
from emu.kernel.stubs import ExportCall, ExportFunction


class _Characters(NamedTuple):
    """What strings are made of."""

    size: int
    upcase: Callable[[int], int]


_ANSI: Final = _Characters(1, upcase_ansi)
_UNICODE: Final = _Characters(2, upcase)


def _difference(first: CountedString, second: CountedString, count: int, call: ExportCall, kind: _Characters) -> int:
    """Compare `count` characters of two strings, reading none behind the first difference."""
    ignores_case, size = bool(call.argument(2) & 0xFF), kind.size
    done = 0
    while done < count:
        at = [(string.buffer + size * done) & ADDRESS_MASK for string in (first, second)]
        room = min((PAGE_SIZE - address % PAGE_SIZE) // size for address in at)
        now = max(1, min(count - done, room))
        pieces = [call.system.read_guest(Gva(address), size * now) for address in at]
        for offset in range(0, size * now, size):
            one, other = (int.from_bytes(piece[offset : offset + size], "little") for piece in pieces)
            if ignores_case:
                one, other = kind.upcase(one), kind.upcase(other)
            if one != other:
                return one - other
        done += now
    return 0


def _strings(call: ExportCall) -> tuple[CountedString, CountedString]:
    """Return the strings that the first two arguments point at."""
    first, second = (CountedString.read(call.system, call.argument(index)) for index in (0, 1))
    return first, second


def _compare(call: ExportCall, kind: _Characters) -> int:
    first, second = _strings(call)
    lengths = [string.length // kind.size for string in (first, second)]
    return (_difference(first, second, min(lengths), call, kind) or lengths[0] - lengths[1]) & 0xFFFF_FFFF


def _is_equal(call: ExportCall, kind: _Characters) -> int:
    first, second = _strings(call)
    lengths = [string.length // kind.size for string in (first, second)]
    return int(lengths[0] == lengths[1] and not _difference(first, second, lengths[0], call, kind))


def _is_prefix(call: ExportCall, kind: _Characters) -> int:
    prefix, string = _strings(call)
    lengths = [each.length // kind.size for each in (prefix, string)]
    return int(lengths[0] <= lengths[1] and not _difference(prefix, string, lengths[0], call, kind))


def rtl_compare_unicode_string(call: ExportCall) -> int:
    """RtlCompareUnicodeString(first, second, case-insensitive): below, equal to or above 0, as a LONG."""
    return _compare(call, _UNICODE)


def rtl_compare_string(call: ExportCall) -> int:
    """RtlCompareString(first, second, case-insensitive)."""
    return _compare(call, _ANSI)


def rtl_equal_unicode_string(call: ExportCall) -> int:
    """RtlEqualUnicodeString(first, second, case-insensitive): strings of different lengths are not read."""
    return _is_equal(call, _UNICODE)


def rtl_equal_string(call: ExportCall) -> int:
    """RtlEqualString(first, second, case-insensitive)."""
    return _is_equal(call, _ANSI)


def rtl_prefix_unicode_string(call: ExportCall) -> int:
    """RtlPrefixUnicodeString(prefix, string, case-insensitive): a string that is too short is not read."""
    return _is_prefix(call, _UNICODE)


def rtl_prefix_string(call: ExportCall) -> int:
    """RtlPrefixString(prefix, string, case-insensitive)."""
    return _is_prefix(call, _ANSI)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "RtlCompareString": rtl_compare_string,
    "RtlCompareUnicodeString": rtl_compare_unicode_string,
    "RtlEqualString": rtl_equal_string,
    "RtlEqualUnicodeString": rtl_equal_unicode_string,
    "RtlPrefixString": rtl_prefix_string,
    "RtlPrefixUnicodeString": rtl_prefix_unicode_string,
}
