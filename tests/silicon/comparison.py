# SPDX-License-Identifier: GPL-2.0-or-later
"""One batch on silicon and on the engine, compared stop by stop, to the bit."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final, NamedTuple

import capstone
from capstone import x86 as cs

from emu.cpu import registers as r
from emu.cpu.instruction import MAXIMUM_LENGTH
from emu.cpu.trap import Vector
from tests.silicon.emulated import Emulated
from tests.silicon.native import run_natively
from tests.silicon.world import PAGE, Case, Page, Stop, differences

_NUMBERS: Final = {getattr(cs, f"X86_REG_{name.upper()}"): number for number, name in enumerate(r.GPR_NAMES)}
_HALF: Final = 8
_BATCH: Final = 2000
"""Cases that a process runs; each stop takes up to 16 KiB."""


def compare(pages: Sequence[Page], cases: Sequence[Case]) -> list[Stop]:
    """Run cases both ways, fail where two stops differ otherwise than is known, and return silicon's, without pages.

    What is known: 16 bytes that straddle into a page where they cannot go (`as_on_the_engine`).
    """
    stops = []
    emulated = _emulated(tuple(pages))
    for first in range(0, len(cases), _BATCH):
        batch = cases[first : first + _BATCH]
        for case, stop in zip(batch, run_natively(pages, batch), strict=True):
            found = emulated.run(case)
            if found != stop and found != (expected := as_on_the_engine(stop, pages)):
                lines = "\n".join(f"  {line}" for line in differences(expected, found, pages))
                raise AssertionError(f"{case.label}:\n{lines}")
            stops.append(stop._replace(pages=()))
    return stops


@functools.lru_cache(maxsize=4)
def _emulated(pages: tuple[Page, ...]) -> Emulated:
    return Emulated(pages)


def as_on_the_engine(stop: Stop, pages: Sequence[Page]) -> Stop:
    """Return what the engine makes of a 16-byte move that silicon stopped at its second page.

    It moves two halves: where the first one lies in front of the page, a store has written it and a load has read it.
    Of any other stop it makes the same.
    """
    found = straddling_move(stop, pages)
    if found is None or found.address + _HALF > stop.address:
        return stop
    address, register, is_store = found
    kept = [page for page in pages if page.protection == "rw"]
    number = next((number for number, page in enumerate(kept) if page.address <= address < page.address + PAGE), None)
    begin = address % PAGE
    if is_store:
        assert number is not None
        page = bytearray(stop.pages[number])
        page[begin : begin + _HALF] = stop.xmm[register * 16 : register * 16 + _HALF]
        contents = (*stop.pages[:number], bytes(page), *stop.pages[number + 1 :])
        return stop._replace(pages=contents)
    content = stop.pages[number] if number is not None else _content(pages, address)
    xmm = bytearray(stop.xmm)
    xmm[register * 16 : register * 16 + _HALF] = content[begin : begin + _HALF]
    return stop._replace(xmm=bytes(xmm))


class Move(NamedTuple):
    """A 16-byte move between memory and an XMM register."""

    address: int
    register: int
    is_store: bool


def straddling_move(stop: Stop, pages: Sequence[Page]) -> Move | None:
    """Return the 16-byte move that a page fault on its second page stopped."""
    rip = stop.general[r.RIP]
    if stop.vector != Vector.PAGE_FAULT or not stop.address or stop.address % PAGE:
        return None
    code = _content(pages, rip) + _content(pages, rip + PAGE)  # which may go on in the next page
    found = _decode(code[rip % PAGE : rip % PAGE + MAXIMUM_LENGTH])
    if found is None or found.mnemonic not in ("movdqu", "movups", "movupd", "lddqu"):
        return None
    is_store = found.operands[0].type == cs.X86_OP_MEM
    memory, register = found.operands if is_store else reversed(found.operands)
    base, index = (stop.general[_NUMBERS[each]] if each else 0 for each in (memory.mem.base, memory.mem.index))
    address = base + index * memory.mem.scale + memory.mem.disp
    if not address < stop.address < address + 16:
        return None
    return Move(address, register.reg - cs.X86_REG_XMM0, is_store)


@functools.cache
def _decode(code: bytes) -> capstone.CsInsn | None:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    decoder.detail = True
    return next(decoder.disasm(code, 0, 1), None)


def _content(pages: Sequence[Page], address: int) -> bytes:
    """Return what a page holds; nothing where there is none."""
    return next((page.content for page in pages if page.address == address & -PAGE), b"")
