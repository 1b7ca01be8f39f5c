# SPDX-License-Identifier: GPL-2.0-or-later
"""Arms faults on a system, and makes each happen when its time has come.

One that is there from the start is a page state or a byte, put there at once. Any other waits: for the k-th access to
its byte or for an instruction, which the processor stops before (emu/cpu/watch.py); for an allocation, which the pool
asks about; for the traps that its page state leads to, which are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from emu.address import PAGE_SIZE, Gva, is_canonical
from emu.cpu import registers as r
from emu.cpu.watch import READS, WRITES, Watch, WatchedByte
from emu.events import FaultStruck
from emu.faults.fault import FLIP, NO_MEMORY, PAGE_STATES, AddressPlace, Fault, FaultError, UnitPlace
from emu.faults.page_state import set_page_state
from emu.faults.schedule import ScheduleRun
from emu.faults.upset import upset
from emu.kernel.system import System
from emu.memory.buffer import Buffer
from emu.memory.half import Half
from emu.memory.layout import HIGHEST_USER_HALF

PAGED_OUT: Final = "paged-out"


class _Armed:
    """A fault that waits, or whose end is waited for."""

    def __init__(self, fault: Fault, address: Gva | None, schedule: ScheduleRun | None) -> None:
        self.fault = fault
        self.address = address
        self.schedule = schedule
        """Is asked at every chance; None: it strikes once, at `access` or `insn`, and then holds."""
        self.next_access = fault.access or (1 if schedule is not None else None)
        """Before which access to its byte the processor is to stop."""
        self.behind: int | None = None
        """Behind which instruction of the watch's count."""
        self.asked = 0
        """Allocations."""
        self.left = fault.times
        """How often it may still strike; None: without end."""
        self.entry_before: int | None = None
        """The page's entry without the state, while that is to end with a trap."""


