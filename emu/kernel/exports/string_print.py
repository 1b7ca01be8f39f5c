# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that format into a buffer: `_snprintf` and its relatives (Microsoft Learn, _snprintf and _vsnprintf).

The buffer is written in ascending order: a fault is at the first byte that cannot be touched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from emu.address import Gva
from emu.kernel.format import FormatRefused, format_text
from emu.kernel.guest_fault import GuestFault
from emu.kernel.guest_strings import GuestStrings
from emu.kernel.stubs import ExportCall, ExportFunction, ExportUnmodelled
from emu.kernel.variable_arguments import argument_list, arguments_from

if TYPE_CHECKING:
    from emu.kernel.system import System

MINUS_ONE: Final = 0xFFFF_FFFF
"""int -1."""

LONGEST_OUTPUT: Final = 1 << 20
"""Characters; a longer result is not modelled."""


def _write_ascending(system: System, address: int, data: bytes) -> None:
    try:
        system.write_guest(Gva(address), data)
    except GuestFault as fault:
        system.memory.write(Gva(address), data[: max(0, fault.address - address)])
        raise


def _format(call: ExportCall, template: int, next_argument: Callable[[], int], *, wide: bool) -> int:
    buffer, count = call.argument(0), call.argument(1)
    strings = GuestStrings(call.system)
    text = strings.wide(template) if wide else strings.narrow(template)
    longest = min(count, LONGEST_OUTPUT)
    try:
        text = format_text(text, next_argument, strings, wide=wide, longest=longest + 1)
    except FormatRefused as refused:
        raise ExportUnmodelled(str(refused)) from None
    if len(text) > longest < count:
        raise ExportUnmodelled(f"a result of more than {LONGEST_OUTPUT} characters")
    fits = len(text) <= count
    # Exactly `count` characters leave no room for the terminator, and none is written.
    units = text + "\0" if len(text) < count else text[:count]
    encoding = "utf-16-le" if wide else "latin-1"
    errors = "surrogatepass" if wide else "replace"
    _write_ascending(call.system, buffer, units.encode(encoding, errors))
    return len(text) if fits else MINUS_ONE


def snprintf(call: ExportCall) -> int:
    """_snprintf(buffer, count, format, ...): the characters written, or -1 where they do not fit."""
    return _format(call, call.argument(2), arguments_from(call, 3), wide=False)


def snwprintf(call: ExportCall) -> int:
    """_snwprintf(buffer, count, format, ...)."""
    return _format(call, call.argument(2), arguments_from(call, 3), wide=True)


def vsnprintf(call: ExportCall) -> int:
    """_vsnprintf(buffer, count, format, arguments)."""
    return _format(call, call.argument(2), argument_list(call.system, call.argument(3)), wide=False)


def vsnwprintf(call: ExportCall) -> int:
    """_vsnwprintf(buffer, count, format, arguments)."""
    return _format(call, call.argument(2), argument_list(call.system, call.argument(3)), wide=True)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "_snprintf": snprintf,
    "_snwprintf": snwprintf,
    "_vsnprintf": vsnprintf,
    "_vsnwprintf": vsnwprintf,
}
