# SPDX-License-Identifier: GPL-2.0-or-later
"""Images in guest memory: loading, linking against the kernel's exports, and finding the one an address is in."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from emu.accessors.primitives import PRIMITIVES
from emu.address import PAGE_SIZE, Gva
from emu.image import ImageError, Module, PeImage
from emu.image.thunks import JUMP_THUNK, THUNK_SIZE, thunk_slot
from emu.kernel.load_config import fill_load_config
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.layout import Arena
from emu.nt.unwind import RUNTIME_FUNCTION_INDIRECT
from emu.seh.virtual_unwind import ImageUnwinder

RUNTIME_FUNCTION_SIZE = 12
_UNWIND_DATA = 8


class MissingImports(ImageError):
    """An image imports what no export provides; the message lists every name."""


class ModuleUnwinder(ImageUnwinder):
    """A loaded module and the unwinding of its functions."""

    def __init__(self, module: Module, address_of_table: Gva) -> None:
        mapped = module.image.mapped()
        super().__init__(module.base, module.image.functions, lambda rva, size: mapped[rva : rva + size])
        self.module = module
        self.base = module.base
        self._address_of_table = address_of_table
        cookie = module.image.load_config.security_cookie
        self.cookie_address = None if cookie is None else Gva(module.base + cookie)
        """Where the image's `__security_cookie` lies, if its load configuration says so."""

    def entry_address(self, pc: Gva) -> int:
        """Return where the RUNTIME_FUNCTION of a pc lies in guest memory, an indirect one followed; 0 for a leaf."""
        index = self.module.image.functions.index(pc - self.base)
        if index is None:
            return 0
        entry = self._address_of_table + index * RUNTIME_FUNCTION_SIZE
        at = entry - self.base + _UNWIND_DATA
        data = int.from_bytes(self.read(at, 4), "little")
        return self.base + (data & ~RUNTIME_FUNCTION_INDIRECT) if data & RUNTIME_FUNCTION_INDIRECT else entry


class ModulesMark(NamedTuple):
    """What `ModuleList.release_to` takes."""

    arena: int
    unwinders: tuple[ModuleUnwinder, ...]


def read_image(path: Path) -> PeImage:
    """Parse an image file, once a process for each content. Raises `ImageError`, OSError."""
    return PeImage.parse(path.read_bytes(), path.name)


class ModuleList:
    """The loaded modules, by address."""

    def __init__(self, memory: AddressSpace, arena: Arena) -> None:
        self._memory = memory
        self._arena = arena
        self._unwinders: tuple[ModuleUnwinder, ...] = ()
        self._bases: list[int] = []
        self._by_pc: dict[int, ModuleUnwinder | None] = {}
        self.linked: dict[int, Gva] = {}
        """Address of a jump thunk → the export that it leads to."""

    @property
    def unwinders(self) -> tuple[ModuleUnwinder, ...]:
        """Every loaded module with its unwinding, in order of address."""
        return self._unwinders

    @property
    def modules(self) -> tuple[Module, ...]:
        """Every loaded module, in order of address."""
        return tuple(unwinder.module for unwinder in self._unwinders)

    def find(self, address: int) -> ModuleUnwinder | None:
        """Return the module that an address lies in."""
        try:
            return self._by_pc[address]
        except KeyError:
            pass
        index = bisect.bisect_right(self._bases, address) - 1
        found = None
        if index >= 0 and self._unwinders[index].module.contains(Gva(address)):
            found = self._unwinders[index]
        if len(self._by_pc) > 65536:
            self._by_pc.clear()
        self._by_pc[address] = found
        return found

    def load(self, image: PeImage, resolve: Callable[[str], Gva | None]) -> Module:
        """Map an image, relocated and linked. `resolve` gives the address of an import.

        Raises `MissingImports` with all the names, `ImageError` for an image that cannot move, `OutOfMemory`; nothing
        is mapped then.
        """
        addresses = {entry.iat_rva: resolve(entry.name) for entry in image.imports}
        missing = sorted({entry.name for entry in image.imports if addresses[entry.iat_rva] is None})
        if missing:
            newer = "; a profile with primitives=kernel has the primitives" if PRIMITIVES.intersection(missing) else ""
            raise MissingImports(
                f"{image.name} imports what the kernel does not export: {', '.join(missing)}; "
                f"provide each with @machine.export(name) before loading{newer}"
            )
        mark, pages = self._arena.mark, -(-image.size_of_image // PAGE_SIZE)
        self._memory.require_room(pages)
        base = self._arena.reserve(pages)
        try:
            content = bytearray(image.relocated(base))
        except ImageError:
            self._arena.release_to(mark)
            raise
        for rva, address in addresses.items():
            assert address is not None
            content[rva : rva + 8] = address.to_bytes(8, "little")
        fill_load_config(content, image, base, resolve)
        self._map(image, base, bytes(content))
        module = Module(image, base)
        self._add(ModuleUnwinder(module, Gva(base + image.function_table_rva)))
        self._find_thunks(image, base, addresses)
        return module

    def _map(self, image: PeImage, base: Gva, content: bytes) -> None:
        self._map_range(base, content, 0, image.size_of_headers, "ro")
        for section in image.sections:
            if section.discardable and section.name.startswith("."):
                continue
            protection = (
                ("rwx" if section.executable else "rw") if section.writable else ("rx" if section.executable else "ro")
            )
            self._map_range(base, content, section.rva, section.virtual_size, protection)

    def _map_range(self, base: Gva, content: bytes, rva: int, size: int, protection: str) -> None:
        for at in range(rva, rva + size, PAGE_SIZE):
            page = Gva(base + at)
            self._memory.map_page(page, user=False, protection=pt.PROTECTIONS[protection])
            self._memory.write(page, content[at : at + PAGE_SIZE])

    def _add(self, unwinder: ModuleUnwinder) -> None:
        self._unwinders = tuple(sorted((*self._unwinders, unwinder), key=lambda entry: entry.base))
        self._rebuild()

    def _rebuild(self) -> None:
        self._bases = [unwinder.base for unwinder in self._unwinders]
        self._by_pc.clear()

    def _find_thunks(self, image: PeImage, base: Gva, addresses: dict[int, Gva | None]) -> None:
        """Note every `jmp [import]`, so that a language handler named through one is known for what it is."""
        mapped = image.mapped()
        for section in image.sections:
            if not section.executable:
                continue
            end = section.rva + section.virtual_size
            at = mapped.find(JUMP_THUNK, section.rva, end)
            while at >= 0 and at + THUNK_SIZE <= end:
                slot = thunk_slot(mapped[at : at + THUNK_SIZE], at)
                target = None if slot is None else addresses.get(slot)
                if target is not None:
                    self.linked[base + at] = target
                at = mapped.find(JUMP_THUNK, at + 1, end)

    @property
    def mark(self) -> ModulesMark:
        """What `release_to` takes."""
        return ModulesMark(self._arena.mark, self._unwinders)

    def release_to(self, mark: ModulesMark) -> bool:
        """Forget the modules loaded after a mark; tell whether there were any."""
        if self._unwinders is mark.unwinders:
            return False
        self._arena.release_to(mark.arena)
        self._unwinders = mark.unwinders
        self._rebuild()
        self.linked = {at: to for at, to in self.linked.items() if self.find(at) is not None}
        return True
