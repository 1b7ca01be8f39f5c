# SPDX-License-Identifier: GPL-2.0-or-later
"""Every way through every accessor, of the library and of the kernel: calls that together run each instruction."""

from __future__ import annotations

from collections.abc import Iterator

from emu import Machine
from emu.accessors import FAMILY, PRIMITIVES, Accessor
from emu.address import PAGE_SIZE, Gva
from emu.cpu.registers import FLAG_AC
from emu.image import Module
from emu.memory.page_table import PROTECTIONS
from tests.guest.copies import pattern
from tests.guest.watched_call import KERNEL_FLAGS, NEVER, WatchedCall

LIMIT = 0x7FFF_FFFF_0000
KERNEL_MODE, USER_MODE = 0, 1

FUNCTIONS = tuple(accessor for accessor in FAMILY.values() if accessor.kind == "function")
STOPS_THE_MACHINE = "RtlFastFailIfUserPointer"

LENGTHS = ((0, 0), (5, 3), (64, 0), (131, 3), (600, 3))
"""Bytes, and where the destination begins within 16: the paths of the copies and fills."""

TERMINATOR = 50
STRINGS = (0, 1, 47)
"""Where a string begins; its end is at TERMINATOR, or beside it."""


def named(machine: Machine, name: str) -> Module:
    return next(module for module in machine.modules if module.name == name)


class Ways:
    """The calls, in one machine, on buffers that they share."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.library, self.kernel = named(machine, "umaccess"), named(machine, "ntoskrnl")
        self._watched = WatchedCall(machine)
        self._memory = machine.system.memory
        self._buffers = {
            (half, name): half.alloc(pattern(2 * PAGE_SIZE))
            for half in (machine.user, machine.kernel)
            for name in ("Destination", "Source")
        }
        text = bytearray(b"A" * 80)
        text[TERMINATOR : TERMINATOR + 4] = bytes(4)
        self._strings = {half: half.alloc(bytes(text)) for half in (machine.user, machine.kernel)}
        self._top = Gva(LIMIT - PAGE_SIZE)
        """The last page of user memory: a text without an end."""
        self._memory.map_page(self._top, user=True, protection=PROTECTIONS["rw"])
        self._memory.write(self._top, b"A" * PAGE_SIZE)

    def set_variable(self, module: Module, name: str, value: int) -> None:
        """Write a variable of an image."""
        self._memory.write(module[name], value.to_bytes(8, "little"))

    def _pointer(self, accessor: Accessor, name: str, mode: int) -> int:
        side = accessor.parameter(name).side
        half = self.machine.user if side == "user" or (side == "mode" and mode) else self.machine.kernel
        if name == "String":
            return self._strings[half].address
        return self._buffers[half, "Destination" if name == "Destination" else "Source"].address

    def _arguments(self, accessor: Accessor, mode: int = USER_MODE, **given: int) -> tuple[int, ...]:
        """What an accessor is called with; what is not `given` is as it should be."""
        kernel = self._buffers[self.machine.kernel, "Source"].address
        values = [kernel + PAGE_SIZE] if accessor.returns == "UNICODE_STRING" else []
        for parameter in accessor.parameters:
            name = parameter.name
            if name in given:
                values.append(given[name])
            elif name == "Mode":
                values.append(mode)
            elif name in ("Length", "Size"):
                values.append(5)
            elif parameter.type == "UNICODE_STRING":
                values.append(kernel)
            elif parameter.side == "value":
                values.append(0x5A)
            else:
                values.append(self._pointer(accessor, name, mode))
        return tuple(values)

    def _good(self, accessor: Accessor, mode: int = USER_MODE) -> Iterator[tuple[int, ...]]:
        """Arguments of calls that return."""
        names = [parameter.name for parameter in accessor.parameters]
        if "String" in names:
            start = self._pointer(accessor, "String", mode)
            yield from (self._arguments(accessor, mode, String=start + offset) for offset in STRINGS)
        elif size := next((name for name in names if name in ("Length", "Size")), None):
            start = self._pointer(accessor, "Destination", mode)
            for length, offset in LENGTHS:
                yield self._arguments(accessor, mode, **{size: length}, Destination=start + offset)
            if "Move" in accessor.name:
                source = self._pointer(accessor, "Source", mode)
                for length, distance in ((2, 1), (131, 5)):
                    yield self._arguments(accessor, mode, Destination=source + distance, **{size: length})
        else:
            yield self._arguments(accessor, mode)

    def _refused(self, accessor: Accessor) -> Iterator[tuple[int, ...]]:
        """Arguments that fail a check before the first access, or at the end of user memory."""
        for parameter in accessor.user_parameters:
            yield self._arguments(accessor, **{parameter.name: LIMIT})
        if "Interlocked" in accessor.name:
            yield self._arguments(accessor, Destination=self._pointer(accessor, "Destination", USER_MODE) + 1)
        if "StringLength" in accessor.name:
            yield from (self._arguments(accessor, String=LIMIT - before) for before in (20, 5))

    def take(self, module: Module, accessor: Accessor) -> None:
        """Call one function by every way through its own code, but for those that end the machine."""
        routine = module[accessor.name]
        for mode in (USER_MODE, KERNEL_MODE) if accessor.mode == "mode" else (USER_MODE,):
            for arguments in self._good(accessor, mode):
                self.machine.call(routine, *arguments)
        if accessor.mode == "user":
            for arguments in self._good(accessor):
                self._watch(routine, arguments, rflags=KERNEL_FLAGS | FLAG_AC)
            for arguments in self._refused(accessor):  # the first exception is continued from
                self._watch(routine, arguments, handle=2)

    def _watch(self, routine: int, arguments: tuple[int, ...], *, rflags: int = KERNEL_FLAGS, handle: int = 1) -> None:
        first, second, third, *_ = (*arguments, 0, 0)
        self._watched.call(routine, (first, second, third), rflags=rflags, handle=handle)

    def take_first_use(self, accessor: Accessor) -> None:
        """Call a function of the library where nothing is known, and where the kernel has its primitive."""
        variable = f"UmaKernel{accessor.primitive}"
        for value in (0, self.kernel[accessor.primitive or ""]):
            self.set_variable(self.library, variable, value)
            self.machine.call(self.library[accessor.name], *self._arguments(accessor))
        self.set_variable(self.library, variable, 1)

    def take_first_use_in_kernel(self, accessor: Accessor) -> None:
        """Call a primitive of the kernel where nothing is known."""
        self.set_variable(self.kernel, "KiUserAccessFeatures", 0)
        self.machine.call(self.kernel[accessor.name], *self._arguments(accessor))

    def take_all(self) -> None:
        """Take every way but those that end the machine."""
        self.machine.call(self.library["DriverEntry"])
        self._watched.call(self.library["UmaRaiseAccessViolation"], (0, LIMIT, 0), handle=NEVER)
        for accessor in FUNCTIONS:
            self.take(self.library, accessor)
            if accessor.mode != "mode":
                self.take_first_use(accessor)
            if accessor.name in PRIMITIVES:
                self.take_first_use_in_kernel(accessor)
                self.take(self.kernel, accessor)

    def stop(self, module: Module) -> None:
        """Have a module stop the machine at a user pointer."""
        self.machine.call(module[STOPS_THE_MACHINE], self._buffers[self.machine.user, "Source"])
