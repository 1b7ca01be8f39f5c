# SPDX-License-Identifier: GPL-2.0-or-later
"""No check finds anything in the accessor family: called as it is to be, on every profile, faults and all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from emu import Machine, Profile
from emu.accessors import FAMILY, Accessor
from emu.memory.buffer import Buffer
from emu.profile import CPU_MODELS, PRIMITIVES, SMAP_POLICIES

ROUTINES = [
    each for each in FAMILY.values() if each.kind == "function" and each.name != "RtlFastFailIfUserPointer"
]  # fmt: skip
LENGTH = 100
SIZE = 256


def profiles() -> Iterator[str]:
    """Give every CPU model as it is by default, and every policy on the one that is the default."""
    yield from (str(Profile(cpu)) for cpu in CPU_MODELS)
    for smap, primitives in itertools.product(SMAP_POLICIES, PRIMITIVES):
        yield str(Profile(smap=smap, primitives=primitives))


@pytest.fixture(scope="module", params=list(dict.fromkeys(profiles())))
def checked(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with Machine(request.param, checks="default") as machine:
        yield machine


def arguments(machine: Machine, accessor: Accessor, mode: int, *, faults: bool) -> list[int | Buffer]:
    """Return what an accessor is called with; the user's memory is not there where it is to fault."""
    given: list[int | Buffer] = []
    if accessor.width == 16 and accessor.name.startswith("Read"):
        given.append(machine.kernel.alloc(16, name="result"))
    for parameter in accessor.parameters:
        if parameter.side == "value":
            numbers = {"Length": LENGTH, "Size": LENGTH, "Mode": mode, "Alignment": 1}
            value: int | Buffer = numbers.get(parameter.name, 0x41)
            if parameter.name == "Value" and accessor.width == 16:
                value = machine.kernel.alloc(16, name="value")
            given.append(value)
            continue
        is_user = parameter.side == "user" or (parameter.side == "mode" and mode != 0)
        half = machine.user if is_user else machine.kernel
        buffer = half.alloc(b"text" * (SIZE // 4 - 1) + bytes(4), name=parameter.name)
        if faults and is_user:
            machine.user.protect(buffer, "none")
        given.append(buffer)
    return given


@pytest.mark.parametrize("faults", [False, True], ids=["there", "faults"])
@pytest.mark.parametrize("mode", [1, 0], ids=["user", "kernel"])
def test_nothing_is_found(checked: Machine, mode: int, faults: bool) -> None:
    wrong = []
    for accessor in ROUTINES:
        if mode == 0 and not accessor.takes_mode:
            continue
        checked.reset()
        outcome = checked.call(accessor.name, *arguments(checked, accessor, mode, faults=faults))
        wrong += [f"{accessor.name}: {outcome.headline}: {finding}" for finding in checked.findings]
    assert not wrong, "\n".join(wrong)
