# SPDX-License-Identifier: GPL-2.0-or-later
"""The images with routines as they lie in a process: loaded low, their variables filled, their imports bound."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from typing import Final

from emu.address import Gva
from emu.image import Module, PeImage
from emu.memory.layout import USER_PROBE_ADDRESS
from emu.toolchain.layout import built_directory
from tests.silicon.world import PAGE, Page, Protection, pages_of

IMAGE: Final = 0x2000_0000_0000
STUBS: Final = 0x2000_1000_0000
STACK: Final = 0x2000_1001_0000
"""One page."""
USER: Final = 0x2000_2000_1000
"""One page; what its neighbours are, each world says."""
OTHER: Final = 0x2000_2000_9000
"""One page, its neighbours absent."""

ENTRY_STACK: Final = STACK + 0xE08
"""RSP when a routine begins: its return address lies there, and the caller's home space above."""
RETURN: Final = STUBS
"""Where a routine returns to: a breakpoint."""

_PROBE_ADDRESS_CELL: Final = STUBS + PAGE
_UMA_INITIALIZED: Final = 1
_UMA_ERMS: Final = 4
_KERNEL_HAS_NONE: Final = 1
_RAISE: Final = "RtlRaiseException"
_BREAKPOINT: Final = b"\xcc"


def pattern(page: int) -> bytes:
    """Return a page of bytes of which none is 0, each unlike its neighbours; another one for another number."""
    return bytes(1 + (index * 7 + index // 251 * 13 + page * 101) % 251 for index in range(PAGE))


class Loaded:
    """An image with routines, as it lies in a process."""

    def __init__(self, name: str) -> None:
        self._name = name

    @functools.cached_property
    def _module(self) -> Module:
        return Module(PeImage.parse((built_directory() / self._name).read_bytes(), self._name), Gva(IMAGE))

    def address_of(self, routine: str) -> int:
        """Return where a routine begins."""
        return self._module[routine]

    def describe(self, address: int) -> str:
        """Name what a breakpoint before an address ends; other code of the image as modules do."""
        stub = address - 1 - STUBS
        names = ["return", *(each.name for each in self._module.image.imports)]
        if 0 <= stub < len(names):
            return names[stub]
        return _RAISE if address == self._module.symbols.get(_RAISE, 0) + 1 else self._module.describe(Gva(address))

    @functools.lru_cache(maxsize=16)  # noqa: B019 (there are two)
    def pages(self, erms: bool, neighbours: Protection | None = None) -> tuple[Page, ...]:
        """Return the pages of a process that has the image, a stack, and user memory whose neighbours are as named.

        The window of SMAP is never opened: CR4 cannot be read at CPL 3, so that the image is told what it would find.
        """
        pages = [*self._image_pages(erms), Page(STUBS, "rx", _BREAKPOINT * PAGE)]
        pages += pages_of(_PROBE_ADDRESS_CELL, struct.pack("<Q", USER_PROBE_ADDRESS), "ro")
        stack = bytearray(pattern(3))
        struct.pack_into("<Q", stack, ENTRY_STACK - STACK, RETURN)
        pages += [Page(STACK, "rw", bytes(stack)), Page(USER, "rw", pattern(0)), Page(OTHER, "rw", pattern(1))]
        if neighbours:
            pages += [Page(at, neighbours, pattern(2)) for at in (USER - PAGE, USER + PAGE)]
        return tuple(pages)

    def _image_pages(self, erms: bool) -> Iterator[Page]:
        module = self._module
        image = bytearray(module.image.relocated(module.base))
        for number, each in enumerate(module.image.imports, 1):
            target = _PROBE_ADDRESS_CELL if each.name == "MmUserProbeAddress" else STUBS + number
            struct.pack_into("<Q", image, each.iat_rva, target)
        for name, address in module.symbols.items():
            at = address - IMAGE
            if name in ("UmaFeatures", "KiUserAccessFeatures"):
                struct.pack_into("<I", image, at, _UMA_INITIALIZED | _UMA_ERMS * erms)
            elif name in ("UmaUserProbeAddress", "MmUserProbeAddress"):
                struct.pack_into("<Q", image, at, USER_PROBE_ADDRESS)
            elif name.startswith("UmaKernel"):
                struct.pack_into("<Q", image, at, _KERNEL_HAS_NONE)
            elif name == _RAISE:
                image[at : at + 1] = _BREAKPOINT  # the kernel's own calls the host
        for section in module.image.sections:
            if not section.discardable:
                protection: Protection = "rx" if section.executable else "rw" if section.writable else "ro"
                content = bytes(image[section.rva : section.rva + section.virtual_size])
                yield from pages_of(IMAGE + section.rva, content, protection)


LIBRARY: Final = Loaded("umaccess.sys")
KERNEL: Final = Loaded("ntoskrnl.exe")
"""Where the primitives are once more."""
