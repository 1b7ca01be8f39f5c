# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest of the machine targets: guest/dispatch.S and guest/plan.c in a machine, and the plan of one call."""

from __future__ import annotations

import bisect
import ctypes
import dataclasses
import functools
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from emu import Machine, build_guest
from emu.address import PAGE_SIZE, Gva
from emu.events import FrameSearched
from emu.image import FunctionTable, Module, PeImage
from emu.kernel.exports import EXPORTS, GUEST_EXPORTS
from emu.kernel.modules import read_image
from emu.nt.context import CONTEXT_SIZE
from emu.nt.dispatcher_context import DISPATCHER_CONTEXT
from emu.nt.exception_record import pack_exception_record
from emu.nt.status import NtStatus
from emu.outcome import Outcome
from emu.seh.context import RSP, Context
from emu.seh.jump_buffer import pack_jump_buffer
from emu.seh.unwind_info import decode_unwind_info
from tests.fuzz.edits import Field
from tests.fuzz.health import Watched
from tests.fuzz.record import HEADER_SIZE, INTERESTING

GUEST: Final = Path(__file__).parent / "guest"
PROFILES: Final = ("skylake-server", "nehalem", "epyc-rome,smap=permit")
BUDGET: Final = 3000
OWN_CODE_SIZE: Final = 0x100
_OWN_CODE: Final = 4
_RAM_SIZE: Final = 8 << 20

SCRATCH_SIZE: Final = 0x1000
_STRUCTURES: Final = (0, 0x100, 0x600, 0x680, 0x780, 0x7A0)
RECORD_AT, CONTEXT_AT, DISPATCHER_CONTEXT_AT, JUMP_BUFFER_AT, FUNCTION_AT, TEXT_AT = _STRUCTURES
_UNWINDS: Final = (0x800, 0x8A0, 0x940)
CONSOLIDATION_AT, LONG_JUMP_AT, JUMP_TO_FRAME_AT = _UNWINDS
"""The record of a consolidated unwind, that of a long jump, and a jump buffer that leads to a frame."""

LOCAL_TARGETS: Final = (
    *("read_byte", "read_in_frames", "fault_in_epilogue", "trapped", "own_code", "framed", "handled_frame"),
)
OWN_PAGE: Final = "own page"
TARGETS: Final = (*LOCAL_TARGETS, OWN_PAGE, *EXPORTS, *GUEST_EXPORTS)
"""What the call in the midst of the frames can be, by name."""

EVERY_CALL: Final = (1 << 64) - 1

_A_FRAME, _AN_UNWIND = 8, 9


