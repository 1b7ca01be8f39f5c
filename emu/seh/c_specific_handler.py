# SPDX-License-Identifier: GPL-2.0-or-later
"""`__C_specific_handler`: the language handler of `__try`, `__except` and `__finally`.

Its data is a scope table: a count, then begin, end, handler and jump target of each scope as RVAs, innermost first
(Microsoft Learn, "x64 exception handling"). A jump target of 0 is a `__finally`; a handler of 1 is the constant filter
EXCEPTION_EXECUTE_HANDLER.
"""

from __future__ import annotations

from collections.abc import Sized
from struct import Struct
from typing import Final, NamedTuple

from emu.address import Gva
from emu.events import FilterAnswered, FinallyRun
from emu.memory.errors import NotMapped
from emu.nt.exception_record import EXCEPTION_TARGET_UNWIND, ExceptionDisposition
from emu.seh import frames as f
from emu.seh.environment import Environment, Memory
from emu.seh.handler_call import HandlerCall
from emu.seh.requests import CallGuest, Steps
from emu.seh.unwind import unwind_to
from emu.seh.unwind_info import ReadImage, UnwindError, read_bytes

EXECUTE_HANDLER: Final = 1
MAXIMUM_SCOPES: Final = 0x1000
"""More than any function has: a count beyond it is not a scope table."""

_COUNT_SIZE: Final = 4
_RECORD: Final = Struct("<4I")
_POINTERS: Final = Struct("<2Q")


class Scope(NamedTuple):
    """One scope, as RVAs; `target` 0 is a `__finally`."""

    begin: int
    end: int
    handler: int
    target: int


class _Table(NamedTuple):
    """A scope table as it was read last at an address."""

    content: bytes
    scopes: tuple[Scope, ...]


_tables: dict[int, _Table] = {}
_TABLES_KEPT: Final = 1024


def read_scope_table(memory: Memory, address: Gva) -> tuple[Scope, ...]:
    """Decode a scope table. Raises `UnwindError` for an impossible count, and what `memory` raises.

    Tables lie in guest memory, which the guest may write: only equal bytes are known again.
    """
    table = _tables.get(address)
    if table is not None and _is_as_it_was(memory, address, table):
        return table.scopes
    count = memory.read(address, _COUNT_SIZE)
    size = _table_size(count, address)
    records = memory.read(Gva(address + _COUNT_SIZE), size) if size else b""
    scopes = _decode(records)
    if len(_tables) >= _TABLES_KEPT:
        _tables.clear()
    _tables[address] = _Table(count + records, scopes)
    return scopes


def _is_as_it_was(memory: Memory, address: Gva, table: _Table) -> bool:
    try:
        return memory.read(address, len(table.content)) == table.content
    except NotMapped:
        return False


def decode_scope_table(read: ReadImage, at: int) -> tuple[Scope, ...]:
    """Decode the scope table at an RVA of an image. Raises `UnwindError` for an impossible count or outside of it."""
    size = _table_size(read_bytes(read, at, _COUNT_SIZE, "scope table"), at)
    return _decode(read_bytes(read, at + _COUNT_SIZE, size, "scope table")) if size else ()


def end_of_scope_table(at: int, scopes: Sized) -> int:
    """Return where the scope table at an address or RVA ends."""
    return at + _COUNT_SIZE + _RECORD.size * len(scopes)


def _table_size(count: bytes, at: int) -> int:
    scopes = int.from_bytes(count, "little")
    if scopes > MAXIMUM_SCOPES:
        raise UnwindError(f"scope table at {at:#x} says it has {scopes} scopes")
    return scopes * _RECORD.size


def _decode(table: bytes) -> tuple[Scope, ...]:
    return tuple(Scope(*fields) for fields in _RECORD.iter_unpack(table))


def c_specific_handler(environment: Environment, call: HandlerCall) -> Steps:
    """Answer for one frame; the result is a disposition."""
    scopes = read_scope_table(environment.memory, call.handler_data)
    if call.exception.unwinding:
        return _unwind(environment, call, scopes)
    return _search(environment, call, scopes)


def _search(environment: Environment, call: HandlerCall, scopes: tuple[Scope, ...]) -> Steps:
    exception, base, establisher = call.exception, call.image_base, Gva(call.establisher)
    pc = call.control_pc - base
    for scope in scopes[call.scope_index :]:
        if not scope.begin <= pc < scope.end or not scope.target:
            continue
        if scope.handler == EXECUTE_HANDLER:
            answer = EXECUTE_HANDLER
            environment.emit(FilterAnswered(establisher, None, answer))
        else:
            filter_address = Gva(base + scope.handler)
            stub = call.build_frames(environment)
            pointers = stub + f.STUB_SCRATCH
            environment.memory.write(Gva(pointers), _POINTERS.pack(exception.record_address, exception.context_address))
            result = yield CallGuest(
                filter_address, (pointers, establisher), stub, environment.frames.handler_stub_return
            )
            answer = _signed(result)
            exception.reload(environment.memory)
            environment.emit(FilterAnswered(establisher, filter_address, answer))
        if answer < 0:
            return ExceptionDisposition.CONTINUE_EXECUTION
        if answer > 0:
            yield from _accept(environment, call, base + scope.target)
    return ExceptionDisposition.CONTINUE_SEARCH


def _accept(environment: Environment, call: HandlerCall, target: int) -> Steps:
    """Unwind to the frame of `call`. The walk begins at the exception itself where the frames between it and this
    handler are the dispatcher's own, which have nothing to run; a handler of the guest's may have."""
    exception = call.exception
    return unwind_to(
        environment,
        exception,
        call.establisher,
        target,
        int(exception.record.code),
        call.origin or exception.context.copy(),
        f.records_below(call.stub),
        call,
    )


def _unwind(environment: Environment, call: HandlerCall, scopes: tuple[Scope, ...]) -> Steps:
    base = call.image_base
    pc, target = call.control_pc - base, call.target_ip - base
    at_target = call.exception.flags & EXCEPTION_TARGET_UNWIND
    around_target = {(each.target, each.handler) for each in scopes if at_target and each.begin <= target < each.end}
    for index in range(call.scope_index, len(scopes)):
        scope = scopes[index]
        if not scope.begin <= pc < scope.end:
            continue
        if (scope.target, scope.handler) in around_target:
            break  # the target lies in the same __try
        if scope.target:
            if at_target and target == scope.target:
                break
            continue
        call.scope_index = index + 1
        handler = Gva(base + scope.handler)
        stub = call.build_frames(environment)
        environment.emit(FinallyRun(Gva(call.establisher), handler))
        yield CallGuest(handler, (1, call.establisher), stub, environment.frames.handler_stub_return)
    return ExceptionDisposition.CONTINUE_SEARCH


def _signed(value: int) -> int:
    """Return EAX as the signed LONG that a filter answers."""
    value &= 0xFFFF_FFFF
    return value - (1 << 32) if value & 0x8000_0000 else value
