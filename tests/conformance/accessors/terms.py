# SPDX-License-Identifier: GPL-2.0-or-later
"""What the contract speaks of: what a call is given, what it depends on, and the ways in which it may end."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, NamedTuple, TypeAlias

from emu.accessors import Accessor
from emu.address import PAGE_SIZE

KERNEL_MODE: Final = 0
USER_MODE: Final = 1

DEVICE_FAILED: Final = 0xC000_0185
"""The status of failing page-ins, not the one that is taken by default."""

READ, WRITE = 0, 1


class Kind(Enum):
    """What a routine does, seen from the caller."""

    READ = auto()
    """One value, returned."""
    WRITE = auto()
    """One value, written."""
    COPY = auto()
    MOVE = auto()
    FILL = auto()
    INTERLOCKED = auto()
    STRING_LENGTH = auto()
    FILTER = auto()
    FAST_FAIL = auto()


def kind_of(accessor: Accessor) -> Kind:
    """Classify by the name; a UNICODE_STRING is 16 bytes that are copied."""
    name = accessor.name
    for word, kind in (
        ("ExceptionFilter", Kind.FILTER),
        ("FastFail", Kind.FAST_FAIL),
        ("Interlocked", Kind.INTERLOCKED),
        ("StringLength", Kind.STRING_LENGTH),
        ("Move", Kind.MOVE),
        ("Memory", Kind.FILL),
        ("Copy", Kind.COPY),
        ("Struct", Kind.COPY),
        ("UnicodeString", Kind.COPY),
        ("Read", Kind.READ),
    ):
        if word in name:
            return kind
    return Kind.WRITE


def width_of(accessor: Accessor) -> int:
    """Return how many bytes a typed, interlocked or descriptor access has; 0 where the caller says."""
    return accessor.width or 0


def is_user_mode(mode: int) -> bool:
    """Mode is a CCHAR: its upper bits are no part of it. Any value but KernelMode is UserMode."""
    return mode & 0xFF != KERNEL_MODE


RANGED: Final = frozenset((Kind.COPY, Kind.MOVE, Kind.FILL))
"""Kinds whose length the caller chooses, but for UNICODE_STRING and structures."""


class Given(NamedTuple):
    """What a call is given, by meaning; what a routine has no parameter for is ignored."""

    source: int = 0
    """Where it reads: Source, Address, String or Pointer; the value of a UNICODE_STRING that is written."""
    target: int = 0
    """Where it writes: Destination or Address; the result of a UNICODE_STRING that is read."""
    length: int = 0
    value: int = 0
    """Value, Fill or ExChange."""
    comperand: int = 0
    mode: int = USER_MODE
    alignment: int = 1


def arguments(accessor: Accessor, given: Given) -> tuple[int, ...]:
    """Return the integer arguments in the order of the signature."""
    is_descriptor = "UnicodeString" in accessor.name
    reads = accessor.name.startswith(("Read", "RtlRead"))
    by_name = {
        "Destination": given.target,
        "Source": given.source,
        "String": given.source,
        "Pointer": given.source,
        "Address": given.source if reads or "Read" in accessor.name else given.target,
        "Length": given.length,
        "Size": given.length,
        "Fill": given.value,
        "Value": given.source if is_descriptor else given.value,
        "ExChange": given.value,
        "Comperand": given.comperand,
        "Mode": given.mode,
        "Alignment": given.alignment,
    }
    values = tuple(by_name[parameter.name] for parameter in accessor.parameters)
    # The x64 convention returns a structure of 16 bytes where a hidden first argument says.
    return (given.target, *values) if is_descriptor and reads else values


class Page(NamedTuple):
    """The page whose state the case chose; all others are resident and writable."""

    address: int
    state: str
    """"rw", "ro", "none", "unmapped", "guard", "paged-out" or "in-page-error"."""

    def holds(self, address: int) -> bool:
        return self.address <= address < self.address + PAGE_SIZE

    def overlap(self, address: int, size: int) -> int | None:
        """Return the first byte of a range that lies on it."""
        first = max(address, self.address)
        return first if first < min(address + size, self.address + PAGE_SIZE) else None

    def stops(self, operation: int) -> bool:
        """Tell whether an access does not get through, not even after a page-in."""
        return self.state not in ("rw", "paged-out") and (self.state != "ro" or operation == WRITE)


NO_PAGE: Final = Page(1 << 64, "rw")


class Circumstances(NamedTuple):
    """What the contract depends on besides arguments and memory."""

    smap_enforced: bool = False
    """A plain access to user memory bugchecks."""
    checks_kernel_pointers: bool = False
    """The library is the DBG one."""
    irql: int = 0
    faults_in_kernel_image: bool = False
    """The access is made by the kernel's own primitive."""


class Returns(NamedTuple):
    """A plain return; of `value` only the low `width` bytes are defined, none where it is 0."""

    value: int = 0
    width: int = 0


class Raises(NamedTuple):
    """An exception. `trapped`: the processor's, made of a page fault; else by a check, before the first access."""

    code: int
    operation: int | None = None
    """None: the record has no parameters."""
    lowest: int = 0
    highest: int = 0
    """Between which the fault address may lie."""
    status: tuple[int, ...] = ()
    trapped: bool = False


class Bugchecks(NamedTuple):
    """The machine stops. Parameters that are None are not compared."""

    code: int
    parameters: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)


Ending: TypeAlias = Returns | Raises | Bugchecks


class Landed(NamedTuple):
    """Bytes that a call writes at an address: a prefix of them, no shorter than `least` and no longer than `most`."""

    address: int
    data: bytes
    least: int
    most: int
    in_order: bool = True
    """False: any of the bytes may have landed, as long as no other has."""


class Expected(NamedTuple):
    """What a call must do."""

    ending: Ending
    landed: Landed | None = None
    pages_in: bool = False
    """A page that was paged out comes back; else nothing traps on the way to a return."""