class Injector:
    """The faults of one system. `is_in(function, address)` tells whether code lies in a function, by its symbol."""

    def __init__(self, system: System, resolve: Callable[[str], Gva], is_in: Callable[[str, int], bool]) -> None:
        self._system = system
        self._resolve = resolve
        self._is_in = is_in
        self._watch: Watch | None = None
        self._armed: list[_Armed] = []
        self._watched: list[_Armed] = []
        """Whose bytes the watch has, in its order."""

    def inject(self, fault: Fault, buffers: Mapping[str, Buffer | int]) -> None:
        """Arm a fault from now on.

        `buffers` gives the names their addresses; a name that is none of theirs is a symbol. The first fault that waits
        for an access or an instruction makes the processor slower for good. Raises `FaultError` for a name that is not
        there or an address that is not allocated.
        """
        address = self._address(fault, buffers)
        for function in (fault.schedule.require, fault.schedule.reject):
            if function is not None:
                self._is_in(function, 0)
        try:
            if address is not None:
                self._entry(address)
            if fault.begins_at_once:
                self._apply(fault, address)
                return
            asked = fault.schedule.is_set or (fault.kind == NO_MEMORY and fault.access is None)
            armed = _Armed(fault, address, ScheduleRun(fault.schedule, self._is_in) if asked else None)
            if armed.next_access is None and fault.insn is None:
                self._hold(armed)
        except ValueError as error:
            raise FaultError(f"fault {fault}: {error}") from None
        self._armed.append(armed)
        self._system.intervention = self
        if fault.kind != NO_MEMORY and armed.entry_before is None:
            self._wait(armed)

    def clear(self) -> None:
        """Forget every fault that waits. What has struck stays, until the memory goes back."""
        if self._armed:
            self._armed.clear()
            self._watched.clear()
            self._system.intervention = None
            if self._watch is not None:
                self._watch.begin(())

    def _address(self, fault: Fault, buffers: Mapping[str, Buffer | int]) -> Gva | None:
        place = fault.place
        if isinstance(place, UnitPlace):
            return None
        if isinstance(place, AddressPlace):
            address = place.address
        elif place.buffer in buffers:
            address = int(buffers[place.buffer]) + place.offset
        else:
            try:
                address = self._resolve(place.buffer) + place.offset
            except LookupError:
                known = ", ".join(buffers) or "none"
                raise FaultError(
                    f"fault {fault}: there is no buffer {place.buffer!r}; given by name: {known}; and no such symbol"
                ) from None
        if not is_canonical(address) or address >> 64:
            raise FaultError(f"fault {fault}: {address:#x} is no canonical address")
        return Gva(address)

    def _half(self, address: Gva) -> Half:
        return self._system.user if address <= HIGHEST_USER_HALF else self._system.kernel_data

    def _entry(self, address: Gva) -> int:
        """Return the entry of a page. Raises ValueError where it is not allocated."""
        self._half(address).entry(address)
        return self._system.memory.entry(address)

    def _apply(self, fault: Fault, address: Gva | None) -> None:
        if fault.kind in PAGE_STATES:
            assert address is not None
            set_page_state(self._half(address), address, fault)
        else:
            upset(self._system, fault, address)

    def _hold(self, armed: _Armed) -> None:
        """Put a page state on, and remember what was there."""
        assert armed.address is not None
        armed.entry_before = self._entry(armed.address)
        self._apply(armed.fault, armed.address)

    def _wait(self, armed: _Armed) -> None:
        """Have the processor stop for a fault."""
        if self._watch is None:
            self._watch = Watch(self._system.cpu)
        if armed.fault.insn is not None:
            armed.behind = self._watch.position + armed.fault.insn
        else:
            assert armed.address is not None
            self._watched.append(armed)
            self._watch.add(WatchedByte(armed.address, READS if armed.fault.kind == FLIP else READS | WRITES))
        self._set_stops()

    def _set_stops(self) -> None:
        watch = self._watch
        assert watch is not None
        behind = [armed.behind for armed in self._armed if armed.behind is not None]
        watch.stop_behind(min(behind, default=None))
        for index, armed in enumerate(self._watched):
            watch.stop_before_access(index, armed.next_access)

    def stopped(self) -> None:
        """Make what was waited for happen."""
        watch = self._watch
        assert watch is not None
        rip = self._system.cpu.registers[r.RIP]
        sizes = watch.take_hits()
        for armed in self._armed:
            if armed.behind is not None and armed.behind <= watch.position:
                armed.behind = None
                self._strike(armed)
        for index, size in sizes.items():
            armed = self._watched[index]
            assert armed.next_access is not None
            if armed.schedule is None:
                armed.next_access = None
                self._strike(armed)
            else:
                armed.next_access += 1
                if armed.left != 0 and armed.schedule.strikes(size, rip):
                    armed.next_access -= armed.fault.kind != PAGED_OUT
                    self._strike(armed)
        self._set_stops()

    def _strike(self, armed: _Armed) -> None:
        fault = armed.fault
        self._system.events.append(FaultStruck(str(fault), Gva(self._system.cpu.registers[r.RIP])))
        if fault.kind in PAGE_STATES and (armed.left is not None or armed.schedule is not None):
            self._hold(armed)
        else:
            self._apply(fault, armed.address)

    def page_faulted(self, address: Gva) -> None:
        """Take page states off that have struck as often as they may."""
        for armed in self._armed:
            if armed.entry_before is None or armed.address is None or (armed.address ^ address) >= PAGE_SIZE:
                continue
            if armed.left is not None:
                armed.left -= 1
            if armed.schedule is None and armed.left:
                self._apply(armed.fault, armed.address)
            else:
                self._system.memory.set_entry(armed.address, armed.entry_before)
                armed.entry_before = None

    def allocation_fails(self, size: int, caller: Gva) -> bool:
        """Ask every fault of the pool's."""
        failing = [self._fails(armed, size, caller) for armed in self._armed if armed.fault.kind == NO_MEMORY]
        return any(failing)

    def _fails(self, armed: _Armed, size: int, caller: Gva) -> bool:
        armed.asked += 1
        if armed.left == 0:
            return False
        if armed.schedule is not None:
            fails = armed.schedule.strikes(size, caller)
        elif armed.left is None:
            fails = armed.asked == armed.fault.access
        else:
            fails = armed.asked >= (armed.fault.access or 1)
        if fails:
            armed.left = None if armed.left is None else armed.left - 1
            self._system.events.append(FaultStruck(str(armed.fault), caller))
        return fails
