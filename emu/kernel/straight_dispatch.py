# SPDX-License-Identifier: GPL-2.0-or-later
"""The native side of a trap's dispatch: its frames on the guest's stack, and both phases where the guest runs nothing.

Such a dispatch, from a fault through known frames to an `__except` with a constant filter, is what a fault-injection
campaign is made of. The rules are those of emu/seh: it hands over how each frame is unwound, and takes every dispatch
that is another, from its beginning.
"""

from __future__ import annotations

import ctypes
from struct import Struct
from typing import TYPE_CHECKING, Final

from emu.address import Gva
from emu.cpu.native_core import KernelMemory, TrapRecords, load_native_core
from emu.cpu.trap import Trap
from emu.events import Event, FilterAnswered, FrameSearched, FrameUnwound, Landed
from emu.kernel.trap_frame import entry_flags
from emu.seh.c_specific_handler import EXECUTE_HANDLER, c_specific_handler
from emu.seh.context import RSP, Context
from emu.seh.unwind_info import UnwindError
from emu.seh.virtual_unwind import Plan

if TYPE_CHECKING:
    from emu.kernel.system import System

_LANDED: Final = 1
_UNKNOWN_PC: Final = 2

_MOST_PLANS: Final = 0x1_0000
"""Kept: guest code chooses how many pcs there are."""

_NO_PARAMETERS: Final = (0, 0, 0)

# emu/cpu/native/trap_records.h, what is given; straight_dispatch.c, struct plan, stage and load.
_GIVEN: Final = Struct("<8Q4I")
_PLAN: Final = Struct("<3Qq7Q")
_STAGE: Final = Struct("<qqQqQ")
_LOAD: Final = Struct("<2Q")

_PASSED: Final = Struct("<3Q")
_PASSED_AT: Final = TrapRecords.passed.offset
_NOTED_AT: Final = TrapRecords.target_ip.offset
_MOST_TOLD: Final = 1024


class StraightDispatch:
    """Writes the frames of traps, and dispatches them as far as that takes no guest code."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._library = load_native_core()
        self._template = Context([0] * 16).pack()
        ram, stack = system.ram, system.stack
        records = self._records = TrapRecords(
            memory=KernelMemory(ram.address, ram.size, system.memory.root, *ram.written_flags),
            context_template=self._template,
            stack_low=stack.low,
            stack_high=stack.high,
            entry_flags=entry_flags(0, system.profile.kernel_entry_ac),
        )
        self._address = ctypes.addressof(records)
        self._view = memoryview(records).cast("B")
        self._told: dict[bytes, tuple[Event, ...]] = {}
        self._unwinders = system.modules.unwinders
        self._plans = 0

    def write_trap(
        self, trap: Trap, status: int, flags: int, rip: Gva, information: tuple[int, ...], frame: int, records: int
    ) -> bool:
        """Write KTRAP_FRAME, EXCEPTION_RECORD and CONTEXT of the trap that the processor stands at.

        `frame` is where the trap frame lies, `records` RSP of the records frame. Returns whether there are pages.
        """
        system = self._system
        _GIVEN.pack_into(
            self._view,
            TrapRecords.frame.offset,
            frame,
            records,
            system.trap_entry_return,
            trap.address,
            rip,
            *information,
            *_NO_PARAMETERS[len(information) :],
            len(information),
            status,
            flags,
            trap.error_code,
        )
        written: int = self._library.core_write_trap(system.cpu.native, self._address)
        if self._records.memory.code_changed:
            system.cpu.drop_all_translations()
        return bool(written)

    def dispatch(self) -> bool:
        """Dispatch the exception of the trap that was written last, if nothing of the guest's has to run for it.

        Returns whether that was so: the registers are then those of the `__except` block. Else nothing has changed.
        """
        system, library = self._system, self._library
        if system.modules.unwinders is not self._unwinders:
            self._forget_plans()
        native, address = system.cpu.native, self._address
        while True:
            result = library.core_dispatch_straight(native, address)
            if result == _LANDED:
                system.events.extend(self._events())
                return True
            if result != _UNKNOWN_PC or not self._keep_plan(Gva(self._records.unknown_pc)):
                return False

    def _events(self) -> tuple[Event, ...]:
        """Return the events of the dispatch. Many dispatches pass the same frames: the last ones' events are kept."""
        records = self._records
        count = records.searched_count + records.unwound_count
        noted = bytes(self._view[_NOTED_AT : _PASSED_AT + _PASSED.size * count])
        events = self._told.get(noted)
        if events is None:
            if len(self._told) == _MOST_TOLD:
                self._told.clear()
            events = self._told[noted] = self._tell(noted[_PASSED_AT - _NOTED_AT :])
        return events

    def _tell(self, passed: bytes) -> tuple[Event, ...]:
        records = self._records
        frames = [(pc, establisher, handler or None) for pc, establisher, handler in _PASSED.iter_unpack(passed)]
        target = Gva(records.target_frame)
        return (
            *(FrameSearched(*frame) for frame in frames[: records.searched_count]),
            FilterAnswered(target, None, EXECUTE_HANDLER),
            *(FrameUnwound(*frame) for frame in frames[records.searched_count :]),
            Landed(Gva(records.target_ip), target),
        )

    def _forget_plans(self) -> None:
        self._library.core_forget_plans(self._system.cpu.native)
        self._unwinders = self._system.modules.unwinders
        self._plans = 0

    def _keep_plan(self, pc: Gva) -> bool:
        """Hand over how a pc is unwound from, outside images as from a leaf. Returns whether there is a way."""
        unwinder = self._system.modules.find(pc)
        base, plan = 0, None
        if unwinder is not None:
            base = unwinder.base
            try:
                plan = unwinder.plan(pc)
            except UnwindError:
                return False
        if self._plans == _MOST_PLANS:
            self._forget_plans()
        self._plans += 1
        data = self._lay_out(pc, base, plan)
        return bool(self._library.core_keep_plan(self._system.cpu.native, data, len(data)))

    def _lay_out(self, pc: Gva, base: int, plan: Plan | None) -> bytes:
        if plan is None:
            return _PLAN.pack(pc, base, RSP, 0, 0, 0, 0, False, False, True, 0)
        is_c_specific = plan.handler is not None and self._system.host_handler(plan.handler) is c_specific_handler
        parts = [
            _PLAN.pack(
                pc,
                base,
                plan.frame_register,
                plan.frame_displacement,
                plan.handler_flags,
                plan.handler or 0,
                plan.handler_data or 0,
                is_c_specific,
                plan.frame_is_below_return,
                False,
                len(plan.stages),
            )
        ]
        for stage in plan.stages:
            parts.append(
                _STAGE.pack(stage.base, stage.start, stage.stack_register, stage.stack_displacement, len(stage.loads))
            )
            parts += [_LOAD.pack(*load) for load in stage.loads]
        return b"".join(parts)
