# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that print to the debugger (Microsoft Learn, DbgPrint, DbgPrintEx, vDbgPrintEx, vDbgPrintExWithPrefix).

Nothing is filtered by component or level: what a driver prints is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from emu.address import ADDRESS_MASK
from emu.events import DebugPrinted
from emu.kernel.format import FormatRefused, format_text
from emu.kernel.guest_strings import GuestStrings, readable
from emu.kernel.stubs import ExportCall, ExportFunction, ExportUnmodelled
from emu.kernel.variable_arguments import argument_list, arguments_from

LONGEST_TEXT: Final = 512
"""What one call transmits at most."""

DEFAULT_COMPONENT: Final = 101
"""DPFLTR_DEFAULT_ID: the component of DbgPrint, whose level is DPFLTR_INFO_LEVEL."""
INFO_LEVEL: Final = 3


def _print(
    call: ExportCall, template: int, next_argument: Callable[[], int], component: int, level: int, prefix: int = 0
) -> int:
    system = call.system
    strings = GuestStrings(system)
    try:
        text = strings.narrow(prefix) if prefix else ""
        text += format_text(strings.narrow(template), next_argument, strings, longest=LONGEST_TEXT)
    except FormatRefused as refused:
        raise ExportUnmodelled(str(refused)) from None
    text = readable(text[:LONGEST_TEXT])
    system.debug_output.append(text)
    system.events.append(DebugPrinted(text, component & 0xFFFF_FFFF, level & 0xFFFF_FFFF))
    return 0


def dbg_print(call: ExportCall) -> int:
    """DbgPrint(format, ...)."""
    return _print(call, call.argument(0), arguments_from(call, 1), DEFAULT_COMPONENT, INFO_LEVEL)


def dbg_print_ex(call: ExportCall) -> int:
    """DbgPrintEx(component, level, format, ...)."""
    component, level, template = (call.argument(index) for index in range(3))
    return _print(call, template, arguments_from(call, 3), component, level)


def v_dbg_print_ex(call: ExportCall) -> int:
    """vDbgPrintEx(component, level, format, arguments)."""
    component, level, template, arguments = (call.argument(index) for index in range(4))
    return _print(call, template, argument_list(call.system, arguments), component, level)


def v_dbg_print_ex_with_prefix(call: ExportCall) -> int:
    """vDbgPrintExWithPrefix(prefix, component, level, format, arguments)."""
    prefix, component, level, template, arguments = (call.argument(index) & ADDRESS_MASK for index in range(5))
    return _print(call, template, argument_list(call.system, arguments), component, level, prefix)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "DbgPrint": dbg_print,
    "DbgPrintEx": dbg_print_ex,
    "vDbgPrintEx": v_dbg_print_ex,
    "vDbgPrintExWithPrefix": v_dbg_print_ex_with_prefix,
}
