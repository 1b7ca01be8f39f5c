# SPDX-License-Identifier: GPL-2.0-or-later
"""The shadow of memory is, byte for byte, that of a simple model, across pages and whatever the host writes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emu.address import PAGE_SIZE
from emu.checks.information_leak.shadow_memory import HERE, ShadowMemory

STACK = range(0x10_0000, 0x10_0000 + 4 * PAGE_SIZE)
POINTER = STACK.start + 3 * PAGE_SIZE + 0x80
POOL = 0x20_0FC0
POOL_PAGES = range(0x20_0000, 0x20_2000)
FILL = 0xF1
ORIGIN = 7
STALE = 0xCC

operations = st.lists(
    st.tuples(
        st.sampled_from(["store", "load", "initialize", "call", "allocate"]),
        st.integers(-80, 80),
        st.sampled_from([1, 2, 4, 8, 16]),
        st.sampled_from([0, 5]),
    ),
    max_size=40,
)


def shadow_memory() -> ShadowMemory:
    memory = ShadowMemory(STACK, lambda address: bytes((STALE,)) * PAGE_SIZE, lambda address: ORIGIN)
    memory.stack_moves(POINTER)
    return memory


class Model:
    """Marks and content of single bytes."""

    def __init__(self) -> None:
        self.marks = {address: HERE if address < POINTER else 0 for address in STACK}
        self.content: dict[int, int] = {}

    def holds(self, address: int) -> int:
        return self.content.get(address, STALE if address in STACK else 0)


@given(operations, st.sampled_from([POINTER, POOL, STACK.start + PAGE_SIZE]))
def test_like_a_model(chosen: list[tuple[str, int, int, int]], around: int) -> None:
    memory, model = shadow_memory(), Model()
    if around == POOL:  # pages of pool are nothing else before
        memory.allocate(POOL_PAGES.start, len(POOL_PAGES), FILL)
        model.marks |= dict.fromkeys(POOL_PAGES, HERE)
        model.content |= dict.fromkeys(POOL_PAGES, FILL)
    for name, offset, size, mark in chosen:
        address = around + offset
        span = range(address, address + size)
        if name == "store":
            memory.store(address, bytes((mark,)) * size, int.from_bytes(bytes((0x11,)) * size, "little"))
            model.marks |= dict.fromkeys(span, mark)
            model.content |= dict.fromkeys(span, 0x11)
        elif name == "load":
            value = int.from_bytes(bytes(map(model.holds, span)), "little")
            expected = [model.marks.get(at, 0) for at in span]
            assert list(memory.load(address, size, value)) == [ORIGIN if each == HERE else each for each in expected]
        elif name == "initialize":
            memory.initialize(address, size)
            model.marks |= dict.fromkeys(span, 0)
        elif name == "allocate" and address not in STACK:
            memory.allocate(address, size, FILL)
            model.marks |= dict.fromkeys(span, HERE)
            model.content |= dict.fromkeys(span, FILL)
        elif name == "call" and around == POINTER:
            memory.stack_moves(POINTER)
            model.marks |= {at: HERE for at in STACK if at < POINTER}


def test_what_the_host_wrote_is_initialised() -> None:
    memory = shadow_memory()
    address = POINTER - 8
    assert memory.load(address, 4, 0xCCCCCCCC) == bytes((ORIGIN,)) * 4
    assert memory.load(address, 4, 0xCCCC00CC) == bytes((ORIGIN, 0, ORIGIN, ORIGIN))
    assert memory.load(address, 2, 0x00CC) == bytes((ORIGIN, 0))


def test_what_returns_leaves_its_frame_uninitialised() -> None:
    memory = shadow_memory()
    memory.store(POINTER - 16, bytes(8), 1)
    memory.stack_moves(POINTER - 8)
    assert memory.load(POINTER - 16, 8, 1) == bytes((ORIGIN,)) * 8
    assert memory.load(POINTER, 8, 1) == bytes(8)
