# SPDX-License-Identifier: GPL-2.0-or-later
"""The accessor library, `umaccess.sys`, as it lies in a process: loaded low, its variables filled, imports bound."""

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
_BREAKPOINT: Final = b"\xcc"


def pattern(page: int) -> bytes:
    """Return a page of bytes of which none is 0, each unlike its neighbours; another one for another number."""
    return bytes(1 + (index * 7 + index // 251 * 13 + page * 101) % 251 for index in range(PAGE))


@functools.cache
def _module() -> Module:
    path = built_directory() / "umaccess.sys"
    return Module(PeImage.parse(path.read_bytes(), path.name), Gva(IMAGE))


def address_of(routine: str) -> int:
    """Return where a routine begins."""
    return _module()[routine]


def describe(address: int) -> str:
    """Name an address of the image or of the stubs."""
    if _module().contains(Gva(address)):
        return _module().describe(Gva(address))
    stub = address - 1 - STUBS
    names = ["return", *(each.name for each in _module().image.imports)]
    return names[stub] if 0 <= stub < len(names) else f"{address:#x}"


@functools.cache
def library_pages(erms: bool, neighbours: Protection | None = None) -> tuple[Page, ...]:
    """Return the pages of a process that has the library, a stack, and user memory whose neighbours are as named.

    The window of SMAP is never opened: CR4 cannot be read at CPL 3, so that the library is told what it would find.
    """
    pages = [*_image_pages(erms), Page(STUBS, "rx", _BREAKPOINT * PAGE)]
    pages += pages_of(_PROBE_ADDRESS_CELL, struct.pack("<Q", USER_PROBE_ADDRESS), "ro")
    stack = bytearray(pattern(3))
    struct.pack_into("<Q", stack, ENTRY_STACK - STACK, RETURN)
    pages += [Page(STACK, "rw", bytes(stack)), Page(USER, "rw", pattern(0)), Page(OTHER, "rw", pattern(1))]
    if neighbours:
        pages += [Page(at, neighbours, pattern(2)) for at in (USER - PAGE, USER + PAGE)]
    return tuple(pages)


def _image_pages(erms: bool) -> Iterator[Page]:
    module = _module()
    image = bytearray(module.image.relocated(module.base))
    for number, each in enumerate(module.image.imports, 1):
        target = _PROBE_ADDRESS_CELL if each.name == "MmUserProbeAddress" else STUBS + number
        struct.pack_into("<Q", image, each.iat_rva, target)
    for name, address in module.symbols.items():
        if name == "UmaFeatures":
            struct.pack_into("<I", image, address - IMAGE, _UMA_INITIALIZED | _UMA_ERMS * erms)
        elif name == "UmaUserProbeAddress":
            struct.pack_into("<Q", image, address - IMAGE, USER_PROBE_ADDRESS)
        elif name.startswith("UmaKernel"):
            struct.pack_into("<Q", image, address - IMAGE, 1)  # the kernel has none
    for section in module.image.sections:
        if not section.discardable:
            protection: Protection = "rx" if section.executable else "rw" if section.writable else "ro"
            content = bytes(image[section.rva : section.rva + section.virtual_size])
            yield from pages_of(IMAGE + section.rva, content, protection)
