# SPDX-License-Identifier: GPL-2.0-or-later
"""A fault: what goes wrong, where, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from emu.address import ADDRESS_MASK
from emu.faults.schedule import ALWAYS, Schedule
from emu.memory.half import STATUS_DEVICE_DATA_ERROR
from emu.memory.page_table import PROTECTIONS

IN_PAGE_ERROR: Final = "in-page-error"
FLIP: Final = "flip"
IRQL: Final = "irql"
SKIP: Final = "skip"
NO_MEMORY: Final = "no-memory"

PAGE_STATES: Final = ("unmapped", "none", *PROTECTIONS, "guard", "paged-out", IN_PAGE_ERROR)
"""The kinds that are page states: of the page that holds a byte."""

PERMITTING: Final = ("rw", "rwx")
"""The page states that fail no read and no write."""

READABLE: Final = ("ro", "rx", *PERMITTING)
"""And those that fail no read."""

KINDS: Final = (*PAGE_STATES, FLIP, IRQL, SKIP, NO_MEMORY)
"""Every kind of fault."""

CONDITIONS: Final = ("access", "insn", "times")
"""When a fault strikes, in the order of the text form; what `Schedule` has comes behind them."""

REGISTERS: Final = (
    *("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
    "rflags",
)
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Of a buffer or a symbol, as the text form has it."""
NAME_RULE: Final = "a name is letters, digits and _, no digit first"

CPU: Final = "cpu"
POOL: Final = "pool"
UNITS: Final = (CPU, POOL, *REGISTERS)
"""Places that are no memory."""

ARGUMENTS: Final = {
    IN_PAGE_ERROR: "an NTSTATUS",
    FLIP: "a mask of bits",
    IRQL: "an IRQL",
}
"""The kinds that take an argument, and what it is."""


class FaultError(ValueError):
    """A fault that cannot be; the message is one line, names what is wrong and what is allowed there."""


@dataclass(frozen=True, slots=True)
class BufferPlace:
    """A byte of a buffer that is named when the fault is injected, or of a symbol: `src+37`, `CopyFromUser+3`."""

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


@dataclass(frozen=True, slots=True)
class UnitPlace:
    """A part of the machine that is no memory: `cpu`, `pool`, `rcx`."""

    name: str

    def __str__(self) -> str:
        return self.name


