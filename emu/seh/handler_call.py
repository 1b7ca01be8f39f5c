# SPDX-License-Identifier: GPL-2.0-or-later
"""One call of a language handler: its arguments, and how it is made.

A handler of the guest's runs through its thunk. A handler of the host's needs no guest code until it calls a filter
or a `__finally`; only then are the frames written that the thunk would have built.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from emu.address import Gva
from emu.nt.context import CONTEXT_SIZE
from emu.nt.exception_record import (
    EXCEPTION_NONCONTINUABLE,
    EXCEPTION_RECORD_SIZE,
    EXCEPTION_SOFTWARE_ORIGINATE,
    EXCEPTION_UNWIND,
    ExceptionDisposition,
    unpack_exception_record,
)
from emu.outcome import ExceptionRecord, make_record
from emu.seh import frames as f
from emu.seh.context import Context
from emu.seh.requests import CallGuest, Steps

if TYPE_CHECKING:
    from emu.seh.environment import Environment, Memory

_DISPATCHER_CONTEXT = Struct("<9QI4x")
_FLAGS_OFFSET = 4
_ESTABLISHER_OFFSET = 0x18
_TARGET_IP_OFFSET = 0x20
_SCOPE_INDEX_OFFSET = 0x48


class PendingException:
    """An exception under way: its record, whose flags change from handler to handler, and where it lies."""

    __slots__ = ("context", "context_address", "flags", "record", "record_address")

    def __init__(self, record: ExceptionRecord, record_address: int, context: Context, context_address: int) -> None:
        self.record = record
        self.record_address = record_address
        self.context = context
        """The context of the exception itself."""
        self.context_address = context_address
        self.flags = record.flags

    @property
    def unwinding(self) -> bool:
        """Whether handlers are called for the unwind phase."""
        return bool(self.flags & EXCEPTION_UNWIND)

    def reload(self, memory: Memory) -> None:
        """Take over what guest code has made of the record."""
        code, self.flags, _, address, information = unpack_exception_record(
            memory.read(Gva(self.record_address), EXCEPTION_RECORD_SIZE)
        )
        self.record = make_record(code, self.record.flags, address, information)

    def overwrite_code(self, memory: Memory, code: int) -> None:
        """Put another code into the record in guest memory, as RtlUnwindEx does in the end. `record` keeps its own."""
        memory.write(Gva(self.record_address), code.to_bytes(4, "little"))

    def final_record(self) -> ExceptionRecord:
        """Return the record for who handled it, with the flags that filters saw: the unwind phase overwrites them."""
        record = self.record
        flags = record.flags & (EXCEPTION_NONCONTINUABLE | EXCEPTION_SOFTWARE_ORIGINATE)
        if flags == record.flags:
            return record
        return make_record(record.code, flags, record.exception_address, record.information)


class HandlerCall:
    """The DISPATCHER_CONTEXT of one call, and the stack it is made from."""

    __slots__ = (
        "_stub",
        "context",
        "control_pc",
        "establisher",
        "exception",
        "handler",
        "handler_data",
        "image_base",
        "origin",
        "parent",
        "records",
        "scope_index",
        "target_ip",
        "unwinding",
    )

    def __init__(
        self,
        exception: PendingException,
        records: int,
        control_pc: int,
        image_base: int,
        establisher: int,
        context: Context,
        handler: Gva,
        handler_data: Gva,
        target_ip: int = 0,
        parent: HandlerCall | None = None,
        *,
        unwinding: bool = False,
    ) -> None:
        self.exception = exception
        self.records = records
        """RSP of the records frame that makes the call."""
        self.control_pc = control_pc
        self.image_base = image_base
        self.establisher = establisher
        self.context = context
        """Searching: the caller's context, already unwound. Unwinding: the frame's own."""
        self.handler = handler
        self.handler_data = handler_data
        self.target_ip = target_ip
        self.scope_index = 0
        self.unwinding = unwinding
        """The phase of this call; its frames may be written when the exception is in the next one."""
        self.parent = parent
        """The handler call that this unwind was started from, where the host made that one."""
        self.origin: Context | None = None
        """Where an unwind from this call begins, if it is not the exception: in the frames of guest code."""
        self._stub: int | None = None

    def adopt(self, memory: Memory, dispatcher_context: int, stub: int, origin: Context) -> None:
        """Take the arguments and the frame of a call that guest code made itself. Raises what `memory` raises."""
        self.origin = origin
        self.records = dispatcher_context - f.DISPATCHER_CONTEXT
        self.take_over(memory, dispatcher_context)
        self.target_ip = memory.read_u64(Gva(dispatcher_context + _TARGET_IP_OFFSET))
        self._stub = stub

    @property
    def stub(self) -> int:
        """RSP of the handler's stub, whether or not its frame has been written."""
        return f.stub_below(f.thunk_below(self.records)) if self._stub is None else self._stub

    @property
    def dispatcher_context_address(self) -> int:
        """Where the DISPATCHER_CONTEXT lies."""
        return self.records + f.DISPATCHER_CONTEXT

    def write_records(self, environment: Environment) -> None:
        """Bring the structures that handlers read into guest memory."""
        memory, records, exception = environment.memory, self.records, self.exception
        memory.write(Gva(exception.record_address + _FLAGS_OFFSET), exception.flags.to_bytes(4, "little"))
        memory.write(Gva(records + f.WORKING_CONTEXT), self.context.pack())
        image = environment.find_image(self.control_pc)
        entry = image.entry_address(Gva(self.control_pc)) if image else 0
        memory.write(
            Gva(self.dispatcher_context_address),
            _DISPATCHER_CONTEXT.pack(
                self.control_pc,
                self.image_base,
                entry,
                self.establisher,
                self.target_ip,
                records + f.WORKING_CONTEXT,
                self.handler,
                self.handler_data,
                0,
                self.scope_index,
            ),
        )

    def build_frames(self, environment: Environment) -> int:
        """Write the frames between the records and the handler's stub, and return the stub's RSP."""
        if self._stub is not None:
            self.write_scope_index(environment)
            return self._stub
        self.build_parents(environment)
        self.write_records(environment)
        frames, write = environment.frames, environment.memory.write_u64
        thunk = f.thunk_below(self.records)
        returns_to = frames.unwind_thunk_return if self.unwinding else frames.search_thunk_return
        write(Gva(self.records - f.RETURN_ADDRESS_SIZE), frames.records_return)
        write(Gva(thunk + f.THUNK_SAVED_DISPATCHER_CONTEXT), self.dispatcher_context_address)
        write(Gva(thunk - f.RETURN_ADDRESS_SIZE), returns_to)
        self._stub = f.stub_below(thunk)
        return self._stub

    def build_parents(self, environment: Environment) -> None:
        """Write the frames between the exception and this unwind's records frame, if they are not there yet."""
        if self.parent is not None:
            self.parent.build_frames(environment)
            environment.memory.write_u64(Gva(self.records + f.RECORDS_SIZE), environment.frames.handler_stub_return)

    def write_scope_index(self, environment: Environment) -> None:
        """Bring the scope index into guest memory, where a collided unwind finds it."""
        address = self.dispatcher_context_address + _SCOPE_INDEX_OFFSET
        environment.memory.write(Gva(address), self.scope_index.to_bytes(4, "little"))

    def take_over(self, memory: Memory, address: int) -> None:
        """Take everything but the target from a DISPATCHER_CONTEXT in guest memory.

        The structure is the guest's to write, so each pointer in it may be wrong: raises what `memory` raises.
        """
        (
            self.control_pc,
            self.image_base,
            _entry,
            self.establisher,
            _target,
            context_address,
            handler,
            handler_data,
            _history,
            self.scope_index,
        ) = _DISPATCHER_CONTEXT.unpack(memory.read(Gva(address), _DISPATCHER_CONTEXT.size))
        self.handler, self.handler_data = Gva(handler), Gva(handler_data)
        self.context = Context.unpack(memory.read(Gva(context_address), CONTEXT_SIZE))


