# SPDX-License-Identifier: GPL-2.0-or-later
"""`decide` as a table: every row of the policy of facts/seh.md, "Fault policy, kernel mode"."""

from collections.abc import Callable

import pytest

from emu.address import Gva
from emu.cpu.registers import FLAG_AC, FLAG_IF
from emu.cpu.trap import ERROR_FETCH, ERROR_PRESENT, ERROR_RESERVED_BIT, ERROR_WRITE, Trap, Vector
from emu.kernel.page_fault import Circumstances, Decision, PageIn, RaiseException, StopMachine, decide, operation
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.page_table import PageState
from emu.memory.ram import Ram
from emu.nt.bugcheck import BugCheck
from emu.nt.status import NtStatus

USER, KERNEL = Gva(0x1000_0000), Gva(0xFFFF_A000_0000_0000)
NEVER_USER, NEVER_KERNEL = Gva(0x7FFF_0000_0000), Gva(0xFFFF_8000_0000_0000)
RIP = Gva(0xFFFF_F800_0000_1234)
IN_PAGE_STATUS = 0xC000_009D

READ, WRITE, FETCH = 0, ERROR_WRITE, ERROR_FETCH
ABSENT = (PageState.UNMAPPED, PageState.NONE, PageState.GUARD, PageState.PAGED_OUT, PageState.IN_PAGE_ERROR)

Ask = Callable[..., Decision]


@pytest.fixture
def memory() -> AddressSpace:
    memory = AddressSpace(Ram(1 << 20), lambda: None)
    memory.map_page(USER, user=True, protection=pt.PROTECTIONS["rw"])
    memory.map_page(KERNEL, user=False, protection=pt.PROTECTIONS["rw"])
    return memory


@pytest.fixture
def ask(memory: AddressSpace) -> Ask:
    def ask(
        address: Gva,
        error_code: int,
        state: PageState | None = None,
        *,
        irql: int = 0,
        rflags: int = FLAG_IF,
        smap: bool = True,
        in_driver: bool = True,
    ) -> Decision:
        if state is not None:
            memory.set_state(address, state, IN_PAGE_STATUS)
        trap = Trap(Vector.PAGE_FAULT, error_code, address, RIP)
        return decide(trap, memory, Circumstances(irql, rflags, smap, in_driver))

    return ask


@pytest.mark.parametrize(
    ("error_code", "expected"), [(0, 0), (1, 0), (2, 1), (3, 1), (0x10, 8), (0x11, 8), (0x12, 8), (8, 0)]
)
def test_operation(error_code: int, expected: int) -> None:
    assert operation(error_code) == expected


@pytest.mark.parametrize("irql", [0, 1])
@pytest.mark.parametrize(("access", "number"), [(READ, 0), (WRITE, 1), (FETCH, 8)])
class TestUserAddress:
    def test_absent(self, ask: Ask, access: int, number: int, irql: int) -> None:
        for state in (PageState.UNMAPPED, PageState.NONE):
            decision = ask(USER + 5, access, state, irql=irql)
            assert decision == RaiseException(NtStatus.ACCESS_VIOLATION, (number, USER + 5))
        assert ask(NEVER_USER, access, irql=irql) == RaiseException(NtStatus.ACCESS_VIOLATION, (number, NEVER_USER))
        assert ask(Gva(0), access, irql=irql) == RaiseException(NtStatus.ACCESS_VIOLATION, (number, 0))

    def test_guard(self, ask: Ask, access: int, number: int, irql: int) -> None:
        decision = ask(USER, access, PageState.GUARD, irql=irql)
        assert decision == RaiseException(NtStatus.GUARD_PAGE_VIOLATION, (number, USER), disarm=True)

    def test_in_page_error(self, ask: Ask, access: int, number: int, irql: int) -> None:
        decision = ask(USER, access, PageState.IN_PAGE_ERROR, irql=irql)
        assert decision == RaiseException(NtStatus.IN_PAGE_ERROR, (number, USER, IN_PAGE_STATUS))

    def test_paged_out(self, ask: Ask, access: int, number: int, irql: int) -> None:
        assert ask(USER, access, PageState.PAGED_OUT, irql=irql) == PageIn()


@pytest.mark.parametrize("rflags", [FLAG_IF | FLAG_AC, FLAG_IF])
def test_write_to_a_read_only_user_page(ask: Ask, rflags: int) -> None:
    decision = ask(USER, ERROR_WRITE | ERROR_PRESENT, rflags=rflags, smap=bool(rflags & FLAG_AC))
    assert decision == RaiseException(NtStatus.ACCESS_VIOLATION, (1, USER))


