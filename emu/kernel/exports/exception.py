# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that raise exceptions, and the language handlers as guest code may call them itself."""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.events import DispatchFailed
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.nt.context import CONTEXT_SIZE
from emu.nt.exception_record import EXCEPTION_RECORD_SIZE, ExceptionDisposition, unpack_exception_record
from emu.outcome import make_record
from emu.seh.c_specific_handler import c_specific_handler
from emu.seh.context import RSP, Context
from emu.seh.environment import HostHandler
from emu.seh.handler_call import HandlerCall, PendingException
from emu.seh.requests import RaiseRecord, Steps
from emu.seh.unwind_info import UnwindError

_ADDRESS_OFFSET: Final = 0x10


def rtl_raise_exception(call: ExportCall) -> Steps:
    """RtlRaiseException(record): dispatch the caller's record, its address the return address of this call."""
    system, record_address = call.system, call.argument(0)
    caller = call.caller
    code, flags, _, _, information = unpack_exception_record(
        system.read_guest(Gva(record_address), EXCEPTION_RECORD_SIZE)
    )
    system.write_guest(Gva(record_address + _ADDRESS_OFFSET), caller.to_bytes(8, "little"))
    context = system.current_context()
    context.rip = caller
    context.gpr[RSP] = call.caller_stack_pointer
    record = make_record(code, flags, caller, information)
    yield RaiseRecord(record, record_address, context, call.stack_pointer, call.callback_return)
    raise AssertionError("an exception that is continued goes on from its context")


def own_c_specific_handler(call: ExportCall) -> Steps:
    """__C_specific_handler, where guest code calls it itself: a handler of its own that passes the call on."""
    return _call_handler(call, c_specific_handler)


def gs_handler_check(call: ExportCall) -> Steps:
    """__GSHandlerCheck, called so."""
    return _call_handler(call, call.system.gs_handler_check.plain)


def gs_handler_check_seh(call: ExportCall) -> Steps:
    """__GSHandlerCheck_SEH, called so."""
    return _call_handler(call, call.system.gs_handler_check.with_scopes)


def _call_handler(call: ExportCall, handler: HostHandler) -> Steps:
    system = call.system
    record_address, establisher, context_address, dispatcher_context = (call.argument(index) for index in range(4))
    code, flags, _, address, information = unpack_exception_record(
        system.read_guest(Gva(record_address), EXCEPTION_RECORD_SIZE)
    )
    context = Context.unpack(system.read_guest(Gva(context_address), CONTEXT_SIZE))
    exception = PendingException(
        make_record(code, flags, address, information), record_address, context, context_address
    )
    handler_call = HandlerCall(exception, 0, 0, 0, establisher, context, Gva(0), Gva(0))
    handler_call.adopt(system.memory, dispatcher_context, call.stack_pointer, system.current_context())
    try:
        return (yield from handler(system.environment, handler_call))
    except UnwindError as error:
        system.environment.emit(DispatchFailed(call.caller, str(error)))
        return ExceptionDisposition.CONTINUE_SEARCH


EXPORTS: Final[dict[str, ExportFunction]] = {
    "RtlRaiseException": rtl_raise_exception,
    "__C_specific_handler": own_c_specific_handler,
    "__GSHandlerCheck": gs_handler_check,
    "__GSHandlerCheck_SEH": gs_handler_check_seh,
}