def execute_handler(environment: Environment, call: HandlerCall) -> Steps:
    """Call the handler; the result is its disposition, and `call` is as the handler left it."""
    host = environment.host_handler(call.handler)
    if host is not None:
        return (yield from host(environment, call))
    exception, frames = call.exception, environment.frames
    unwinding = exception.unwinding
    call.build_parents(environment)
    call.write_records(environment)
    context_address = call.records + f.WORKING_CONTEXT if unwinding else exception.context_address
    disposition = yield CallGuest(
        frames.unwind_thunk if unwinding else frames.search_thunk,
        (exception.record_address, call.establisher, context_address, call.dispatcher_context_address),
        call.records,
        frames.records_return,
    )
    memory = environment.memory
    exception.reload(memory)
    disposition &= 0xFFFF_FFFF
    if disposition == ExceptionDisposition.COLLIDED_UNWIND:
        call.take_over(memory, call.dispatcher_context_address)
        return disposition
    call.context = Context.unpack(memory.read(Gva(call.records + f.WORKING_CONTEXT), CONTEXT_SIZE))
    if disposition == ExceptionDisposition.NESTED_EXCEPTION:
        call.establisher = memory.read_u64(Gva(call.dispatcher_context_address + _ESTABLISHER_OFFSET))
    return disposition
