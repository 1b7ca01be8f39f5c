# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that format into a buffer: `sprintf`, `_snprintf` and their relatives (Microsoft Learn, under these names).

The buffer is written in ascending order: a fault is at the first byte that cannot be touched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from emu.kernel.format import FormatRefused, format_text
from emu.kernel.guest_strings import GuestStrings, write_ascending
from emu.kernel.stubs import ExportCall, ExportFunction, ExportUnmodelled
from emu.kernel.variable_arguments import argument_list, arguments_from

MINUS_ONE: Final = 0xFFFF_FFFF
"""int -1."""

LONGEST_OUTPUT: Final = 1 << 20
"""Characters; a longer result is not modelled."""


def format_result(
    call: ExportCall, template: int, next_argument: Callable[[], int], *, wide: bool, count: int | None
) -> str:
    """Return what a format becomes, or where that is longer than `count`, at least a character more than that."""
    strings = GuestStrings(call.system)
    text = strings.wide(template) if wide else strings.narrow(template)
    longest = LONGEST_OUTPUT if count is None else min(count, LONGEST_OUTPUT)
    try:
        text = format_text(text, next_argument, strings, wide=wide, longest=longest + 1)
    except FormatRefused as refused:
        raise ExportUnmodelled(str(refused)) from None
    if len(text) > longest and (count is None or longest < count):
        raise ExportUnmodelled(f"a result of more than {LONGEST_OUTPUT} characters")
    return text


def write_units(call: ExportCall, text: str, *, wide: bool) -> None:
    """Write characters to the buffer of a call."""
    encoding, errors = ("utf-16-le", "surrogatepass") if wide else ("latin-1", "replace")
    write_ascending(call.system, call.argument(0), text.encode(encoding, errors))


def _bounded(call: ExportCall, next_argument: Callable[[], int], *, wide: bool) -> int:
    """Write at most as many characters as the second argument says."""
    count = call.argument(1)
    text = format_result(call, call.argument(2), next_argument, wide=wide, count=count)
    # Exactly `count` characters leave no room for the terminator, and none is written.
    write_units(call, text + "\0" if len(text) < count else text[:count], wide=wide)
    return len(text) if len(text) <= count else MINUS_ONE


def _unbounded(call: ExportCall, next_argument: Callable[[], int], *, wide: bool) -> int:
    text = format_result(call, call.argument(1), next_argument, wide=wide, count=None)
    write_units(call, text + "\0", wide=wide)
    return len(text)


def snprintf(call: ExportCall) -> int:
    """_snprintf(buffer, count, format, ...): the characters written, or -1 where they do not fit."""
    return _bounded(call, arguments_from(call, 3), wide=False)


def snwprintf(call: ExportCall) -> int:
    """_snwprintf(buffer, count, format, ...)."""
    return _bounded(call, arguments_from(call, 3), wide=True)


def vsnprintf(call: ExportCall) -> int:
    """_vsnprintf(buffer, count, format, arguments)."""
    return _bounded(call, argument_list(call.system, call.argument(3)), wide=False)


def vsnwprintf(call: ExportCall) -> int:
    """_vsnwprintf(buffer, count, format, arguments)."""
    return _bounded(call, argument_list(call.system, call.argument(3)), wide=True)


def sprintf(call: ExportCall) -> int:
    """sprintf(buffer, format, ...): the characters written."""
    return _unbounded(call, arguments_from(call, 2), wide=False)


def vsprintf(call: ExportCall) -> int:
    """vsprintf(buffer, format, arguments)."""
    return _unbounded(call, argument_list(call.system, call.argument(2)), wide=False)


def swprintf(call: ExportCall) -> int:
    """swprintf(buffer, format, ...): the kernel's has no count, as _swprintf has none elsewhere."""
    return _unbounded(call, arguments_from(call, 2), wide=True)


def vswprintf(call: ExportCall) -> int:
    """_vswprintf(buffer, format, arguments)."""
    return _unbounded(call, argument_list(call.system, call.argument(2)), wide=True)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "_snprintf": snprintf,
    "_snwprintf": snwprintf,
    "_swprintf": swprintf,
    "_vsnprintf": vsnprintf,
    "_vsnwprintf": vsnwprintf,
    "_vswprintf": vswprintf,
    "sprintf": sprintf,
    "swprintf": swprintf,
    "vsprintf": vsprintf,
}
