# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu.address import PAGE_SIZE, Gva
from emu.memory.address_space import AddressSpace
from emu.memory.errors import OutOfMemory, StaleBuffer
from emu.memory.half import STATUS_DEVICE_DATA_ERROR, Half
from emu.memory.page_table import PageState


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"abc", b"abc"),
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"abc"), b"abc"),
        (memoryview(b"abcdefgh").cast("I"), b"abcdefgh"),
        (5, bytes(5)),
        (0, b""),
        (b"", b""),
        (bytes(range(256)) * 40, bytes(range(256)) * 40),
    ],
)
def test_contents(user: Half, content: bytes | bytearray | memoryview | int, expected: bytes) -> None:
    buffer = user.alloc(content)
    assert buffer.read() == expected
    assert buffer.size == len(expected)
    assert buffer.address % PAGE_SIZE == 0


@pytest.mark.parametrize(
    ("size", "offset", "pages"), [(0, 0, 1), (1, 4095, 1), (2, 4095, 2), (4096, 0, 1), (4096, 1, 2)]
)
def test_pages_of_its_own(user: Half, space: AddressSpace, size: int, offset: int, pages: int) -> None:
    buffer = user.alloc(size, offset=offset)
    first = buffer.address - offset
    states = [space.state(Gva(first + i * PAGE_SIZE)) for i in range(-1, pages + 1)]
    assert states == [PageState.UNMAPPED, *[PageState.RESIDENT] * pages, PageState.UNMAPPED]


@pytest.mark.parametrize("content", [-1, True])
def test_a_size_that_is_none(user: Half, content: int) -> None:
    with pytest.raises(ValueError, match=f"cannot allocate {content!r} bytes"):
        user.alloc(content)


@pytest.mark.parametrize("offset", [-1, PAGE_SIZE])
def test_an_offset_outside_a_page(user: Half, offset: int) -> None:
    with pytest.raises(ValueError, match=f"offset {offset} lies outside a page; choose 0 to 4095"):
        user.alloc(1, offset=offset)


@pytest.mark.parametrize("size", [1 << 21, 1 << 40, 1 << 47])
def test_what_does_not_fit_takes_nothing(user: Half, size: int) -> None:
    mark, first = user.mark, user.alloc(1)
    user.release_to(mark)
    with pytest.raises(OutOfMemory):
        user.alloc(size)
    assert user.mark == mark
    assert user.buffers == []
    assert first.size == 1


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda half, where: half.unmap(where), "unmapped"),
        (lambda half, where: half.guard(where), "guard"),
        (lambda half, where: half.page_out(where), "paged-out"),
        (lambda half, where: half.fail_page_in(where), "in-page-error"),
        (lambda half, where: half.protect(where, "none"), "none"),
        (lambda half, where: half.protect(where, "ro"), "resident, ro"),
        (lambda half, where: half.protect(where, "rw"), "resident, rw"),
        (lambda half, where: half.protect(where, "rx"), "resident, rx"),
        (lambda half, where: half.protect(where, "rwx"), "resident, rwx"),
    ],
)
def test_states_of_a_buffer_and_of_an_address(user: Half, change: object, state: str) -> None:
    assert callable(change)
    buffer = user.alloc(2 * PAGE_SIZE, offset=1)
    pages = [buffer.address - 1 + i * PAGE_SIZE for i in range(3)]
    change(user, buffer)
    assert [user.state(page) for page in pages] == [state] * 3
    assert user.state(buffer) == state
    user.protect(buffer, "rw")
    change(user, pages[1] + 77)
    assert [user.state(page) for page in pages] == ["resident, rw", state, "resident, rw"]
    change(user, pages[1] + 77)
    assert user.state(pages[1]) == state


def test_a_state_keeps_the_protection(user: Half) -> None:
    buffer = user.alloc(8)
    user.protect(buffer, "ro")
    user.guard(buffer)
    user._space.set_state(buffer.address, PageState.RESIDENT)
    assert user.state(buffer) == "resident, ro"


def test_the_status_of_a_failing_page_in(user: Half, space: AddressSpace) -> None:
    buffer = user.alloc(8)
    user.fail_page_in(buffer)
    assert space.in_page_status(buffer.address) == STATUS_DEVICE_DATA_ERROR
    user.fail_page_in(buffer, 0xC000_0185)
    assert space.in_page_status(buffer.address) == 0xC000_0185
    with pytest.raises(ValueError, match="0x1c0000185 is no NTSTATUS; it has 32 bits"):
        user.fail_page_in(buffer, 0x1_C000_0185)


def test_what_is_not_there_or_not_theirs(user: Half, kernel: Half) -> None:
    buffer, other = user.alloc(8), kernel.alloc(8)
    with pytest.raises(ValueError, match=r"0x0 is not allocated; allocate it with machine\.user\.alloc\(\)"):
        user.unmap(0)
    with pytest.raises(ValueError, match="is not allocated"):
        user.unmap(buffer.address + PAGE_SIZE)
    with pytest.raises(ValueError, match="is not user memory"):
        user.unmap(other)
    with pytest.raises(ValueError, match="is not kernel memory"):
        kernel.unmap(buffer)
    with pytest.raises(ValueError, match="is not allocated"):
        kernel.unmap(other.address & 0xFFFF_FFFF_FFFF)
    with pytest.raises(ValueError, match="unknown protection 'wx'; known: none, ro, rw, rx, rwx"):
        user.protect(buffer, "wx")
    assert user.state(buffer) == kernel.state(other) == "resident, rw"


def test_which_buffer_an_address_is_in(user: Half) -> None:
    first, second = user.alloc(8, offset=100), user.alloc(PAGE_SIZE + 1)
    assert user.find_buffer(first.address) is first
    assert user.find_buffer(Gva(first.address - 100)) is first
    assert user.find_buffer(Gva(second.address + PAGE_SIZE)) is second
    assert user.find_buffer(Gva(second.address + 2 * PAGE_SIZE)) is None
    assert user.find_buffer(Gva(first.address - 101)) is None


def test_release_takes_the_later_ones_back(user: Half, space: AddressSpace) -> None:
    kept = user.alloc(b"kept")
    mark, memory = user.mark, space.checkpoint()
    gone = user.alloc(b"gone")
    address = gone.address
    space.reset(memory)
    user.release_to(mark)
    assert user.buffers == [kept]
    assert kept.read() == b"kept"
    with pytest.raises(StaleBuffer):
        gone.read()
    with pytest.raises(StaleBuffer):
        user.unmap(gone)
    assert user.alloc(4).address == address
    assert user.buffers[-1].read() == bytes(4)
