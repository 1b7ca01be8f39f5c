# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages, registers and stops: what a run on silicon and one on the engine take and give, in one form."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from emu.cpu import registers as r

PAGE: Final = 0x1000
Protection = Literal["rw", "ro", "rx"]

_REGISTERS: Final = struct.Struct("<18Q256s")
REGISTERS_SIZE: Final = _REGISTERS.size
"""Bytes of the registers in their common form: 16 general ones in hardware order, RIP, RFLAGS, XMM0 to XMM15."""


class Page(NamedTuple):
    """A page that is there. One that can be written is as it is here whenever a run begins."""

    address: int
    protection: Protection
    content: bytes


class Case(NamedTuple):
    """One run: it begins with these registers and ends with the first trap."""

    registers: bytes
    """As `pack_registers` makes them."""
    label: str
    """What a failure calls it."""
    pokes: tuple[tuple[int, int], ...] = ()
    """Addresses in pages that can be written, and the bytes that are there when it begins."""


class Stop(NamedTuple):
    """How a run ended."""

    vector: int
    error_code: int
    """As at CPL 3."""
    address: int
    """CR2 of a page fault, otherwise 0."""
    general: tuple[int, ...]
    """16 general registers, RIP and RFLAGS without RF."""
    xmm: bytes
    pages: tuple[bytes, ...]
    """Those that can be written, in the order of the world's."""


def pages_of(address: int, content: bytes, protection: Protection) -> list[Page]:
    """Cut memory into pages; the last one is filled up with zeroes."""
    starts = range(0, len(content), PAGE)
    return [Page(address + at, protection, content[at : at + PAGE].ljust(PAGE, b"\0")) for at in starts]


def pack_registers(general: Mapping[str, int], xmm: bytes) -> bytes:
    """Pack registers by name, `rip` and `rflags` among them; those not named are 0."""
    values = [general.get(name, 0) for name in (*r.GPR_NAMES, "rip", "rflags")]
    return _REGISTERS.pack(*values, xmm)


def make_stop(vector: int, error_code: int, cr2: int, registers: bytes, pages: Sequence[bytes]) -> Stop:
    """Take a stop's registers apart."""
    *general, xmm = _REGISTERS.unpack(registers)
    general[17] &= ~r.FLAG_RF
    return Stop(vector, error_code, cr2 if vector == 14 else 0, tuple(general), xmm, tuple(pages))


def differences(silicon: Stop, engine: Stop, pages: Sequence[Page]) -> list[str]:
    """Say in words what differs between two stops."""
    found = []
    for name in ("vector", "error_code", "address"):
        a, b = getattr(silicon, name), getattr(engine, name)
        if a != b:
            found.append(f"{name}: silicon {a:#x}, engine {b:#x}")
    for name, a, b in zip((*r.GPR_NAMES, "rip", "rflags"), silicon.general, engine.general, strict=True):
        if a != b:
            found.append(f"{name}: silicon {a:#x}, engine {b:#x}")
    for number in range(16):
        a_bytes, b_bytes = (each.xmm[number * 16 : number * 16 + 16] for each in (silicon, engine))
        if a_bytes != b_bytes:
            found.append(f"xmm{number}: silicon {a_bytes.hex()}, engine {b_bytes.hex()}")
    kept = [page for page in pages if page.protection == "rw"]
    for page, a_page, b_page in zip(kept, silicon.pages, engine.pages, strict=True):
        if a_page != b_page:
            at = [index for index in range(PAGE) if a_page[index] != b_page[index]]
            first, end = at[0], at[-1] + 1
            found.append(
                f"{page.address + first:#x}: silicon {a_page[first:end].hex()}, engine {b_page[first:end].hex()}"
            )
    return found
