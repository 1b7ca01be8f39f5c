# SPDX-License-Identifier: GPL-2.0-or-later
"""One call of the conformance suite, and what the calls of a name are made from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from emu.accessors import FAMILY, Accessor
from emu.address import PAGE_SIZE
from tests.conformance.accessors.arenas import (
    KERNEL_SOURCE,
    KERNEL_TARGET,
    USER_SOURCE,
    USER_TARGET,
    Arena,
    Patch,
)
from tests.conformance.accessors.terms import NO_PAGE, RANGED, Given, Kind, Page, kind_of, width_of

CLAUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "success": "resident memory, every kind of length and alignment",
        "first byte": "the first byte lies on a page of each state, or at null",
        "middle byte": "a byte in the middle does",
        "last byte": "the last byte does; of a string, its terminator, or the page behind it",
        "kernel address": "a kernel or non-canonical address as user address",
        "limit": "at MmUserProbeAddress, across it, and right below it",
        "wrap": "a range that wraps around the address space",
        "misaligned": "misaligned, and across a page boundary",
        "kernel mode": "KernelMode: kernel memory in every state, and a user pointer",
        "length 0": "no bytes, whatever the pointers",
        "IRQL": "APC_LEVEL and above it, the page resident, absent and paged out",
        "upper bits": "narrow arguments with garbage above them, and each Mode that is not KernelMode",
        "kernel side": "the kernel's own buffer paged out",
        "flags": "called with AC, with DF, and with both",
    }
)
"""The columns of the table."""

STATES: Final = ("rw", "ro", "none", "unmapped", "guard", "in-page-error", "paged-out")
"""Every state of a page."""
KERNEL_STATES: Final = ("rw", "ro", "none", "unmapped", "in-page-error", "paged-out")

STRUCT_SIZES: Final = (1, 8, 24, 100)
"""Of the structures that guest/macros.c has."""

LENGTHS: Final = (1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 130, 511, 512, 600, PAGE_SIZE + 100)
FAULTING_LENGTHS: Final = (1, 2, 16, 64, 100, 600)
VALUES: Final = {1: 0x9D, 2: 0x9D41, 4: 0x9D41_E2F7, 8: 0x9D41_E2F7_30C8_5B16}
"""Values to write, by width: no two bytes are the same."""
FILL: Final = 0xFD
"""No pattern of an arena has it."""

AC: Final = 1 << 18
DF: Final = 1 << 10
FLAGS: Final = (0, AC, DF, AC | DF)


class Case(NamedTuple):
    """One call."""

    name: str
    clause: str
    detail: str
    given: Given
    page: Page = NO_PAGE
    patches: tuple[Patch, ...] = ()
    irql: int = 0
    flags: int | None = None
    """AC and DF that the caller has; None: as the kernel enters drivers."""

    @property
    def symbol(self) -> str:
        """The routine to call: guest/macros.c has one for each size of a structure."""
        is_struct_macro = "Struct" in self.name and FAMILY[self.name].kind == "macro"
        return f"{self.name}_{self.given.length}" if is_struct_macro else self.name

    def __str__(self) -> str:
        return f"{self.name}, {self.clause}: {self.detail}"


def middle(arena: Arena) -> int:
    """Return an address from which much fits before the boundary."""
    return arena.base + 0x800


class Shape(NamedTuple):
    """What a routine accesses where, with UserMode."""

    accessor: Accessor
    kind: Kind
    lengths: tuple[int, ...]
    """For successes."""
    faulting: tuple[int, ...]
    sources: Arena | None
    """Where it reads; None: nowhere."""
    targets: Arena | None
    user_reads: bool
    """Its source is checked to be user memory."""
    user_writes: bool
    is_ranged: bool
    """The caller gives a length."""
    character: int
    """Bytes of a character, of a string."""

    @property
    def user_arenas(self) -> tuple[Arena, ...]:
        """Where its user sides lie."""
        both = (self.sources if self.user_reads else None, self.targets if self.user_writes else None)
        return tuple(arena for arena in both if arena is not None)

    @property
    def width(self) -> int:
        """Bytes of a typed access, 0 for others."""
        return width_of(self.accessor)

    def given(self, length: int, arena: Arena | None = None, address: int = 0) -> Given:
        """Return what a call of a length is given, one side of it at an address, else in the middle of its arena."""
        given = Given(
            source=middle(self.sources) if self.sources else 0,
            target=middle(self.targets) if self.targets else 0,
            length=length,
            value=VALUES.get(self.width, FILL),
        )
        if arena is None:
            return given
        return given._replace(source=address) if arena is self.sources else given._replace(target=address)

    def case(self, clause: str, detail: str, given: Given, page: Page = NO_PAGE) -> Case:
        """Make a case."""
        return Case(self.accessor.name, clause, detail, given, page)

    def with_mode_side(self, user: Arena, kernel: Arena) -> Shape:
        """Return the shape with the side that Mode is about in another arena."""
        if self.targets is user:
            return self._replace(targets=kernel)
        return self._replace(sources=kernel)


def shape_of(accessor: Accessor) -> Shape:
    """Tell what a routine accesses where with UserMode."""
    kind, width = kind_of(accessor), width_of(accessor)
    sides = {parameter.name: parameter.side for parameter in accessor.parameters}
    user_reads = sides.get("Source", sides.get("String", sides.get("Address"))) in ("user", "mode")
    user_writes = sides.get("Destination", sides.get("Address")) in ("user", "mode")
    reads = kind in (Kind.READ, Kind.COPY, Kind.MOVE, Kind.STRING_LENGTH)
    writes = kind in (Kind.WRITE, Kind.COPY, Kind.MOVE, Kind.FILL, Kind.INTERLOCKED)
    is_struct_macro = "Struct" in accessor.name and accessor.kind == "macro"
    fixed = (width,) if width else STRUCT_SIZES if is_struct_macro else ()
    return Shape(
        accessor,
        kind,
        fixed or LENGTHS,
        fixed or FAULTING_LENGTHS,
        (USER_SOURCE if user_reads else KERNEL_SOURCE) if reads else None,
        (USER_TARGET if user_writes else KERNEL_TARGET) if writes else None,
        reads and user_reads,
        writes and user_writes,
        kind in RANGED and not fixed,
        (2 if "Wide" in accessor.name else 1) if kind is Kind.STRING_LENGTH else 0,
    )
