# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that read and change the IRQL (Microsoft Learn, KeRaiseIrql, KeLowerIrql, KeGetCurrentIrql).

Headers inline most of them as accesses to CR8; these are for code that imports them.
"""

from __future__ import annotations

from typing import Final

from emu.kernel.irql import DISPATCH_LEVEL
from emu.kernel.stubs import ExportBugcheck, ExportCall, ExportFunction
from emu.nt.bugcheck import BugCheck

_HIGHEST: Final = 0xF
"""CR8 has four bits."""


def raise_irql(call: ExportCall, new: int) -> int:
    """Raise the IRQL and return the old one; bugchecks where the new one is lower."""
    cpu = call.system.cpu
    old = cpu.irql
    if new < old:
        raise ExportBugcheck(BugCheck.IRQL_NOT_GREATER_OR_EQUAL, new, old, 0, call.caller)
    cpu.irql = new & _HIGHEST
    return old


def lower_irql(call: ExportCall, new: int) -> None:
    """Lower the IRQL; bugchecks where the new one is higher."""
    cpu = call.system.cpu
    old = cpu.irql
    if new > old:
        raise ExportBugcheck(BugCheck.IRQL_NOT_LESS_OR_EQUAL, new, old, 0, call.caller)
    cpu.irql = new


def ke_get_current_irql(call: ExportCall) -> int:
    """KeGetCurrentIrql()."""
    return call.system.cpu.irql


def kf_raise_irql(call: ExportCall) -> int:
    """KfRaiseIrql(new): what the macro KeRaiseIrql calls; returns the old IRQL."""
    return raise_irql(call, call.argument(0) & 0xFF)


def ke_raise_irql_to_dpc_level(call: ExportCall) -> int:
    """KeRaiseIrqlToDpcLevel(): returns the old IRQL."""
    return raise_irql(call, DISPATCH_LEVEL)


def ke_lower_irql(call: ExportCall) -> None:
    """KeLowerIrql(new)."""
    lower_irql(call, call.argument(0) & 0xFF)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "KeGetCurrentIrql": ke_get_current_irql,
    "KeLowerIrql": ke_lower_irql,
    "KeRaiseIrqlToDpcLevel": ke_raise_irql_to_dpc_level,
    "KfRaiseIrql": kf_raise_irql,
}