class Poke(ctypes.LittleEndianStructure):
    """A quadword that a function of the plan writes."""

    _fields_ = (
        ("call", ctypes.c_uint64),
        ("base", ctypes.c_uint64),
        ("offset", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


class Plan(ctypes.LittleEndianStructure):
    """`struct plan` of guest/plan.c."""

    _fields_ = (
        ("target", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 8),
        ("answers", ctypes.c_int32 * 4),
        ("dispositions", ctypes.c_int32 * 4),
        ("own_code_is", ctypes.c_uint64),
        ("calls", ctypes.c_uint64),
        ("poke_count", ctypes.c_uint64),
        ("pokes", Poke * 8),
    )


def target_number(name: str) -> int:
    """Return the number by which a record chooses a target; it stays when the kernel gets more exports."""
    return zlib.crc32(name.encode()) >> 16


class FramedGuest:
    """A machine with the guest in it, checkpointed, and what an input can refer to."""

    def __init__(self, profile: str) -> None:
        self.machine = Machine(profile, ram_size=_RAM_SIZE)
        path = build_guest([GUEST / "dispatch.S", GUEST / "plan.c"])
        self.image = read_image(path)
        self.module = self.machine.load(path)
        self.bad = self.machine.user.alloc(2 * PAGE_SIZE)
        self.own_page = self.machine.kernel.alloc(OWN_CODE_SIZE)
        self.machine.kernel.protect(self.own_page, "rwx")
        self.machine.user.protect(self.bad, "none")
        self.machine.checkpoint()
        self.watched = Watched(self.machine)
        self.fields = _fields_of(self.image)
        addresses = {name: self._target(name) for name in TARGETS}
        self._targets = sorted((target_number(name), address) for name, address in addresses.items())
        self._symbols = tuple(self.module.image.exports[name] for name in sorted(self.module.image.exports))
        self._kernel = tuple(int(self.machine.resolve(name)) for name in sorted(self.machine.modules[0].image.exports))
        plan = make_plan(self.module["read_byte"], (self.bad.address,))
        plan.answers[:] = [0] * 4
        self.run(self.module, plan, guarded=True, irql=0)
        self.frames = [int(event.establisher) for event in self.machine.events if isinstance(event, FrameSearched)]
        """The frames of the call and around it, innermost first."""
        self.machine.reset()
        self._structures = _structures(self.machine, self.module, self.frames)

    def _target(self, name: str) -> int:
        if name == OWN_PAGE:
            return self.own_page.address
        return self.module[name] if name in LOCAL_TARGETS else self.machine.resolve(name)

    def target(self, number: int) -> int:
        """Return the address of a target by its number, or the next one's."""
        index = bisect.bisect_left(self._targets, (number, 0))
        return self._targets[index % len(self._targets)][1]

    def address(self, module: Module, how: int, value: int) -> int:
        """Return one of the values that lead somewhere."""
        stack = self.machine._system.stack
        if how & 15 == _A_FRAME:
            return self.frames[value % len(self.frames)]
        if how & 15 == _AN_UNWIND:
            return module["scratch"] + _UNWINDS[value % len(_UNWINDS)]
        match how & 7:
            case 0:
                return value
            case 1:
                return stack.high - 8 * (value % 0xC00)
            case 2:
                return module.base + self._symbols[value % len(self._symbols)] + (value >> 16 & 0xFF)
            case 3:
                return module["scratch"] + _STRUCTURES[value % len(_STRUCTURES)]
            case 4:
                return INTERESTING[value % len(INTERESTING)]
            case 5:
                return module.base + value % module.size
            case 6:
                return self.bad.address + value % (3 * PAGE_SIZE)
        return self._kernel[value % len(self._kernel)] + (value >> 16 & 0xF)

    def damaged_module(self, content: bytes) -> Module:
        """Load the image once more with other bytes. Raises `ImageError` for a function table that is refused."""
        image, system = self.image, self.machine._system
        table = content[image.function_table_rva : image.function_table_rva + len(image.function_table)]
        functions = FunctionTable(table, content, image.name)
        changed = dataclasses.replace(image, _mapped=content, function_table=table, functions=functions)
        return system.modules.load(changed, system.resolve)

    def write_scratch(self, module: Module) -> None:
        """Fill the scratch area with structures that are valid."""
        self.machine._system.memory.write(module["scratch"], self._structures)

    def write_own_code(self, module: Module, code: bytes) -> None:
        """Put code where the plan's functions call it, and on a page outside of every image."""
        code = code[:OWN_CODE_SIZE]
        memory = self.machine._system.memory
        memory.write(Gva(module["own_code"] + _OWN_CODE), code)
        memory.write(self.own_page.address, code)

    def run(self, module: Module, plan: Plan, *, guarded: bool, irql: int) -> Outcome:
        """Make the call that the plan says."""
        self.machine._system.memory.write(module["plan"], bytes(plan))
        return self.machine.call(module["enter"], guarded=guarded, irql=irql, budget=BUDGET)


def framed_guest(header: bytes = b"\0" * HEADER_SIZE) -> FramedGuest:
    """Return the guest that an input's header chooses by its last byte: mostly the first profile's."""
    return _framed_guest(PROFILES[header[-1]] if header[-1] < len(PROFILES) else PROFILES[0])


@functools.cache
def _framed_guest(profile: str) -> FramedGuest:
    return FramedGuest(profile)


def make_plan(target: int, arguments: Sequence[int] = ()) -> Plan:
    """Return a plan whose filters accept."""
    plan = Plan()
    plan.target = target
    for index, argument in enumerate(arguments):
        plan.arguments[index] = argument & EVERY_CALL
    plan.answers[:] = [1] * 4
    plan.dispositions[:] = [1] * 4
    return plan


def _structures(machine: Machine, module: Module, frames: Sequence[int]) -> bytes:
    """Return records, a context, a DISPATCHER_CONTEXT, jump buffers, a RUNTIME_FUNCTION and text, all of use."""
    scratch, stack = module["scratch"], machine._system.stack
    content = bytearray(SCRATCH_SIZE)

    def put(at: int, data: bytes) -> None:
        content[at : at + len(data)] = data

    context = Context(rip=module["framed"] + 0x20)
    context.gpr[RSP] = stack.high - 0x800
    context.gpr[5] = stack.high - 0x7C0
    put(RECORD_AT, pack_exception_record(0xE000_0001, 0, 0, module["inner"], (1, 2)))
    put(CONTEXT_AT, context.pack().ljust(CONTEXT_SIZE, b"\0"))
    entry = module.image.functions.lookup(module["framed"] - module.base)
    assert entry is not None
    dispatcher = DISPATCHER_CONTEXT()
    dispatcher.ControlPc, dispatcher.ImageBase = context.rip, module.base
    dispatcher.FunctionEntry, dispatcher.EstablisherFrame = scratch + FUNCTION_AT, context.gpr[RSP]
    dispatcher.ContextRecord = scratch + CONTEXT_AT
    info = decode_unwind_info(lambda rva, size: module.image.mapped()[rva : rva + size], entry.unwind_info)
    dispatcher.HandlerData = module.base + (info.handler_data_rva or 0)
    put(DISPATCHER_CONTEXT_AT, bytes(dispatcher))
    put(JUMP_BUFFER_AT, pack_jump_buffer(context, context.gpr[RSP]))
    put(FUNCTION_AT, b"".join(value.to_bytes(4, "little") for value in entry))
    put(CONSOLIDATION_AT, pack_exception_record(NtStatus.UNWIND_CONSOLIDATE, 0, 0, 0, (module["own_code"],)))
    put(LONG_JUMP_AT, pack_exception_record(NtStatus.LONGJUMP, 0, 0, 0, (scratch + JUMP_TO_FRAME_AT,)))
    context.rip, context.gpr[RSP] = module["read_byte"] + 3, frames[-1] - 8
    put(JUMP_TO_FRAME_AT, pack_jump_buffer(context, frames[-1]))
    put(TEXT_AT, b"%s %wZ %I64x %ws %Z %*.*f\0")
    return bytes(content)


def _fields_of(image: PeImage) -> tuple[Field, ...]:
    """Return the fields of all unwind data: the function table, unwind infos, handlers' data."""
    mapped, fields = image.mapped(), []
    for at in range(0, len(image.function_table), 4):
        fields.append(Field("function table", image.function_table_rva + at, 4))
    for begin in image.functions._begins:
        entry = image.functions.lookup(begin)
        assert entry is not None
        info = decode_unwind_info(lambda rva, size: mapped[rva : rva + size], entry.unwind_info)
        fields += [Field("unwind info", entry.unwind_info + at, 1) for at in range(4 + 2 * info.count_of_codes)]
        if info.handler_data_rva is not None:
            fields += [Field("handler data", info.handler_data_rva - 4 + 4 * at, 4) for at in range(14)]
    return tuple(fields)
