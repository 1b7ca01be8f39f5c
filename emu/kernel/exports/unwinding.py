# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwinding as guest code asks for it: its structures are the documented ones, in guest memory.

A history table is not looked at: it changes nothing but the time that a look-up takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from emu.address import Gva
from emu.image.function_table import RuntimeFunction
from emu.kernel.exports.raising import raise_status
from emu.kernel.modules import RUNTIME_FUNCTION_SIZE
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.nt.context import CONTEXT_CAPTURED, CONTEXT_SIZE
from emu.nt.exception_record import EXCEPTION_RECORD_SIZE, pack_exception_record, unpack_exception_record
from emu.nt.status import NtStatus
from emu.outcome import make_record
from emu.seh import frames as f
from emu.seh.context import RAX, RSP, Context
from emu.seh.dispatch import dispatch_exception
from emu.seh.handler_call import PendingException
from emu.seh.requests import Resume, Steps
from emu.seh.restore import complete_context
from emu.seh.unwind import unwind_to
from emu.seh.unwind_info import UnwindError
from emu.seh.virtual_unwind import Frame, ImageUnwinder

if TYPE_CHECKING:
    from emu.kernel.system import System

_FLAGS_TO_EFLAGS: Final = slice(0x30, 0x48)
_REGISTERS: Final = slice(0x78, 0x100)
_FLOATING_POINT: Final = slice(0x100, 0x300)
_XMM: Final = slice(0x1A0, 0x2A0)
"""Parts of a CONTEXT."""

_XMM_FIRST: Final = 16
"""The unwinder counts general registers from 0 and XMM registers from 16; the context pointers the other way round."""

RecordFields: TypeAlias = tuple[int, int, int, int, tuple[int, ...]]
"""Code, flags, address of a nested record, exception address and parameters of a record."""


class _OneFunction:
    """A function table of the one entry that the caller brought."""

    def __init__(self, entry: RuntimeFunction) -> None:
        self._entry = entry

    def lookup(self, rva: int, /) -> RuntimeFunction | None:
        return self._entry if self._entry.begin <= rva < self._entry.end else None


def caller_context(call: ExportCall) -> Context:
    """Return the context of an export's caller, as it is behind the call."""
    context = call.system.current_context()
    context.rip = call.caller
    context.gpr[RSP] = call.caller_stack_pointer
    return context


def rtl_capture_context(call: ExportCall) -> int:
    """RtlCaptureContext(context): the caller's, behind the call. RAX stays as it is."""
    address, context = call.argument(0), caller_context(call)
    data = context.pack(CONTEXT_CAPTURED)
    write = call.system.write_guest
    for part in (_FLAGS_TO_EFLAGS, _REGISTERS, _FLOATING_POINT):
        write(Gva(address + part.start), data[part])
    return context.gpr[RAX]


def _write_pointer(system: System, address: int, value: int) -> None:
    system.write_guest(Gva(address), value.to_bytes(8, "little"))


def rtl_lookup_function_entry(call: ExportCall) -> int:
    """RtlLookupFunctionEntry(pc, image_base *, history): the base is 0 where no image is."""
    system, pc = call.system, call.argument(0)
    module = system.modules.find(pc)
    _write_pointer(system, call.argument(1), module.base if module else 0)
    return module.entry_address(Gva(pc)) if module else 0


def rtl_pc_to_file_header(call: ExportCall) -> int:
    """RtlPcToFileHeader(pc, base *)."""
    module = call.system.modules.find(call.argument(0))
    base = module.base if module else 0
    _write_pointer(call.system, call.argument(1), base)
    return base


def rtl_virtual_unwind(call: ExportCall) -> Steps | int:
    """RtlVirtualUnwind(handler_type, base, pc, entry, context, data **, frame *, pointers): returns the handler.

    The last argument, where it is not null, is given the places that the caller's registers were loaded from:
    KNONVOLATILE_CONTEXT_POINTERS, 16 pointers for the XMM registers and 16 for the general ones.
    """
    system = call.system
    handler_type, base, pc, entry_address, context_address, data_address, frame_address = (
        call.argument(index) for index in range(7)
    )
    entry = RuntimeFunction(
        *(
            int.from_bytes(system.read_guest(Gva(entry_address + at), 4), "little")
            for at in range(0, RUNTIME_FUNCTION_SIZE, 4)
        )
    )
    content = bytearray(system.read_guest(Gva(context_address), CONTEXT_SIZE))
    context = Context.unpack(bytes(content))
    saved_at: dict[int, int] = {}
    try:
        frame = _unwind(system, base, pc, entry_address, entry, context, handler_type & 0xFF, saved_at)
    except UnwindError:
        return raise_status(call, NtStatus.BAD_FUNCTION_TABLE)
    data = context.pack()
    content[_REGISTERS], content[_XMM] = data[_REGISTERS], data[_XMM]
    handler, handler_data = frame.handler or 0, frame.handler_data or 0
    if handler:
        _write_pointer(system, data_address, handler_data)
    _write_pointer(system, frame_address, frame.establisher)
    system.write_guest(Gva(context_address), bytes(content))
    if pointers := call.argument(7):
        for register, address in saved_at.items():
            _write_pointer(system, pointers + 8 * (register ^ _XMM_FIRST), address)
    return handler


