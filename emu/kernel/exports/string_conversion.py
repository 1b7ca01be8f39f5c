# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports between ANSI and Unicode strings (Microsoft Learn, RtlAnsiStringToUnicodeString and its counterpart).

The ANSI code page is ISO 8859-1: byte n is the character U+00nn, and a 16-bit unit that has no byte becomes a
question mark.
"""

from __future__ import annotations

from typing import Final

from emu.kernel.exports.string_allocation import allocate_string
from emu.kernel.guest_strings import CountedString, write_ascending
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.nt.status import NtStatus

LONGEST: Final = 0xFFFF
"""Bytes of a counted string."""

_UNMAPPABLE: Final = ord("?")


def to_unicode(ansi: bytes) -> bytes:
    """Return the 16-bit characters of an ANSI text."""
    return ansi.decode("latin-1").encode("utf-16-le")


def to_ansi(wide: bytes) -> bytes:
    """Return the ANSI text of 16-bit characters."""
    return bytes(low if high == 0 else _UNMAPPABLE for low, high in zip(wide[::2], wide[1::2], strict=True))


def write_unicode(call: ExportCall, address: int, ansi: bytes, *, allocate: bool) -> int:
    """Write an ANSI text, and a zero, to the UNICODE_STRING at an address, and return an NTSTATUS.

    Where there is no room, only Length is written: what the text would take.
    """
    system = call.system
    content = to_unicode(ansi) + bytes(2)
    length = len(content) - 2
    if len(content) > LONGEST:
        return NtStatus.INVALID_PARAMETER_2
    if allocate:
        return allocate_string(call, address, content, length)
    target = CountedString.read(system, address)._replace(length=length)
    target.write(system, address)
    if len(content) > target.maximum:
        return NtStatus.BUFFER_OVERFLOW
    write_ascending(system, target.buffer, content)
    return NtStatus.SUCCESS


def rtl_ansi_string_to_unicode_string(call: ExportCall) -> int:
    """RtlAnsiStringToUnicodeString(destination, source, allocate)."""
    source = CountedString.read(call.system, call.argument(1))
    allocate = bool(call.argument(2) & 0xFF)
    return write_unicode(call, call.argument(0), source.content(call.system), allocate=allocate)


def rtl_unicode_string_to_ansi_string(call: ExportCall) -> int:
    """RtlUnicodeStringToAnsiString(destination, source, allocate): what fits is written, with a zero behind it."""
    system, address = call.system, call.argument(0)
    source = CountedString.read(system, call.argument(1))
    ansi = to_ansi(source._replace(length=source.length & ~1).content(system))
    if call.argument(2) & 0xFF:
        return allocate_string(call, address, ansi + b"\0", len(ansi))
    target = CountedString.read(system, address)
    if target.maximum == 0:
        return NtStatus.BUFFER_OVERFLOW
    fits = ansi[: target.maximum - 1]
    target._replace(length=len(fits)).write(system, address)
    write_ascending(system, target.buffer, fits + b"\0")
    return NtStatus.SUCCESS if fits == ansi else NtStatus.BUFFER_OVERFLOW


EXPORTS: Final[dict[str, ExportFunction]] = {
    "RtlAnsiStringToUnicodeString": rtl_ansi_string_to_unicode_string,
    "RtlUnicodeStringToAnsiString": rtl_unicode_string_to_ansi_string,
}
