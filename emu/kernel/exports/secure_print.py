# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that format into a buffer of a known size: `sprintf_s`, `_snprintf_s` (Microsoft Learn, under these names).

An invalid parameter is answered with -1: no handler for it is called, and errno is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from emu.kernel.exports.string_print import MINUS_ONE, format_result, write_units
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.kernel.variable_arguments import argument_list, arguments_from

_TRUNCATE: Final = (1 << 64) - 1
"""The count that asks for as much as there is room for."""


def _whole(call: ExportCall, next_argument: Callable[[], int], *, wide: bool) -> int:
    """Write (buffer, size, format, ...), or where that does not fit, an empty string."""
    buffer, size, template = (call.argument(index) for index in range(3))
    if not buffer or not size or not template:
        return MINUS_ONE
    text = format_result(call, template, next_argument, wide=wide, count=size - 1)
    fits = len(text) < size
    write_units(call, text + "\0" if fits else "\0", wide=wide)
    return len(text) if fits else MINUS_ONE


def _counted(call: ExportCall, next_argument: Callable[[], int], *, wide: bool) -> int:
    """Write (buffer, size, count, format, ...): at most `count` characters, cut off without complaint."""
    buffer, size, count, template = (call.argument(index) for index in range(4))
    if not buffer or not size or not template:
        return MINUS_ONE
    limit = size - 1 if count == _TRUNCATE else min(count, size - 1)
    text = format_result(call, template, next_argument, wide=wide, count=limit)
    if len(text) > limit and count != _TRUNCATE and count >= size:
        write_units(call, "\0", wide=wide)
        return MINUS_ONE
    write_units(call, text[:limit] + "\0", wide=wide)
    return len(text) if len(text) <= limit else MINUS_ONE


def sprintf_s(call: ExportCall) -> int:
    """sprintf_s(buffer, size, format, ...): the characters written, or -1 where they do not fit."""
    return _whole(call, arguments_from(call, 3), wide=False)


def swprintf_s(call: ExportCall) -> int:
    """swprintf_s(buffer, size, format, ...)."""
    return _whole(call, arguments_from(call, 3), wide=True)


def vsprintf_s(call: ExportCall) -> int:
    """vsprintf_s(buffer, size, format, arguments)."""
    return _whole(call, argument_list(call.system, call.argument(3)), wide=False)


def vswprintf_s(call: ExportCall) -> int:
    """vswprintf_s(buffer, size, format, arguments)."""
    return _whole(call, argument_list(call.system, call.argument(3)), wide=True)


def snprintf_s(call: ExportCall) -> int:
    """_snprintf_s(buffer, size, count, format, ...): the characters written, or -1 where some are missing."""
    return _counted(call, arguments_from(call, 4), wide=False)


def snwprintf_s(call: ExportCall) -> int:
    """_snwprintf_s(buffer, size, count, format, ...)."""
    return _counted(call, arguments_from(call, 4), wide=True)


def vsnprintf_s(call: ExportCall) -> int:
    """_vsnprintf_s(buffer, size, count, format, arguments)."""
    return _counted(call, argument_list(call.system, call.argument(4)), wide=False)


def vsnwprintf_s(call: ExportCall) -> int:
    """_vsnwprintf_s(buffer, size, count, format, arguments)."""
    return _counted(call, argument_list(call.system, call.argument(4)), wide=True)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "_snprintf_s": snprintf_s,
    "_snwprintf_s": snwprintf_s,
    "_vsnprintf_s": vsnprintf_s,
    "_vsnwprintf_s": vsnwprintf_s,
    "sprintf_s": sprintf_s,
    "swprintf_s": swprintf_s,
    "vsprintf_s": vsprintf_s,
    "vswprintf_s": vswprintf_s,
}
