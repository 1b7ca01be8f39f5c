# SPDX-License-Identifier: GPL-2.0-or-later
"""Which `__try` blocks an address lies in, of compiled C."""

import pytest

from emu import Machine
from emu.address import Gva
from emu.events import FrameSearched, Landed
from emu.kernel.explanation import Explanation
from emu.kernel.scopes import TryBlock, is_except_block, try_blocks
from emu.testing.guest import Guest


@pytest.fixture
def program(machine: Machine, guest: Guest) -> Machine:
    machine.load(guest.build("sources/refusals.c"))
    return machine


def blocks_of(machine: Machine, routine: str) -> tuple[TryBlock, ...] | None:
    """Return the blocks around the place in a routine from which an exception comes."""
    machine.call(routine, 0x10)
    module = machine._system.modules.find(machine.resolve(routine))
    assert module is not None
    begin = module.lookup(machine.resolve(routine))
    for event in machine.events:
        if isinstance(event, FrameSearched) and module.lookup(event.pc) == begin and event.handler is not None:
            return try_blocks(module, event.pc, event.handler.__eq__)
    raise AssertionError(f"{routine} was not searched")


def test_the_innermost_is_the_first(program: Machine) -> None:
    blocks = blocks_of(program, "nested")
    assert blocks is not None
    assert [(block.is_finally, block.filter is not None) for block in blocks] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    module = program._system.modules.find(program.resolve("nested"))
    assert module is not None
    assert all(module.module.contains(block.target) for block in blocks)


def test_an_address_outside_of_every_block(program: Machine) -> None:
    assert blocks_of(program, "outside") == ()


def test_a_handler_without_a_scope_table(program: Machine) -> None:
    module = program._system.modules.find(program.resolve("nested"))
    assert module is not None
    assert try_blocks(module, program.resolve("nested"), lambda handler: False) is None
    assert try_blocks(module, program.resolve("touch"), lambda handler: True) is None, "no handler"
    assert try_blocks(module, Gva(module.base), lambda handler: True) is None, "no function"


class TestExceptBlock:
    def test_where_an_exception_lands(self, program: Machine) -> None:
        program.call("nested", 0x10)
        landed = next(event for event in program.events if isinstance(event, Landed))
        module = program._system.modules.find(landed.address)
        assert module is not None

        def begins_at(address: int) -> bool:
            return is_except_block(module, Gva(address), lambda handler: True)

        assert begins_at(landed.address)
        assert Explanation(program._system).is_except_block(landed.address)
        assert not begins_at(landed.address + 1)
        assert not begins_at(program.resolve("touch")), "no handler"
        assert not begins_at(module.base), "no function"

    def test_a_handler_that_lands_elsewhere(self, machine: Machine, guest: Guest) -> None:
        machine.load(guest.build("exports/sources/own_handler.c", "exports/sources/own_handler.S"))
        outcome = machine.call("own_frame", 0x10)
        landed = next(event for event in machine.events if isinstance(event, Landed))
        assert not Explanation(machine._system).is_except_block(landed.address)
        assert "landed  at own_handler!own_frame+" in str(outcome.dispatch)