Place: TypeAlias = BufferPlace | AddressPlace | UnitPlace


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: a page state, bits that flip, an IRQL, an instruction skipped, an allocation that fails.

    `str(fault)` is its canonical text form, which `parse_fault` reads back. Raises `FaultError` for values that
    have none.
    """

    kind: str
    place: Place
    argument: int | None = None
    """The NTSTATUS of an in-page error, which has one in any case; the mask of a flip; the level of an IRQL."""
    access: int | None = None
    """Strike at the k-th access to the byte (of a flip: the k-th read), the k-th allocation, counted from 1."""
    insn: int | None = None
    """Strike after the n-th instruction, before the one that a trace numbers n."""
    times: int | None = None
    """Strike so many times, then no more."""
    schedule: Schedule = ALWAYS

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise FaultError(f"unknown kind of fault {self.kind!r}; known: {', '.join(KINDS)}")
        if self.kind == IN_PAGE_ERROR and self.argument is None:
            object.__setattr__(self, "argument", STATUS_DEVICE_DATA_ERROR)
        for name in CONDITIONS:
            count = getattr(self, name)
            if count is not None and not 1 <= count <= ADDRESS_MASK:
                raise FaultError(f"{name}={count}: counted from 1")
        self._check_place()
        self._check_argument()
        self._check_schedule()
        self._check_conditions()
        if not self.schedule.is_set:
            object.__setattr__(self, "schedule", ALWAYS)

    def _check_place(self) -> None:
        place, kind = self.place, self.kind
        if isinstance(place, UnitPlace):
            allowed = places_of(kind)
            if place.name not in allowed:
                where = ", ".join(allowed) or "NAME+OFFSET or an address"
                raise FaultError(f"{kind}@{place}: the place of {kind!r} is {where}")
            return
        if not takes_memory(kind):
            raise FaultError(f"{kind}@{place}: the place of {kind!r} is {', '.join(places_of(kind))}")
        if isinstance(place, BufferPlace) and not NAME.fullmatch(place.buffer):
            raise FaultError(f"{place.buffer!r} names no buffer and no symbol: {NAME_RULE}")
        position = place.address if isinstance(place, AddressPlace) else place.offset
        if not 0 <= position <= ADDRESS_MASK:
            raise FaultError(f"place {position} lies outside 64 bits")

    def _check_argument(self) -> None:
        argument = self.argument
        if self.kind not in ARGUMENTS:
            if argument is not None:
                takers = " and ".join(repr(kind) for kind in ARGUMENTS)
                raise FaultError(f"a fault of kind {self.kind!r} has no argument; {takers} have one")
            return
        low, high = argument_range(self.kind, self.place)
        if argument is None or not low <= argument <= high:
            given = "nothing" if argument is None else f"{argument:#x}"
            raise FaultError(f"{self.kind}={given}: {ARGUMENTS[self.kind]} here lies between {low} and {high:#x}")

    def _check_schedule(self) -> None:
        for name, value in self.schedule.items():
            if isinstance(value, int):
                low, high = schedule_range(name)
                if not low <= value <= high:
                    raise FaultError(f"{name}={value}: choose {low} to {high:#x}")
            elif not NAME.fullmatch(value):
                raise FaultError(f"{name}={value}: {NAME_RULE}")
        counted = [name for name in ("probability", "interval", "space") if getattr(self.schedule, name) is not None]
        if self.schedule.fail_nth is not None and counted:
            raise FaultError(f"fail-nth= and {counted[0]}= exclude each other: it is one chance and no other")
        if self.schedule.seed is not None and self.schedule.probability is None:
            raise FaultError("seed= without probability= draws nothing")

    def _check_conditions(self) -> None:
        kind, scheduled = self.kind, self.schedule.is_set
        if self.access is not None and self.insn is not None:
            raise FaultError("access= and insn= exclude each other: a fault begins once; give two faults")
        if scheduled and (self.access is not None or self.insn is not None):
            raise FaultError(f"a schedule ({self.schedule.items()[0][0]}=) and access= or insn= exclude each other")
        if kind in PERMITTING and (scheduled or self.times is not None):
            raise FaultError(f"{kind} fails no access, so none is counted: it takes access= or insn=, and nothing else")
        if kind == FLIP and (scheduled or self.times is not None):
            raise FaultError("a flip happens once: it takes access= or insn=, and nothing else")
        if kind in (IRQL, SKIP) or (kind == FLIP and isinstance(self.place, UnitPlace)):
            if self.insn is None or scheduled or self.times is not None:
                raise FaultError(f"{kind}@{self.place} happens behind an instruction: it takes insn=, and nothing else")
        elif kind == NO_MEMORY and self.insn is not None:
            raise FaultError(f"{kind}@{self.place} is asked allocation by allocation; it takes access= or a schedule")

    @property
    def status(self) -> int | None:
        """The NTSTATUS of an in-page error; None for every other kind."""
        return self.argument if self.kind == IN_PAGE_ERROR else None

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions that are set, a schedule's among them."""
        mine = [name for name in CONDITIONS if getattr(self, name) is not None]
        return (*mine, *(name for name, _ in self.schedule.items()))

    @property
    def begins_at_once(self) -> bool:
        """Whether it is there from the start and stays."""
        counted = self.access is None and self.insn is None and self.times is None
        always = self.schedule is ALWAYS or not self.schedule.is_set  # one that was pickled is another ALWAYS
        return counted and always and self.kind != NO_MEMORY

    def __str__(self) -> str:
        argument = ""
        if self.kind == IN_PAGE_ERROR:
            if self.argument != STATUS_DEVICE_DATA_ERROR:
                argument = f"=0x{self.argument:08X}"
        elif self.argument is not None:
            argument = f"={self.argument}" if self.kind == IRQL else f"={self.argument:#x}"
        counts = [(name, getattr(self, name)) for name in CONDITIONS if getattr(self, name) is not None]
        conditions = "".join(f",{name}={value}" for name, value in (*counts, *self.schedule.items()))
        return f"{self.kind}{argument}@{self.place}{conditions}"


def takes_memory(kind: str) -> bool:
    """Tell whether a byte of memory can be the place of a kind of fault."""
    return kind in PAGE_STATES or kind == FLIP


def places_of(kind: str) -> tuple[str, ...]:
    """Return the places of a kind of fault that are no memory."""
    return {FLIP: REGISTERS, IRQL: (CPU,), SKIP: (CPU,), NO_MEMORY: (POOL,)}.get(kind, ())


def argument_range(kind: str, place: Place) -> tuple[int, int]:
    """Return the least and the greatest argument of a kind that takes one, at a place."""
    if kind == IN_PAGE_ERROR:
        return 0, 0xFFFF_FFFF
    if kind == IRQL:
        return 0, 15
    return 1, ADDRESS_MASK if isinstance(place, UnitPlace) else 0xFF


def schedule_range(name: str) -> tuple[int, int]:
    """Return the least and the greatest value of a number in a schedule, by its name in the text form."""
    return {"probability": (0, 100), "space": (0, ADDRESS_MASK), "seed": (0, ADDRESS_MASK)}.get(name, (1, ADDRESS_MASK))
