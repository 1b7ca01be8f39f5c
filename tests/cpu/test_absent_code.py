# SPDX-License-Identifier: GPL-2.0-or-later
"""Code that runs on into a page that has none: what lies before it is executed (native/absent_code.c)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.trap import ERROR_FETCH, ERROR_USER, Trap, Vector
from emu.memory import page_table as pt
from tests.cpu.guest import ABSENT, CODE, CODE_END, USER_CODE, Guest

INCREMENTS = {2: "ffc0", 3: "48ffc0", 4: "4883c001", 6: "480501000000", 7: "488d8001000000"}
"""Of so many bytes, each adds 1 to RAX."""
LONGEST = "64678184c07f00000000000000"
FAULT = Trap(Vector.PAGE_FAULT, ERROR_FETCH, CODE_END, CODE_END)


@pytest.fixture(scope="module")
def guest() -> Guest:
    return Guest()


def run_to_end(guest: Guest, code: str, missing: int = 0, **registers: int) -> Trap:
    """Run code that ends with the page; so many of its bytes are behind it, and not there."""
    written = bytes.fromhex(code)[: len(bytes.fromhex(code)) - missing]
    at = CODE_END - len(written)
    guest.load(written.hex(), at)
    return guest.start(at, **{"rax": 0, **registers})


@given(st.lists(st.sampled_from(sorted(INCREMENTS)), min_size=1, max_size=400), st.data())
def test_what_is_there_is_executed(guest: Guest, sizes: Sequence[int], data: st.DataObject) -> None:
    missing = data.draw(st.integers(0, sizes[-1] - 1))
    trap = run_to_end(guest, "".join(INCREMENTS[size] for size in sizes), missing)
    whole = len(sizes) - (missing > 0)
    at = Gva(CODE_END - (sizes[-1] - missing) if missing else CODE_END)
    assert trap == Trap(Vector.PAGE_FAULT, ERROR_FETCH, CODE_END, at)
    assert guest.cpu.registers[r.RAX] == whole
    assert guest.cpu.registers[r.RIP] == at


def test_blocks_are_counted_as_they_ran(guest: Guest) -> None:
    run_to_end(guest, "ffc0" * 8 + "eb00" + "ffc0" * 8, budget=10)
    assert guest.cpu.registers[r.BUDGET] == 8
    assert run_to_end(guest, "ffc0" * 8 + "eb00" + "ffc0" * 8, budget=1).vector == Vector.BUDGET_EXHAUSTED
    assert guest.cpu.registers[r.RAX] == 8


@pytest.mark.parametrize("missing", [1, 7, 12])
def test_a_long_instruction_that_lies_across(guest: Guest, missing: int) -> None:
    trap = run_to_end(guest, "ffc0" + LONGEST, missing)
    assert (trap.address, trap.rip) == (CODE_END, CODE_END - (13 - missing))
    assert guest.cpu.registers[r.RAX] == 1


def test_an_instruction_alone_that_lies_across(guest: Guest) -> None:
    assert run_to_end(guest, "ffc0", 1) == Trap(Vector.PAGE_FAULT, ERROR_FETCH, CODE_END, Gva(CODE_END - 1))


def test_a_trap_before_the_page_comes_first(guest: Guest) -> None:
    trap = run_to_end(guest, "ffc0 8b0b ffc0", rbx=ABSENT)
    assert (trap.vector, trap.address, trap.rip) == (Vector.PAGE_FAULT, ABSENT, CODE_END - 4)
    assert guest.cpu.registers[r.RAX] == 1
    assert run_to_end(guest, "ffc0 cc 90 ffc0").vector == Vector.BREAKPOINT


def test_the_code_goes_on_once_the_page_is_there() -> None:
    """No translation is left that ends at the border."""
    guest = Guest()
    assert run_to_end(guest, "ffc0" * 3) == FAULT
    guest.memory.map_page(CODE_END, user=False, protection=pt.PROTECTIONS["rx"])
    guest.load("ffc0f4", CODE_END)
    for _ in range(2):
        assert guest.start(CODE_END - 6, rax=0).vector == Vector.HOST_CALL
        assert guest.cpu.registers[r.RAX] == 4


def test_no_code_at_the_target_of_a_jump_is_the_same_as_ever(guest: Guest) -> None:
    trap = guest.run("ff e3", rbx=ABSENT + 0x123)
    assert trap == Trap(Vector.PAGE_FAULT, ERROR_FETCH, Gva(ABSENT + 0x123), Gva(ABSENT + 0x123))


def test_in_user_mode() -> None:
    guest = Guest()
    guest.load("ffc0" * 5, USER_CODE + 0x1000 - 10)
    guest.enter_user_mode(USER_CODE + 0x1000 - 10)
    assert guest.go_on(100) == Trap(
        Vector.PAGE_FAULT, ERROR_FETCH | ERROR_USER, Gva(USER_CODE + 0x1000), Gva(USER_CODE + 0x1000)
    )


def test_exact_stops_are_made_on_the_way() -> None:
    guest = Guest()
    guest.cpu.stop_in([(Gva(CODE_END - 6), Gva(CODE_END - 2))])
    found = [run_to_end(guest, "ffc0" * 6)]
    while found[-1].vector == Vector.EXACT_STOP:
        found.append(guest.cpu.run())
    assert [trap.rip for trap in found] == [CODE_END - 6, CODE_END - 4, CODE_END]
    assert found[-1] == FAULT
    assert guest.cpu.registers[r.RAX] == 6


def test_all_registers_are_those_of_the_end(guest: Guest) -> None:
    run_to_end(guest, "660f6ec0 ffc0 660f6ec8", rax=6)
    assert [int.from_bytes(guest.cpu.xmm[at : at + 16], "little") for at in (0, 16)] == [6, 7]
    assert CODE < guest.cpu.registers[r.CR2] == CODE_END
