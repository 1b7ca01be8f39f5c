# SPDX-License-Identifier: GPL-2.0-or-later
"""The export stubs of the kernel image (guest/kernel/export_stubs.S): which address means which export."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from emu.address import Gva
from emu.image import Module
from emu.seh.frames import RETURN_ADDRESS_SIZE, STUB_SIZE
from emu.seh.requests import Steps

if TYPE_CHECKING:
    from emu.kernel.system import System

STUB_LENGTH = 16
AT_CALL = 4
"""The first hlt."""
AFTER_CALL = 5
"""RIP behind a stub's first hlt, and the return address of a callback from it."""
AFTER_CALLBACK = 6
"""RIP behind the second hlt; from here the stub returns."""

HOME_SPACE = 0x20

_CODE = bytes.fromhex("4883EC68F4F4")
"""How a stub begins: sub rsp, 68h; hlt; hlt."""


class ExportBugcheck(Exception):
    """An export stops the machine."""

    def __init__(self, code: int, *parameters: int) -> None:
        super().__init__(code, *parameters)
        first, second, third, fourth, *_ = (*parameters, 0, 0, 0, 0)
        self.code = code
        self.parameters = (first, second, third, fourth)


class ExportUnmodelled(Exception):
    """An export was asked for what is not modelled; the text says what."""


class ExportCall(NamedTuple):
    """One call of an export, its stub's frame built."""

    system: System
    stack_pointer: int
    """RSP in the stub's frame."""
    stub: Gva

    @property
    def callback_return(self) -> Gva:
        """The return address of a guest function that the export calls."""
        return Gva(self.stub + AFTER_CALL)

    @property
    def caller(self) -> Gva:
        """The return address of the call."""
        return Gva(self.system.memory.read_u64(Gva(self.stack_pointer + STUB_SIZE)))

    @property
    def caller_stack_pointer(self) -> int:
        """RSP as it is when the export has returned."""
        return self.stack_pointer + STUB_SIZE + RETURN_ADDRESS_SIZE

    def argument(self, index: int) -> int:
        """Return an argument: rcx, rdx, r8, r9, then the stack behind the home space."""
        if index < 4:
            return self.system.argument_register(index)
        at = self.caller_stack_pointer + HOME_SPACE + (index - 4) * 8
        return self.system.memory.read_u64(Gva(at))


ExportFunction: TypeAlias = Callable[[ExportCall], "Steps | int | None"]
"""An export: returns RAX (None: 0), or the steps to it where it calls guest code."""


class Stub(NamedTuple):
    """A stub and the export behind it."""

    address: Gva
    name: str
    function: ExportFunction


class TooManyExports(RuntimeError):
    """More exports were added than the kernel image has stubs."""


class StubTable:
    """Gives each export a stub, in the order in which they are added."""

    def __init__(self, kernel: Module) -> None:
        self._kernel = kernel
        self._next = kernel["KiExportStubs"]
        self._end = kernel["KiExportStubsEnd"]
        self._by_name: dict[str, Stub] = {}
        self.calls: dict[int, Stub] = {}
        """RIP behind the first hlt → stub."""

    def add(self, name: str, function: ExportFunction) -> Gva:
        """Put a function behind an export's name, and return the address; a name already there is replaced."""
        known = self._by_name.get(name)
        if known is not None:
            address = known.address
        elif self._is_stub(name):
            address = self._kernel[name]
        else:
            address = self._next
            if address + STUB_LENGTH > self._end:
                limit = (self._end - self._kernel["KiExportStubs"]) // STUB_LENGTH
                raise TooManyExports(f"no stub is left for {name!r}; the kernel image has {limit}")
            self._next = Gva(address + STUB_LENGTH)
        stub = Stub(address, name, function)
        self._by_name[name] = stub
        self.calls[address + AFTER_CALL] = stub
        return address

    def _is_stub(self, name: str) -> bool:
        """Tell whether the kernel image has a stub of that name; it may have guest code instead."""
        rva = self._kernel.image.exports.get(name, 0)
        return self._kernel.image.mapped()[rva : rva + len(_CODE)] == _CODE

    def find(self, name: str) -> Gva | None:
        """Return the address of an export, or None."""
        stub = self._by_name.get(name)
        return stub.address if stub else None

    def address_of(self, name: str) -> Gva:
        """Return the address of an export that there is. Raises KeyError."""
        return self._by_name[name].address

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all exports."""
        return tuple(self._by_name)

    def name_at(self, address: Gva) -> str | None:
        """Return the name of the export in whose stub an address lies."""
        stub = self.calls.get(address - address % STUB_LENGTH + AFTER_CALL)
        return stub.name if stub else None
