# SPDX-License-Identifier: GPL-2.0-or-later
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.image import ImageError
from emu.image.load_config import LoadConfig, read_load_config

BASE = 0x1_4000_0000
AT = 0x100
SIZE = 0x1000


def image(length: int, fields: dict[int, int]) -> bytes:
    """Build an image whose load configuration has a Size and quadwords at some offsets."""
    data = bytearray(SIZE)
    struct.pack_into("<I", data, AT, length)
    for offset, value in fields.items():
        struct.pack_into("<Q", data, AT + offset, value)
    return bytes(data)


def read(data: bytes, rva: int = AT, size: int = 0x140) -> LoadConfig:
    return read_load_config(data, rva, size, BASE, "driver.sys")


EVERYTHING = {
    0x58: BASE + 0x800,
    0x70: BASE + 0x808,
    0x78: BASE + 0x810,
    0x118: BASE + 0x818,
    0x120: BASE + 0x820,
    0x128: BASE + 0x828,
}


def test_everything() -> None:
    assert read(image(0x140, EVERYTHING)) == LoadConfig(0x800, (0x808, 0x818), (0x810, 0x820, 0x828))


def test_no_directory() -> None:
    assert read(image(0x140, EVERYTHING), size=0) == LoadConfig()


@pytest.mark.parametrize(
    ("length", "found"),
    [
        (4, LoadConfig()),
        (0x5F, LoadConfig()),
        (0x60, LoadConfig(0x800)),
        (0x78, LoadConfig(0x800, (0x808,))),
        (0x94, LoadConfig(0x800, (0x808,), (0x810,))),
        (0x130, LoadConfig(0x800, (0x808, 0x818), (0x810, 0x820, 0x828))),
    ],
)
def test_the_structures_own_size_counts(length: int, found: LoadConfig) -> None:
    assert read(image(length, EVERYTHING)) == found
    # The directory entry's does not: linkers wrote 0x40 there for an old system's sake.
    assert read(image(length, EVERYTHING), size=0x40) == found


def test_null_fields() -> None:
    assert read(image(0x140, {0x58: BASE + 0xFF8})) == LoadConfig(0xFF8)


@pytest.mark.parametrize("address", [BASE - 8, BASE + 0x801, BASE + SIZE, BASE + SIZE - 4, 8, (1 << 64) - 8])
@pytest.mark.parametrize(("offset", "field"), [(0x58, "SecurityCookie"), (0x70, "GuardCFCheckFunctionPointer")])
def test_a_field_that_points_nowhere(offset: int, field: str, address: int) -> None:
    with pytest.raises(ImageError, match=rf"^driver\.sys: load configuration {field} = 0x{address:X}: not the address"):
        read(image(0x140, {offset: address}))


@pytest.mark.parametrize(("rva", "length"), [(SIZE - 3, None), (AT, SIZE - AT + 1), (AT, 0xFFFF_FFFF)])
def test_outside_the_image(rva: int, length: int | None) -> None:
    data = image(0x140 if length is None else length, EVERYTHING)
    with pytest.raises(ImageError, match="outside the image"):
        read(data, rva)


@given(
    length=st.one_of(st.integers(0, 0x140), st.integers(0, 0xFFFF_FFFF)),
    fields=st.dictionaries(
        st.sampled_from([*EVERYTHING]), st.one_of(st.integers(BASE - 16, BASE + SIZE), st.integers(0, (1 << 64) - 1))
    ),
    rva=st.one_of(st.just(AT), st.integers(0, SIZE + 8)),
)
def test_any_structure_is_read_or_refused_in_one_line(length: int, fields: dict[int, int], rva: int) -> None:
    try:
        config = read(image(length, fields), rva)
    except ImageError as error:
        refused = str(error)
    else:
        cookie = () if config.security_cookie is None else (config.security_cookie,)
        assert all(0 <= slot <= SIZE - 8 for slot in (*cookie, *config.guard_checks, *config.guard_dispatches))
        return
    assert re.fullmatch(r"driver\.sys: load configuration.+", refused)
