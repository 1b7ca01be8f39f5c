# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that raise a status: the exception cannot be continued, and its address is the call's return address."""

from __future__ import annotations

from typing import Final

from emu.kernel.stubs import ExportCall, ExportFunction
from emu.nt.exception_record import EXCEPTION_NONCONTINUABLE
from emu.nt.status import NtStatus
from emu.outcome import make_record
from emu.seh.context import RSP
from emu.seh.requests import RaiseRecord, Steps


def raise_status(call: ExportCall, status: int) -> Steps:
    """Raise from an export, in its caller's context, as if the caller had called RtlRaiseStatus."""
    caller = call.caller
    context = call.system.current_context()
    context.rip = caller
    context.gpr[RSP] = call.caller_stack_pointer
    record = make_record(status, EXCEPTION_NONCONTINUABLE, caller, ())
    yield RaiseRecord(record, 0, context, call.stack_pointer, call.callback_return)
    raise AssertionError("an exception that cannot be continued does not come back")


def rtl_raise_status(call: ExportCall) -> Steps:
    """RtlRaiseStatus(status), and ExRaiseStatus (Microsoft Learn, ExRaiseStatus)."""
    return raise_status(call, call.argument(0) & 0xFFFF_FFFF)


def ex_raise_access_violation(call: ExportCall) -> Steps:
    """ExRaiseAccessViolation(): by software, so without the parameters that a page fault has (Microsoft Learn)."""
    return raise_status(call, NtStatus.ACCESS_VIOLATION)


def ex_raise_datatype_misalignment(call: ExportCall) -> Steps:
    """ExRaiseDatatypeMisalignment() (Microsoft Learn)."""
    return raise_status(call, NtStatus.DATATYPE_MISALIGNMENT)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "ExRaiseAccessViolation": ex_raise_access_violation,
    "ExRaiseDatatypeMisalignment": ex_raise_datatype_misalignment,
    "ExRaiseStatus": rtl_raise_status,
    "RtlRaiseStatus": rtl_raise_status,
}