@pytest.mark.parametrize("irql", [0, 1])
class TestKernelAddress:
    @pytest.mark.parametrize(("access", "number"), [(READ, 0), (WRITE, 2), (FETCH, 0x10)])
    def test_absent(self, ask: Ask, access: int, number: int, irql: int) -> None:
        for state in (PageState.UNMAPPED, PageState.NONE, PageState.GUARD):
            decision = ask(KERNEL + 9, access, state, irql=irql)
            assert decision == StopMachine(BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (KERNEL + 9, number, RIP, 0))
        decision = ask(NEVER_KERNEL, access, irql=irql)
        assert decision == StopMachine(BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (NEVER_KERNEL, number, RIP, 2))

    def test_paged_out(self, ask: Ask, irql: int) -> None:
        assert ask(KERNEL, READ, PageState.PAGED_OUT, irql=irql) == PageIn()

    def test_in_page_error(self, ask: Ask, memory: AddressSpace, irql: int) -> None:
        decision = ask(KERNEL + 3, READ, PageState.IN_PAGE_ERROR, irql=irql)
        assert decision == StopMachine(
            BugCheck.KERNEL_DATA_INPAGE_ERROR,
            (memory.entry_address(KERNEL), IN_PAGE_STATUS, memory.entry(KERNEL), KERNEL + 3),
        )


@pytest.mark.parametrize("irql", [0, 1, 2, 15])
@pytest.mark.parametrize("rflags", [0, FLAG_IF])
class TestPresentPages:
    """What the page is there for but may not be done to it: no IRQL makes that another matter."""

    def test_read_only_kernel_page(self, ask: Ask, memory: AddressSpace, irql: int, rflags: int) -> None:
        decision = ask(KERNEL, ERROR_WRITE | ERROR_PRESENT, irql=irql, rflags=rflags)
        assert decision == StopMachine(
            BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY, (KERNEL, memory.entry(KERNEL), 0, 0xA)
        )

    def test_no_execute(self, ask: Ask, memory: AddressSpace, irql: int, rflags: int) -> None:
        decision = ask(KERNEL, ERROR_FETCH | ERROR_PRESENT, irql=irql, rflags=rflags)
        assert decision == StopMachine(
            BugCheck.ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, (KERNEL, memory.entry(KERNEL), 0, 0)
        )

    def test_smep(self, ask: Ask, memory: AddressSpace, irql: int, rflags: int) -> None:
        decision = ask(USER, ERROR_FETCH | ERROR_PRESENT, irql=irql, rflags=rflags)
        assert decision == StopMachine(
            BugCheck.ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, (USER, memory.entry(USER), 0, 0x8000_0000)
        )

    @pytest.mark.parametrize(("access", "number"), [(READ, 0), (WRITE, 2)])
    def test_smap(self, ask: Ask, irql: int, rflags: int, access: int, number: int) -> None:
        decision = ask(USER, access | ERROR_PRESENT, irql=irql, rflags=rflags)
        assert decision == StopMachine(BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (USER, number, RIP, 0xF))


@pytest.mark.parametrize("state", ABSENT)
@pytest.mark.parametrize("where", [USER, KERNEL])
@pytest.mark.parametrize(("access", "number"), [(READ, 0), (WRITE, 1), (FETCH, 8)])
class TestIrql:
    @pytest.mark.parametrize("irql", [2, 3, 15])
    def test_too_high(self, ask: Ask, where: Gva, state: PageState, access: int, number: int, irql: int) -> None:
        assert ask(where, access, state, irql=irql) == StopMachine(
            BugCheck.DRIVER_IRQL_NOT_LESS_OR_EQUAL, (where, irql, number, RIP)
        )
        assert ask(where, access, state, irql=irql, in_driver=False) == StopMachine(
            BugCheck.IRQL_NOT_LESS_OR_EQUAL, (where, irql, number, RIP)
        )

    @pytest.mark.parametrize("irql", [0, 2])
    def test_interrupts_disabled(
        self, ask: Ask, where: Gva, state: PageState, access: int, number: int, irql: int
    ) -> None:
        assert ask(where, access, state, irql=irql, rflags=0, in_driver=False) == StopMachine(
            BugCheck.IRQL_NOT_LESS_OR_EQUAL, (where, 0xFF, number, RIP)
        )


def test_reserved_bits(ask: Ask) -> None:
    decision = ask(KERNEL, ERROR_RESERVED_BIT | ERROR_PRESENT)
    assert decision == StopMachine(BugCheck.MEMORY_MANAGEMENT, (0x61941, KERNEL, 9, 0))


def test_a_decision_changes_nothing(ask: Ask, memory: AddressSpace) -> None:
    for state in ABSENT:
        ask(USER, READ, state)
        assert memory.state(USER) == state
