# SPDX-License-Identifier: GPL-2.0-or-later
"""Accesses of every accessor fail in turn: the fault is that access's, and a page-in changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emu import Machine
from emu.accessors import FAMILY
from emu.address import PAGE_SIZE
from emu.outcome import Outcome
from tests.conformance.accessors.access_cases import mode_side
from tests.conformance.accessors.arenas import Arena
from tests.conformance.accessors.case import shape_of
from tests.conformance.accessors.string_cases import text
from tests.conformance.accessors.terms import KERNEL_MODE, USER_MODE, Given, Kind, arguments
from tests.faults.failing_accesses import BUDGET, Setup, check

FUNCTIONS = [name for name, accessor in FAMILY.items() if accessor.kind == "function"]
MODES = [name for name in FUNCTIONS if FAMILY[name].takes_mode]
LENGTH = 37
PROFILES = ("skylake-server", "nehalem", "epyc-rome,smap=permit,primitives=kernel", "skylake-server,primitives=kernel")
SOME = 6
"""Accesses of a call that are tried where not all are."""


def calling(name: str, mode: int = USER_MODE, length: int = LENGTH) -> Setup:
    """A call that succeeds, its objects across a page boundary where the routine allows it."""
    shape = shape_of(FAMILY[name])
    if mode == KERNEL_MODE and shape.accessor.user_parameters:
        shape = shape.with_mode_side(*mode_side(shape))
    size = shape.width or length
    offset = PAGE_SIZE - (size if shape.kind is Kind.INTERLOCKED else -(-size // 2))

    def allocate(machine: Machine, arena: Arena | None, content: bytes) -> int:
        if arena is None:
            return 0
        half = machine.user if arena.is_user else machine.kernel
        return half.alloc(content, offset=offset).address

    def prepare(machine: Machine) -> Callable[[], Outcome]:
        content = text(size, shape.character) + bytes(shape.character) if shape.character else text(size, 1)
        source = allocate(machine, shape.sources, content)
        target = allocate(machine, shape.targets, bytes(size))
        given = Given(source or 1 << 63, target, size, value=shape.given(size).value, mode=mode)
        call = arguments(FAMILY[name], given)
        return lambda: machine.call(name, *call, budget=BUDGET)

    return prepare


@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_a_user_form(name: str) -> None:
    """With UserMode; on one profile after the other, so that each family is on all of them."""
    check(PROFILES[FUNCTIONS.index(name) % len(PROFILES)], calling(name), SOME)


@pytest.mark.parametrize("name", MODES)
def test_of_kernel_mode(name: str) -> None:
    """With KernelMode: kernel memory comes back in the same way; what does not is a bugcheck."""
    check(PROFILES[MODES.index(name) % len(PROFILES)], calling(name, KERNEL_MODE), SOME)


@pytest.mark.sweep
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_all(name: str, profile: str) -> None:
    """Every access, on every profile, at a length that takes the wide way too."""
    check(profile, calling(name), 10_000)
    if shape_of(FAMILY[name]).is_ranged:
        check(profile, calling(name, length=600), 10_000)
    if FAMILY[name].takes_mode:
        check(profile, calling(name, KERNEL_MODE), 10_000)