def _unwind(
    system: System,
    base: int,
    pc: int,
    entry_address: int,
    entry: RuntimeFunction,
    context: Context,
    handler_type: int,
    saved_at: dict[int, int],
) -> Frame:
    """Unwind by an image's own table, or by an entry from elsewhere, as of code that the guest made."""
    module = system.modules.find(pc)
    if module is not None and module.base == base and module.entry_address(Gva(pc)) == entry_address:
        return module.virtual_unwind(Gva(pc), context, system.memory, handler_type, saved_at)
    image = ImageUnwinder(
        Gva(base), _OneFunction(entry), lambda rva, size: system.memory.read_available(Gva(base + rva), size)
    )
    return image.virtual_unwind(Gva(pc), context, system.memory, handler_type, saved_at)


def rtl_restore_context(call: ExportCall) -> Steps:
    """RtlRestoreContext(context, record): go on there, or where a long jump or a consolidated unwind says."""
    system, record_address = call.system, call.argument(1)
    context = Context.unpack(system.read_guest(Gva(call.argument(0)), CONTEXT_SIZE))
    if record_address:
        exception, records = _pending(call, record_address, _read_record(system, record_address), context, 0)
        yield from complete_context(system.environment, context, exception, records, Gva(context.gpr[RSP]))
    yield from resume(context)
    raise AssertionError("a restored context does not come back")


def resume(context: Context) -> Steps:
    """Go on from a context."""
    yield Resume(context)
    raise AssertionError("a restored context does not come back")


def _read_record(system: System, address: int) -> RecordFields:
    return unpack_exception_record(system.read_guest(Gva(address), EXCEPTION_RECORD_SIZE))


def rtl_unwind_ex(call: ExportCall) -> Steps:
    """RtlUnwindEx(frame, ip, record, return_value, context, history), from the caller of this export on.

    RtlUnwind has the first four. The context is room that Windows' routine works in; here it stays as it is.
    """
    frame, target, record_address, value = (call.argument(index) for index in range(4))
    return unwind(call, frame, target, record_address, value)


def local_unwind(call: ExportCall) -> Steps:
    """_local_unwind(frame, ip)."""
    return unwind(call, call.argument(0), call.argument(1), 0, 0)


def unwind(call: ExportCall, frame: int, target: int, record_address: int, value: int) -> Steps:
    """Unwind with the caller's record, or where it brought none, with one of STATUS_UNWIND."""
    null_record = (NtStatus.UNWIND, 0, 0, call.caller, ())
    fields = _read_record(call.system, record_address) if record_address else null_record
    return unwind_steps(call, frame, target, record_address, fields, value)


def unwind_steps(
    call: ExportCall, frame: int, target: int, record_address: int, fields: RecordFields, value: int
) -> Steps:
    """Unwind from the caller on. `fields` are the record's; it is written where `record_address` is 0."""
    context = caller_context(call)
    exception, records = _pending(call, record_address, fields, context, 0)
    return unwind_to(call.system.environment, exception, frame, target, value, context.copy(), records, None)


def rtl_dispatch_exception(call: ExportCall) -> Steps:
    """RtlDispatchException(record, context): search from the context on; whether a filter had it continued."""
    record_address, context_address = call.argument(0), call.argument(1)
    context = Context.unpack(call.system.read_guest(Gva(context_address), CONTEXT_SIZE))
    exception, records = _pending(
        call, record_address, _read_record(call.system, record_address), context, context_address
    )
    return dispatch_exception(call.system.environment, exception, call.system.stack, records)


def _pending(
    call: ExportCall, record_address: int, fields: RecordFields, context: Context, context_address: int
) -> tuple[PendingException, int]:
    """Return an exception and RSP of the records frame below the call. What has no address yet lies in that frame."""
    memory = call.system.memory
    code, flags, _, address, information = fields
    records = f.records_below(call.stack_pointer)
    memory.write_u64(Gva(records + f.RECORDS_SIZE), call.callback_return)
    if not record_address:
        record_address = records + f.EXCEPTION_RECORD
        memory.write(Gva(record_address), pack_exception_record(code, flags, 0, address, information))
    record = make_record(code, flags, address, information)
    return PendingException(record, record_address, context, context_address or records + f.ORIGINAL_CONTEXT), records


EXPORTS: Final[dict[str, ExportFunction]] = {
    "RtlCaptureContext": rtl_capture_context,
    "RtlDispatchException": rtl_dispatch_exception,
    "RtlLookupFunctionEntry": rtl_lookup_function_entry,
    "RtlPcToFileHeader": rtl_pc_to_file_header,
    "RtlRestoreContext": rtl_restore_context,
    "RtlUnwind": rtl_unwind_ex,
    "RtlUnwindEx": rtl_unwind_ex,
    "RtlVirtualUnwind": rtl_virtual_unwind,
    "_local_unwind": local_unwind,
}
