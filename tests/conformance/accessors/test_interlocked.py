# SPDX-License-Identifier: GPL-2.0-or-later
"""The interlocked operations against a model, with any values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Returned
from emu.accessors import FAMILY
from emu.address import Gva
from tests.conformance.accessors.arenas import KERNEL_TARGET, USER_TARGET
from tests.conformance.accessors.case import AC, middle
from tests.conformance.accessors.contract import interlocked
from tests.conformance.accessors.suite import KERNEL, LIBRARY_IMAGE, fresh_bench, routines
from tests.conformance.accessors.terms import Given, arguments, width_of

NAMES = tuple(name for name in FAMILY if "Interlocked" in name)
QUADWORD = st.integers(0, (1 << 64) - 1)
VALUE = QUADWORD | st.sampled_from((0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 63, (1 << 64) - 1))


@pytest.mark.parametrize("profile", ["nehalem", "skylake-server", "skylake-server,primitives=kernel"])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(VALUE, VALUE, VALUE, st.integers(0, 3), st.booleans(), st.sampled_from((0, 1)))
def test_any_values(
    profile: str, name: str, before: int, value: int, comperand: int, place: int, is_equal: bool, mode: int
) -> None:
    """The old value is returned, the new one is in memory, and its neighbours are as they were."""
    accessor, machine = FAMILY[name], fresh_bench(profile).machine
    width = width_of(accessor)
    mask = (1 << 8 * width) - 1
    link = KERNEL if name.startswith("Rtl") and "kernel" in profile else LIBRARY_IMAGE
    arena = USER_TARGET if mode or not accessor.takes_mode else KERNEL_TARGET
    target = middle(arena) + place * width
    if is_equal:
        comperand = (comperand & ~mask) | (before & mask)
    neighbours = b"\xa5" * 16
    machine.system.memory.write(Gva(target - 16), neighbours + (before & mask).to_bytes(width, "little") + neighbours)
    call = arguments(accessor, Given(target=target, value=value, comperand=comperand, mode=mode))
    outcome = machine.call_plainly(routines(profile, link).addresses[name], call)
    assert type(outcome) is Returned, outcome
    assert outcome.value & mask == before & mask
    after = interlocked(name, before & mask, value & mask, comperand & mask).to_bytes(width, "little")
    assert machine.system.memory.read(Gva(target - 16), width + 32) == neighbours + after + neighbours
    assert bool(machine.registers["rflags"] & AC) == machine.profile.kernel_entry_ac


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("User")])
@settings(max_examples=25)
@given(QUADWORD, st.lists(st.tuples(VALUE, VALUE | st.none()), min_size=1, max_size=12))
def test_a_sequence_of_operations(name: str, start: int, operations: list[tuple[int, int | None]]) -> None:
    """Each finds what the one before it left; a comperand that is None is what is there."""
    accessor, profile = FAMILY[name], "skylake-server"
    machine = fresh_bench(profile).machine
    width = width_of(accessor)
    mask = (1 << 8 * width) - 1
    target, held = middle(USER_TARGET), start & mask
    machine.system.memory.write(Gva(target), held.to_bytes(width, "little"))
    for value, comperand in operations:
        compared = held if comperand is None else comperand
        call = arguments(accessor, Given(target=target, value=value, comperand=compared))
        outcome = machine.call_plainly(routines(profile, LIBRARY_IMAGE).addresses[name], call)
        assert type(outcome) is Returned, outcome
        assert outcome.value & mask == held
        held = interlocked(name, held, value & mask, compared & mask)
    assert machine.system.memory.read(Gva(target), width) == held.to_bytes(width, "little")
