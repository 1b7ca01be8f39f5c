# SPDX-License-Identifier: GPL-2.0-or-later
"""A fault: a page state, the byte whose page it is put on, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from emu.address import ADDRESS_MASK
from emu.memory.half import STATUS_DEVICE_DATA_ERROR
from emu.memory.page_table import PROTECTIONS

IN_PAGE_ERROR: Final = "in-page-error"

KINDS: Final = ("unmapped", "none", *PROTECTIONS, "guard", "paged-out", IN_PAGE_ERROR)
"""Every kind of fault; each is a page state."""

CONDITIONS: Final = ("access", "insn", "times")
"""When a fault strikes, in the order of the text form."""


class FaultError(ValueError):
    """A fault that cannot be; the message is one line, names what is wrong and what is allowed there."""


@dataclass(frozen=True, slots=True)
class BufferPlace:
    """A byte of a buffer that is named when the fault is injected: `src+37`."""

    buffer: str
    offset: int

    def __str__(self) -> str:
        return f"{self.buffer}+{self.offset}"


@dataclass(frozen=True, slots=True)
class AddressPlace:
    """A byte at an address: `0x1002a000`."""

    address: int

    def __str__(self) -> str:
        return f"{self.address:#x}"


Place: TypeAlias = BufferPlace | AddressPlace


@dataclass(frozen=True, slots=True)
class Fault:
    """A page state for the page that holds a byte.

    `str(fault)` is its canonical text form, which `parse_fault` reads back. Raises `FaultError` for values that
    have none.
    """

    kind: str
    place: Place
    status: int | None = None
    """The NTSTATUS of an in-page error, which has one in any case; None for every other kind."""
    access: int | None = None
    """Strike at the k-th access to the byte, counted from 1."""
    insn: int | None = None
    """Strike after the n-th instruction."""
    times: int | None = None
    """Strike so many times, then no more."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise FaultError(f"unknown kind of fault {self.kind!r}; known: {', '.join(KINDS)}")
        if self.kind == IN_PAGE_ERROR:
            if self.status is None:
                object.__setattr__(self, "status", STATUS_DEVICE_DATA_ERROR)
            elif not 0 <= self.status <= 0xFFFF_FFFF:
                raise FaultError(f"{self.status:#x} is no NTSTATUS; it has 32 bits")
        elif self.status is not None:
            raise FaultError(f"a fault of kind {self.kind!r} has no status; {IN_PAGE_ERROR!r} has one")
        position = self.place.address if isinstance(self.place, AddressPlace) else self.place.offset
        if not 0 <= position <= ADDRESS_MASK:
            raise FaultError(f"place {position} lies outside 64 bits")
        for name in CONDITIONS:
            count = getattr(self, name)
            if count is not None and not 1 <= count <= ADDRESS_MASK:
                raise FaultError(f"{name}={count}: counted from 1")

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions that are set."""
        return tuple(name for name in CONDITIONS if getattr(self, name) is not None)

    def __str__(self) -> str:
        argument = ""
        if self.status is not None and self.status != STATUS_DEVICE_DATA_ERROR:
            argument = f"=0x{self.status:08X}"
        conditions = "".join(f",{name}={getattr(self, name)}" for name in self.conditions)
        return f"{self.kind}{argument}@{self.place}{conditions}"
