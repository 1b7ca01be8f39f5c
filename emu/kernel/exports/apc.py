# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that disable APCs: critical and guarded regions (Microsoft Learn, "Disabling APCs").

No APC is ever delivered here; what counts is the balance. Windows finds a region that was left too often when the
system call returns; here that is found at once, with the same bugcheck.
"""

from __future__ import annotations

from typing import Final

from emu.kernel.apc_disable import ApcDisable
from emu.kernel.irql import APC_LEVEL
from emu.kernel.stubs import ExportBugcheck, ExportCall, ExportFunction
from emu.nt.bugcheck import BugCheck


def _leave(call: ExportCall, after: ApcDisable) -> None:
    if min(after) < 0:
        raise ExportBugcheck(BugCheck.APC_INDEX_MISMATCH, call.caller, 0, after.combined, 0)
    call.system.apc_disable = after


def ke_enter_critical_region(call: ExportCall) -> None:
    """KeEnterCriticalRegion(): regions nest."""
    now = call.system.apc_disable
    call.system.apc_disable = now._replace(critical=now.critical + 1)


def ke_leave_critical_region(call: ExportCall) -> None:
    """KeLeaveCriticalRegion(): bugchecks where none was entered."""
    now = call.system.apc_disable
    _leave(call, now._replace(critical=now.critical - 1))


def ke_enter_guarded_region(call: ExportCall) -> None:
    """KeEnterGuardedRegion(): regions nest."""
    now = call.system.apc_disable
    call.system.apc_disable = now._replace(guarded=now.guarded + 1)


def ke_leave_guarded_region(call: ExportCall) -> None:
    """KeLeaveGuardedRegion(): bugchecks where none was entered."""
    now = call.system.apc_disable
    _leave(call, now._replace(guarded=now.guarded - 1))


def ke_are_apcs_disabled(call: ExportCall) -> int:
    """KeAreApcsDisabled(): whether the thread is in a critical or guarded region, or at APC_LEVEL or above."""
    return int(any(call.system.apc_disable) or call.system.cpu.irql >= APC_LEVEL)


def ke_are_all_apcs_disabled(call: ExportCall) -> int:
    """KeAreAllApcsDisabled(): whether it is in a guarded region, or at APC_LEVEL or above."""
    return int(call.system.apc_disable.guarded != 0 or call.system.cpu.irql >= APC_LEVEL)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "KeAreAllApcsDisabled": ke_are_all_apcs_disabled,
    "KeAreApcsDisabled": ke_are_apcs_disabled,
    "KeEnterCriticalRegion": ke_enter_critical_region,
    "KeEnterGuardedRegion": ke_enter_guarded_region,
    "KeLeaveCriticalRegion": ke_leave_critical_region,
    "KeLeaveGuardedRegion": ke_leave_guarded_region,
}
