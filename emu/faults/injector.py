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
from emu.faults.fault import (
    FLIP,
    NO_MEMORY,
    PAGE_STATES,
    READABLE,
    AddressPlace,
    Fault,
    FaultError,
    UnitPlace,
)
from emu.faults.page_state import set_page_state
from emu.faults.schedule import ScheduleRun
from emu.faults.upset import upset
from emu.image import UnknownSymbol
from emu.kernel.system import System
from emu.memory.buffer import Buffer
from emu.memory.errors import NotMapped
from emu.memory.half import Half
from emu.memory.layout import HIGHEST_USER_HALF
from emu.memory.page_table import USER

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
        self.entry_before = 0
        """The page's entry without the state, where that is to end with a trap (`Injector._held`)."""


def _chances(fault: Fault) -> int:
    """Return which accesses to its byte count: with a schedule, those that its state would fail."""
    if fault.kind == FLIP:
        return READS
    return WRITES if fault.schedule.is_set and fault.kind in READABLE else READS | WRITES


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
        self._held: list[_Armed] = []
        """Whose page states are to end with a trap, in the order in which they were put on."""

    def inject(self, fault: Fault, buffers: Mapping[str, Buffer | int]) -> None:
        """Arm a fault from now on.

        `buffers` gives the names their addresses; a name that is none of theirs is a symbol. The first fault that waits
        for an access or an instruction makes the processor slower for good. Raises `FaultError` for a name that is not
        there or an address that is not allocated.
        """
        address = self._address(fault, buffers)
        try:
            if address is not None:
                self._entry(address)
            if fault.begins_at_once:
                self._apply(fault, address)
                return
            for function in (fault.schedule.require, fault.schedule.reject):
                if function is not None:
                    self._is_in(function, 0)
            asked = fault.schedule.is_set or (fault.kind == NO_MEMORY and fault.access is None)
            armed = _Armed(fault, address, ScheduleRun(fault.schedule, self._is_in) if asked else None)
            if armed.next_access is None and fault.insn is None:
                self._hold(armed)
        except UnknownSymbol as error:
            nearest = f"; nearest: {', '.join(error.nearest)}" if error.nearest else ""
            raise FaultError(f"fault {fault}: there is no function {error.name!r}{nearest}") from None
        except ValueError as error:
            raise FaultError(f"fault {fault}: {error}") from None
        self._armed.append(armed)
        self._system.intervention = self
        if fault.kind != NO_MEMORY and armed not in self._held:
            self._wait(armed)

    def clear(self) -> None:
        """Forget every fault that waits. What has struck stays, until the memory goes back."""
        if self._armed:
            self._armed.clear()
            self._watched.clear()
            self._held.clear()
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
        try:
            entry = self._system.memory.entry(address)
        except NotMapped:
            entry = 0
        if not entry or bool(entry & USER) != (address <= HIGHEST_USER_HALF):
            self._half(address).entry(address)  # says what is wrong with it
        return entry

    def _apply(self, fault: Fault, address: Gva | None) -> None:
        if fault.kind in PAGE_STATES:
            assert address is not None
            set_page_state(self._system.memory, address, fault)
        else:
            if address is not None:
                self._entry(address)
            upset(self._system, fault, address)

    def _hold(self, armed: _Armed) -> None:
        """Put a page state on, over those that are there, and remember what was there."""
        assert armed.address is not None
        if armed in self._held:
            self._take_out(armed)
        armed.entry_before = self._entry(armed.address)
        self._held.append(armed)
        self._apply(armed.fault, armed.address)

    def _take_out(self, armed: _Armed) -> None:
        """Have nothing of a page state be there where the one that was put on it ends."""
        index = self._held.index(armed)
        assert armed.address is not None
        for above in self._held[index + 1 :]:
            if above.address is not None and (above.address ^ armed.address) < PAGE_SIZE:
                above.entry_before = armed.entry_before
                break
        del self._held[index]

    def _wait(self, armed: _Armed) -> None:
        """Have the processor stop for a fault."""
        if self._watch is None:
            self._watch = Watch(self._system.cpu)
        if armed.fault.insn is not None:
            armed.behind = self._watch.position + armed.fault.insn
        else:
            assert armed.address is not None
            self._watched.append(armed)
            self._watch.add(WatchedByte(armed.address, _chances(armed.fault)))
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
        """Take the page state off that has led to the trap, if it has struck as often as it may."""
        for armed in reversed(self._held):
            if armed.address is not None and (armed.address ^ address) < PAGE_SIZE:
                self._trapped(armed, armed.address)
                return

    def _trapped(self, armed: _Armed, address: Gva) -> None:
        if armed.left is not None:
            armed.left -= 1
        if armed.schedule is None and armed.left:
            self._apply(armed.fault, address)
            return
        self._system.memory.set_entry(address, armed.entry_before)
        self._held.remove(armed)
        if armed.schedule is not None and armed.fault.kind != PAGED_OUT:
            # The access has not been made: the one that is made next has its number.
            assert self._watch is not None
            index = self._watched.index(armed)
            armed.next_access = self._watch.accesses(index) + 1
            self._set_stops()

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
