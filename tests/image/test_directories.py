# SPDX-License-Identifier: GPL-2.0-or-later
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.image import ImageError, Import
from emu.image.directories import read_exports, read_imports, read_relocations

SIZE = 0x1000


def laid_out(*pieces: tuple[int, bytes]) -> bytes:
    image = bytearray(SIZE)
    for rva, data in pieces:
        image[rva : rva + len(data)] = data
    return bytes(image)


def imports(*thunks: int, dll: bytes = b"nt.exe\0", lookup: int = 0x200) -> bytes:
    return laid_out(
        (0x100, struct.pack("<IIIII", lookup, 0, 0, 0x300, 0x240)),
        (0x200, struct.pack(f"<{len(thunks)}Q", *thunks)),
        (0x240, struct.pack(f"<{len(thunks)}Q", *thunks)),
        (0x300, dll),
        (0x320, b"\0\0First\0"),
        (0x330, b"\0\0Second\0"),
    )


@pytest.mark.parametrize("lookup", [0x200, 0])
def test_imports_by_name(lookup: int) -> None:
    found = read_imports(imports(0x320, 0x330, lookup=lookup), 0x100, 40, "x.sys")
    assert found == [Import("nt.exe", "First", 0x240), Import("nt.exe", "Second", 0x248)]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (imports(1 << 63 | 7), "import from nt.exe = ordinal 7: imports by ordinal are not modelled"),
        (imports(0x320, dll=b"\0"), "import descriptor Name = 0x300: no printable"),
        (imports(0x500), "import name from nt.exe = 0x502: no printable"),
        (imports(0x320, lookup=0xFFFC), "import lookup table of nt.exe = 0xFFFC: outside the image of 0x1000 bytes"),
        (imports(1 << 40), "import name from nt.exe = 0x10000000002: no printable"),
    ],
)
def test_an_import_that_cannot_be_resolved_is_refused(image: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=f"^x.sys: {message}"):
        read_imports(image, 0x100, 40, "x.sys")


def exports(targets: list[int], names: list[bytes], ordinals: list[int]) -> bytes:
    header = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, 0, 1, len(targets), len(names), 0x200, 0x300, 0x400)
    strings = [(0x500 + 0x20 * index, name) for index, name in enumerate(names)]
    return laid_out(
        (0x100, header),
        (0x200, struct.pack(f"<{len(targets)}I", *targets)),
        (0x300, struct.pack(f"<{len(names)}I", *(rva for rva, _ in strings))),
        (0x400, struct.pack(f"<{len(ordinals)}H", *ordinals)),
        (0x180, b"other.Name\0"),
        *strings,
    )


def test_exports_go_through_the_ordinal_table() -> None:
    found = read_exports(exports([0x900, 0xA00], [b"A\0", b"B\0"], [1, 0]), 0x100, 0x100, "x.sys")
    assert found == {"A": 0xA00, "B": 0x900}


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (exports([0x180], [b"A\0"], [0]), "export A = forwarder other.Name: forwarders are not modelled"),
        (exports([0x9000], [b"A\0"], [0]), "export A = 0x9000: outside the image"),
        (exports([0], [b"A\0"], [0]), "export A = 0x0: outside"),
        (exports([0x900], [b"A\0"], [3]), "export ordinal of A = 0x3: not below NumberOfFunctions 0x1"),
        (exports([0x900], [b"A\0", b"A\0"], [0, 0]), "export A = 0x900: exported twice"),
        (exports([0x900], [b"\x01\0"], [0]), "export name 0 = 0x500: no printable"),
    ],
)
def test_an_export_that_cannot_be_called_is_refused(image: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=f"^x.sys: {message}"):
        read_exports(image, 0x100, 0x100, "x.sys")


def test_no_directory_is_no_entry() -> None:
    assert read_imports(bytes(SIZE), 0, 0, "x.sys") == []
    assert read_exports(bytes(SIZE), 0, 0, "x.sys") == {}
    assert read_relocations(bytes(SIZE), 0, 0, "x.sys") == []


@given(blocks=st.lists(st.tuples(st.integers(0, SIZE - 8), st.integers(0, 6)), max_size=20))
def test_relocations_are_the_dir64_entries(blocks: list[tuple[int, int]]) -> None:
    data = b""
    for offset, padding in blocks:
        entries = struct.pack("<H", 10 << 12 | offset) + bytes(2 * (2 * padding + 1))
        data += struct.pack("<II", 0, 8 + len(entries)) + entries
    image = bytes(SIZE) + data
    expected = [offset for offset, _ in blocks]
    assert read_relocations(image, SIZE, len(data), "x.sys") == expected


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (struct.pack("<IIHH", 0, 12, 3 << 12, 0), "relocation type at 0x0 = HIGHLOW: only DIR64"),
        (struct.pack("<IIHH", 0x1000, 12, 10 << 12, 0), "relocation = 0x1000: outside"),
        (struct.pack("<IIHH", 0, 4, 0, 0), "relocation SizeOfBlock = 0x4"),
        (struct.pack("<IIHH", 0, 10, 0, 0), "relocation SizeOfBlock = 0xA"),
        (struct.pack("<IIHH", 0, 16, 0, 0), "relocation SizeOfBlock = 0x10"),
    ],
)
def test_a_bad_relocation_is_refused(block: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=f"^x.sys: {message}"):
        read_relocations(laid_out((0x100, block)), 0x100, len(block), "x.sys")
