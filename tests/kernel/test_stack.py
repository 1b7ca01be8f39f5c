# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu.address import PAGE_SIZE, Gva
from emu.kernel.stack import KERNEL_STACK_SIZE, UserStack, is_kernel_writable, map_kernel_stack
from emu.memory import layout
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.page_table import PageState
from emu.memory.ram import Ram


@pytest.fixture
def memory() -> AddressSpace:
    return AddressSpace(Ram(1 << 20), lambda: None)


class TestKernelStack:
    def test_is_mapped_between_two_absent_pages(self, memory: AddressSpace) -> None:
        stack = map_kernel_stack(memory, layout.kernel_stacks())
        assert stack.high - stack.low == KERNEL_STACK_SIZE
        pages = range(stack.low - PAGE_SIZE, stack.high + PAGE_SIZE, PAGE_SIZE)
        states = [memory.state(Gva(page)) for page in pages]
        assert states == [PageState.UNMAPPED, *[PageState.RESIDENT] * 6, PageState.UNMAPPED]

    def test_limits(self, memory: AddressSpace) -> None:
        stack = map_kernel_stack(memory, layout.kernel_stacks())
        assert stack.holds(stack.low)
        assert stack.holds(stack.high - 8)
        assert not stack.holds(stack.high)
        assert not stack.holds(stack.low - 8)
        assert not stack.holds(stack.low + 4)

    def test_overrun(self, memory: AddressSpace) -> None:
        stack = map_kernel_stack(memory, layout.kernel_stacks())
        assert stack.is_overrun_at(stack.low - 1)
        assert not stack.is_overrun_at(stack.low)
        assert not stack.is_overrun_at(0)


@pytest.mark.parametrize(
    ("user", "protection", "state", "expected"),
    [
        (False, "rw", PageState.RESIDENT, True),
        (False, "rwx", PageState.RESIDENT, True),
        (False, "ro", PageState.RESIDENT, False),
        (False, "rx", PageState.RESIDENT, False),
        (True, "rw", PageState.RESIDENT, False),
        (False, "rw", PageState.PAGED_OUT, False),
        (False, "rw", PageState.GUARD, False),
        (False, "rw", PageState.UNMAPPED, False),
    ],
)
def test_is_kernel_writable(
    memory: AddressSpace, user: bool, protection: str, state: PageState, expected: bool
) -> None:
    page = Gva(0xFFFF_A000_0000_0000)
    memory.map_page(page, user=user, protection=pt.PROTECTIONS[protection])
    memory.set_state(page, state)
    assert is_kernel_writable(memory, page + 0x123) is expected


@pytest.mark.parametrize("address", [0, 0xFFFF_8000_0000_0000, 0x0000_A000_0000_0000, -0x200, 1 << 64])
def test_what_is_no_page_is_not_writable(memory: AddressSpace, address: int) -> None:
    memory.map_page(Gva(0xFFFF_A000_0000_0000), user=False, protection=pt.PROTECTIONS["rw"])
    assert not is_kernel_writable(memory, address)


class TestUserStack:
    def test_layout(self, memory: AddressSpace) -> None:
        stack = UserStack(memory, layout.user_data(), reserve=5, commit=2)
        states = [memory.state(Gva(stack.base - page * PAGE_SIZE)) for page in range(1, 6)]
        assert states == [*[PageState.RESIDENT] * 2, PageState.GUARD, *[PageState.UNMAPPED] * 2]
        assert stack.guard == stack.base - 3 * PAGE_SIZE
        assert stack.limit == stack.base - 2 * PAGE_SIZE
        assert stack.holds(stack.base - 1)
        assert not stack.holds(stack.base)
        assert stack.holds(stack.base - 5 * PAGE_SIZE)
        assert not stack.holds(stack.base - 5 * PAGE_SIZE - 1)

    def test_grows_to_the_last_page(self, memory: AddressSpace) -> None:
        stack = UserStack(memory, layout.user_data(), reserve=4, commit=1)
        assert stack.grow(stack.guard) == stack.base - 3 * PAGE_SIZE
        assert stack.grow(Gva(stack.guard + 0xFFF)) == stack.base - 4 * PAGE_SIZE
        assert stack.grow(stack.guard) is None
        assert memory.state(Gva(stack.base - 4 * PAGE_SIZE)) == PageState.RESIDENT
