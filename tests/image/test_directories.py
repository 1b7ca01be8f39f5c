# SPDX-License-Identifier: GPL-2.0-or-later
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.image import ImageError, Import
from emu.image.directories import MOST_DLLS, MOST_RELOCATIONS, read_exports, read_imports, read_relocations

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


def test_an_import_address_table_may_lie_anywhere() -> None:
    """LLVM's linker puts one at a multiple of 4 where it links with an import library of GNU's tools."""
    image = bytearray(imports(0x320))
    image[0x110:0x114] = (0x244).to_bytes(4, "little")
    assert read_imports(bytes(image), 0x100, 40, "x.sys") == [Import("nt.exe", "First", 0x244)]


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


class TestSizesOfOneWhoMeansHarm:
    """What a small file can ask for without end."""

    def test_descriptors_that_import_nothing(self) -> None:
        descriptor = struct.pack("<IIIII", 0x300, 0, 0, 0x320, 0x300)
        image = laid_out((0x300, bytes(8)), (0x320, b"a\0")) + descriptor * (MOST_DLLS + 1) + bytes(20)
        with pytest.raises(ImageError, match=f"^x.sys: import descriptor = 0x{SIZE + 20 * MOST_DLLS:X}: more than the"):
            read_imports(image, SIZE, 40, "x.sys")
        assert read_imports(image[:SIZE] + image[SIZE + 20 :], SIZE, 40, "x.sys") == []

    def test_imports_that_all_have_one_long_name(self) -> None:
        image = imports(*[0x400] * 3) + bytes(0x100)
        image = image[:0x402] + b"N" * 0x800 + b"\0" + image[0xC03:]
        with pytest.raises(ImageError, match=r"import name from nt\.exe = 0x402: the names up to it take more than"):
            read_imports(image, 0x100, 40, "x.sys")

    def test_exports_that_all_end_alike(self) -> None:
        count = 64
        text = b"".join(b"A" for _ in range(0x300)) + b"\0"
        header = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, 0, 1, 1, count, 0x200, 0x300, 0x600)
        names = struct.pack(f"<{count}I", *range(0x800, 0x800 + count))
        image = laid_out((0x100, header), (0x200, struct.pack("<I", 0x900)), (0x300, names), (0x800, text))
        with pytest.raises(ImageError, match=r"export name \d+ = 0x8\w\w: the names up to it take more than the image"):
            read_exports(image, 0x100, 0x28, "x.sys")

    def test_a_relocation_block_of_more_than_a_page(self) -> None:
        size = 8 + 2 * 0x1000
        for extra in (0, 4):
            image = struct.pack("<II", 0, size + extra) + bytes(2 * SIZE + 8)
            if extra:
                with pytest.raises(ImageError, match="relocation SizeOfBlock = 0x200C: more than the 0x2008 bytes"):
                    read_relocations(image, 0, size + extra, "x.sys")
            else:
                assert read_relocations(image, 0, size, "x.sys") == []

    def test_too_many_relocations(self) -> None:
        block = struct.pack("<II", 0, 8 + 2 * 0x1000) + struct.pack("<H", 0xA000) * 0x1000
        image = block * (MOST_RELOCATIONS // 0x1000 + 1)
        with pytest.raises(ImageError, match="number of relocations = 0x101000: more than the limit of 0x100000"):
            read_relocations(image, 0, len(image), "x.sys")


@given(data=st.binary(max_size=300), at=st.integers(0, 400), size=st.integers(0, 400))
def test_any_bytes_are_read_or_refused_in_one_line(data: bytes, at: int, size: int) -> None:
    for read in (read_imports, read_exports, read_relocations):
        try:
            read(data, at, size, "x.sys")
        except ImageError as error:
            refused = str(error)
        else:
            continue
        assert re.fullmatch(r"x\.sys: .+", refused)


@given(st.dictionaries(st.text("ABCxyz_@?$019", min_size=1, max_size=12), st.integers(0x600, SIZE - 1), max_size=12))
def test_exports_written_are_exports_read(wanted: dict[str, int]) -> None:
    names = sorted(wanted)
    image = exports([wanted[name] for name in names], [name.encode() + b"\0" for name in names], [*range(len(names))])
    assert read_exports(image, 0x100, 0x80, "x.sys") == wanted
