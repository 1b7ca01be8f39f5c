# SPDX-License-Identifier: GPL-2.0-or-later
"""Back traces of compiled code."""

import pytest

from emu import Machine
from emu.address import Gva
from emu.kernel.explanation import Explanation
from emu.testing.guest import Guest
from tests.kernel.exports.calls import at_page_end, value_of

MOST = 16


@pytest.fixture(params=["0", "2"])
def program(request: pytest.FixtureRequest, machine: Machine, guest: Guest) -> Machine:
    machine.load(guest.build("sources/back_trace.c", optimize=request.param))
    return machine


def trace(program: Machine, skip: int, count: int, depth: int) -> tuple[list[int], int]:
    """Return the addresses that a back trace `depth` calls deep has, and its hash."""
    found, total = at_page_end(program, bytes(8 * count)), program.kernel.alloc(8)
    captured = value_of(program, "capture", skip, count, found, total, depth)
    data = found.read()
    addresses = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
    assert not any(addresses[captured:])
    return addresses[:captured], int.from_bytes(total.read(), "little")


def names(program: Machine, addresses: list[int]) -> list[str]:
    explanation = Explanation(program._system)
    return [explanation.function_name(Gva(address)).rpartition("!")[2] for address in addresses]


def test_every_caller_is_in_it(program: Machine) -> None:
    addresses, total = trace(program, 0, MOST, 3)
    assert names(program, addresses) == ["deepest", *["nested"] * 3, "capture", "KiGuardedCall"]
    assert total == sum(addresses) & 0xFFFF_FFFF


@pytest.mark.parametrize(("skip", "count"), [(0, 1), (1, 2), (2, MOST), (5, 1), (6, 1), (99, 4), (0, 0)])
def test_a_part_of_it(program: Machine, skip: int, count: int) -> None:
    whole, _ = trace(program, 0, MOST, 3)
    part, total = trace(program, skip, count, 3)
    assert part == whole[skip : skip + count]
    assert total == sum(part) & 0xFFFF_FFFF


def test_no_hash_is_asked_for(machine: Machine) -> None:
    found = machine.kernel.alloc(8)
    assert value_of(machine, "RtlCaptureStackBackTrace", 0, 1, found, 0) == 1
    assert int.from_bytes(found.read(), "little") == machine.resolve("KiGuardedCallReturned")
