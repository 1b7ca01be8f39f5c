# SPDX-License-Identifier: GPL-2.0-or-later
"""Every access of rare instructions is recorded as it must be: within a page, across two, and where they fault.

What must be comes from tests/trace/interpreter.py, and from memory as it is at the end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pytest

from emu import Machine, Returned, build_guest
from emu.image import Module
from emu.memory.half import Half
from emu.trace import READ, WRITE, Trace
from emu.trace.layout import AccessFlag
from tests.guest.machines import fresh_machine
from tests.trace.expectation import Model, mismatches
from tests.trace.rare_instructions import FAMILIES, Rare, assembly, function_of

PROFILE: Final = "skylake-server,smap=permit"
PAGE: Final = 0x1000
SIZE: Final = 2 * PAGE
HALVES: Final = ("kernel", "user")
PATTERN: Final = 0x1122_3344_5566_7788
CONTENT: Final = bytes((at * 7 + 3) % 256 for at in range(SIZE))

FAULTS: Final = {
    "resident": (),
    "unmapped": (READ, WRITE),
    "paged-out": (READ, WRITE),
    "ro": (WRITE,),
}
"""Kinds of access that fault on a page in a state."""


class Place(NamedTuple):
    """Where an operand begins in two pages, and the state of one of them."""

    offset: int
    page: int
    state: str


def every_place(rare: Rare) -> Iterator[Place]:
    """Yield an operand that lies within a page, and all that two pages may share in one state or another."""
    yield Place(0x40, 0, "resident")
    yield Place(PAGE + 0x40, 1, "ro")
    for before in sorted({max(each & -rare.alignment, rare.alignment) for each in (1, rare.size // 2, rare.size - 1)}):
        for page, state in ((1, "resident"), (1, "unmapped"), (1, "paged-out"), (1, "ro"), (0, "unmapped")):
            yield Place(PAGE - before, page, state)


def some_places(rare: Rare, number: int) -> Iterator[Place]:
    """Yield an operand that lies within a page, two that two pages share, and one or none that faults."""
    before = max(rare.size // 2 & -rare.alignment, rare.alignment)
    yield Place(0x40, 0, "resident")
    yield Place(PAGE - before, 1, "resident")
    yield Place(PAGE - before, 1, "paged-out")
    page, state, offset = ((1, "unmapped", -before), (0, "unmapped", -before), (1, "ro", -before), (1, "ro", 0x40))[
        number % 4
    ]
    yield Place(PAGE + offset, page, state)


def _set_state(half: Half, page: int, state: str) -> None:
    if state == "unmapped":
        half.unmap(page)
    elif state == "paged-out":
        half.page_out(page)
    elif state == "ro":
        half.protect(page, "ro")


def _begun_writes(trace: Trace) -> set[int]:
    """Return the bytes that writes of instructions that trapped were about to write."""
    table = trace.accesses
    begun = table[(table["kind"] == WRITE) & (table["flags"] & AccessFlag.NOT_PERFORMED != 0)]
    return {int(access["address"]) + at for access in begun for at in range(int(access["size"]))}


class Case(NamedTuple):
    """One instruction in one place."""

    machine: Machine
    module: Module
    function: str
    rare: Rare
    half: Half
    place: Place

    def check(self) -> None:
        """Trace it, and compare the accesses, and the memory that they leave."""
        operand = self.half.alloc(CONTENT)
        # What compares the two finds them equal.
        other = self.machine.kernel.alloc(CONTENT)
        arguments = operand.address + self.place.offset, other.address + self.place.offset, PATTERN
        if self.rare.memory:
            prepared = self.machine.call(self.module[f"{self.function}_memory"], *arguments)
            assert isinstance(prepared, Returned), f"{self}: {prepared}"
        known = {int(buffer): buffer.read() for buffer in (operand, other)}
        page = operand.address + self.place.page * PAGE
        _set_state(self.half, page, self.place.state)
        with self.machine.trace() as trace:
            outcome = self.machine.call(self.module[self.function], *arguments)
        kinds = FAULTS[self.place.state]
        descriptors = self.machine._system.kernel["KiGlobalDescriptorTable"]
        model = Model(descriptors, lambda address, kind: page <= address < page + PAGE and kind in kinds)
        found = list(mismatches(trace, known, model))
        assert not found, "\n".join((str(self), *found))
        # On a page that is paged out a stack is a double fault.
        if self.place.state == "resident":
            assert isinstance(outcome, Returned), f"{self}: {outcome}"
        self._check_memory(trace, model, known, [operand.read, other.read])

    def _check_memory(
        self, trace: Trace, model: Model, known: dict[int, bytes], read: list[Callable[[], bytes]]
    ) -> None:
        """An instruction that trapped may leave a part of what it was to write (docs/explanation/limits.md)."""
        begun = _begun_writes(trace)
        for (base, before), now in zip(known.items(), (each() for each in read), strict=True):
            expected = bytes(model.memory.get(base + at, byte) for at, byte in enumerate(before))
            differs = np.flatnonzero(np.frombuffer(expected, np.uint8) != np.frombuffer(now, np.uint8))
            assert all(base + at in begun for at in differs.tolist()), f"{self}: memory +{differs[0]:#x}"

    def __str__(self) -> str:
        half = "user" if self.half is self.machine.user else "kernel"
        return f"{self.rare.registers}; {self.rare.text}: {half} +{self.place.offset:#x}, {self.place.state}"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return what builds the instructions of a family."""

    @functools.cache
    def build(family: str) -> Path:
        source = tmp_path_factory.mktemp(family) / f"{family}.S"
        source.write_text(assembly(family), encoding="utf-8")
        return build_guest([source])

    return build


def check(family: str, image: Path, number: int, half: str, place: Place) -> None:
    """Check an instruction of a family on a machine as it is after boot."""
    machine = fresh_machine(PROFILE)
    module = machine.load(image)
    rare = FAMILIES[family][number]
    Case(machine, module, function_of(family, number), rare, getattr(machine, half), place).check()


@pytest.mark.parametrize("family", FAMILIES)
def test_rare_instructions(family: str, image: Callable[[str], Path]) -> None:
    for number, rare in enumerate(FAMILIES[family]):
        for index, place in enumerate(some_places(rare, number)):
            check(family, image(family), number, HALVES[(number + index) % 2], place)


@pytest.mark.sweep
@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("family", FAMILIES)
def test_rare_instructions_everywhere(family: str, half: str, image: Callable[[str], Path]) -> None:
    for number, rare in enumerate(FAMILIES[family]):
        for place in every_place(rare):
            check(family, image(family), number, half, place)
