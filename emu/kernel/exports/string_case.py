# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that change the case of characters and counted strings (Microsoft Learn, RtlUpcaseUnicodeString, and so on).

A string may be changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from emu.kernel.character_case import downcase, upcase, upcase_ansi
from emu.kernel.exports.string_allocation import allocate_string
from emu.kernel.guest_strings import CountedString, write_ascending
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.nt.status import NtStatus


def _change_case(call: ExportCall, change: Callable[[int], int]) -> int:
    """Write the source in another case; no zero is written behind it."""
    system, address = call.system, call.argument(0)
    content = CountedString.read(system, call.argument(1)).content(system)
    units = [int.from_bytes(content[at : at + 2], "little") for at in range(0, len(content) - 1, 2)]
    changed = b"".join(change(unit).to_bytes(2, "little") for unit in units)
    if call.argument(2) & 0xFF:
        return allocate_string(call, address, changed, len(changed))
    target = CountedString.read(system, address)
    if len(changed) > target.maximum:
        return NtStatus.BUFFER_OVERFLOW
    write_ascending(system, target.buffer, changed)
    target._replace(length=len(changed)).write(system, address)
    return NtStatus.SUCCESS


def rtl_upcase_unicode_string(call: ExportCall) -> int:
    """RtlUpcaseUnicodeString(destination, source, allocate)."""
    return _change_case(call, upcase)


def rtl_downcase_unicode_string(call: ExportCall) -> int:
    """RtlDowncaseUnicodeString(destination, source, allocate)."""
    return _change_case(call, downcase)


def rtl_upper_string(call: ExportCall) -> None:
    """RtlUpperString(destination, source): ANSI strings; what does not fit is cut off."""
    system, address = call.system, call.argument(0)
    source, target = CountedString.read(system, call.argument(1)), CountedString.read(system, address)
    content = source._replace(length=min(source.length, target.maximum)).content(system)
    write_ascending(system, target.buffer, bytes(map(upcase_ansi, content)))
    target._replace(length=len(content)).write(system, address)


def rtl_upcase_unicode_char(call: ExportCall) -> int:
    """RtlUpcaseUnicodeChar(character)."""
    return upcase(call.argument(0) & 0xFFFF)


def rtl_downcase_unicode_char(call: ExportCall) -> int:
    """RtlDowncaseUnicodeChar(character)."""
    return downcase(call.argument(0) & 0xFFFF)


def rtl_upper_char(call: ExportCall) -> int:
    """RtlUpperChar(character): one of the ANSI code page."""
    return upcase_ansi(call.argument(0) & 0xFF)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "RtlDowncaseUnicodeChar": rtl_downcase_unicode_char,
    "RtlDowncaseUnicodeString": rtl_downcase_unicode_string,
    "RtlUpcaseUnicodeChar": rtl_upcase_unicode_char,
    "RtlUpcaseUnicodeString": rtl_upcase_unicode_string,
    "RtlUpperChar": rtl_upper_char,
    "RtlUpperString": rtl_upper_string,
}
