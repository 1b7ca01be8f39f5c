# SPDX-License-Identifier: GPL-2.0-or-later
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import PAGE_SIZE
from emu.memory import layout
from emu.memory.errors import StaleBuffer
from emu.memory.half import Half
from tests.memory.conftest import Calls


def test_what_it_says_of_itself(user: Half) -> None:
    buffer = user.alloc(b"hello", offset=3, name="src")
    assert int(buffer) == buffer.address
    assert len(buffer) == buffer.size == 5
    assert buffer.address % PAGE_SIZE == 3
    assert repr(buffer) == f"<Buffer src {int(buffer):#x} 5 bytes>"
    assert repr(user.alloc(1)).startswith("<Buffer unnamed ")


@given(
    size=st.one_of(st.integers(0, 20), st.integers(4080, 4112)),
    offset=st.one_of(st.integers(0, 20), st.integers(4080, 4095)),
    at=st.integers(-3, 4120),
    count=st.integers(-3, 4120),
)
def test_reads_and_writes_stay_inside(size: int, offset: int, at: int, count: int) -> None:
    user = Half("user", Calls().space, layout.user_data(), user=True)
    buffer = user.alloc(bytes(i & 0xFF for i in range(size)), offset=offset)
    model = bytearray(buffer.read())
    assert model == bytes(i & 0xFF for i in range(size))
    if at >= 0 and count >= 0 and at + count <= size:
        assert buffer.read(count, at) == model[at : at + count]
        buffer.write(b"\xaa" * count, at)
        model[at : at + count] = b"\xaa" * count
    else:
        with pytest.raises(ValueError, match=f"lie outside the buffer of {size} bytes"):
            buffer.read(count, at)
        if count >= 0:
            with pytest.raises(ValueError, match="lie outside"):
                buffer.write(b"\xaa" * count, at)
    assert buffer.read() == model


def test_reading_the_rest(user: Half) -> None:
    buffer = user.alloc(b"abcdef")
    assert buffer.read(offset=4) == b"ef"
    assert buffer.read(offset=6) == b""
    with pytest.raises(ValueError, match="-1 bytes at offset 7"):
        buffer.read(offset=7)


def test_a_full_page_has_an_end(user: Half) -> None:
    buffer = user.alloc(PAGE_SIZE)
    assert buffer.read(0, PAGE_SIZE) == b""
    buffer.write(b"", PAGE_SIZE)


def test_a_retired_buffer_says_why(user: Half) -> None:
    buffer = user.alloc(8)
    buffer.retire()
    for use in (lambda: int(buffer), buffer.read, lambda: buffer.write(b"x"), lambda: buffer.address):
        with pytest.raises(StaleBuffer, match=r"allocated after the checkpoint that reset\(\) went back to"):
            use()
    assert "stale" in repr(buffer)
