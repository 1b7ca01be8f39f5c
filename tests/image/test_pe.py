# SPDX-License-Identifier: GPL-2.0-or-later
import re
import struct

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emu.image import ImageError, PeImage
from emu.image.pe import LARGEST_REMEMBERED, MOST_REMEMBERED

NT = 0x78  # where lld puts the PE signature
FILE = NT + 4
OPTIONAL = FILE + 20
DIRECTORY = OPTIONAL + 112
SECTION = OPTIONAL + 240


def patched(data: bytes, offset: int, layout: str, value: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(f"<{layout}", changed, offset, value)
    return bytes(changed)


def test_reads_what_the_linker_wrote(image: PeImage) -> None:
    assert image.preferred_base == 0xFFFF_F800_0000_0000
    assert image.size_of_image % 0x1000 == 0
    assert image.entry_point == image.exports["DriverEntry"]
    assert set(image.exports) == {"framed", "leaf", "table", "captured", "DriverEntry"}
    assert {(each.dll, each.name) for each in image.imports} == {
        ("ntoskrnl.exe", "DbgPrint"),
        ("ntoskrnl.exe", "MmUserProbeAddress"),
        ("ntoskrnl.exe", "__C_specific_handler"),
    }
    assert image.relocations == (image.exports["table"], image.exports["table"] + 8)


def test_sections_have_names_and_protections(image: PeImage) -> None:
    by_name = {section.name: section for section in image.sections}
    text, data, line = by_name[".text"], by_name[".data"], by_name[".debug_line"]
    assert (text.readable, text.writable, text.executable, text.discardable) == (True, False, True, False)
    assert (data.readable, data.writable, data.executable) == (True, True, False)
    assert line.discardable
    assert image.section_at(text.rva) is text
    assert image.section_at(text.rva - 1) is None


def test_mapped_lays_every_section_at_its_rva(image: PeImage) -> None:
    mapped = image.mapped()
    assert len(mapped) == image.size_of_image
    assert mapped.startswith(b"MZ")
    for section in image.sections:
        assert mapped[section.rva :].startswith(section.data)
        assert not any(mapped[section.rva + len(section.data) : section.rva + section.virtual_size])


@pytest.mark.parametrize("base", [0xFFFF_F800_0000_0000, 0xFFFF_8000_0000_1000, 0x10000])
def test_relocated_moves_exactly_the_addresses(image: PeImage, base: int) -> None:
    moved = image.relocated(base)
    table = image.exports["table"]
    assert struct.unpack_from("<QQ", moved, table) == (base + image.exports["framed"], base + image.exports["leaf"])
    assert moved[:table] == image.mapped()[:table]
    assert moved[table + 16 :] == image.mapped()[table + 16 :]


@pytest.mark.parametrize("base", [-0x1000, 0x10, 0xFFFF_FFFF_FFFF_F000])
def test_a_base_without_room_is_refused(image: PeImage, base: int) -> None:
    with pytest.raises(ImageError, match="not a page address with room"):
        image.relocated(base)


def test_an_image_without_relocations_stays(image_bytes: bytes) -> None:
    (characteristics,) = struct.unpack_from("<H", image_bytes, FILE + 18)
    fixed = PeImage.parse(patched(image_bytes, FILE + 18, "H", characteristics | 1), "fixed.sys")
    assert fixed.relocated(fixed.preferred_base) == fixed.mapped()
    with pytest.raises(ImageError, match=r"fixed\.sys: base = 0x10000: without relocations"):
        fixed.relocated(0x10000)


def test_the_same_bytes_are_read_once(image_bytes: bytes) -> None:
    assert PeImage.parse(image_bytes, "a.sys") is PeImage.parse(bytes(bytearray(image_bytes)), "a.sys")


def test_a_few_images_are_remembered_and_none_that_is_large(image_bytes: bytes) -> None:
    first = PeImage.parse(image_bytes, "0.sys")
    for number in range(1, MOST_REMEMBERED):
        PeImage.parse(image_bytes, f"{number}.sys")
    assert PeImage.parse(image_bytes, "0.sys") is first
    for number in range(1, MOST_REMEMBERED + 1):
        PeImage.parse(image_bytes, f"{number}.sys")
    assert PeImage.parse(image_bytes, "0.sys") is not first
    large = patched(image_bytes, OPTIONAL + 56, "I", LARGEST_REMEMBERED)
    assert PeImage.parse(large, "large.sys") is not PeImage.parse(large, "large.sys")


@pytest.mark.parametrize(
    ("offset", "layout", "value", "message"),
    [
        (0, "H", 0, "not a PE image"),
        (FILE, "H", 0x14C, "Machine = 0x14C: only AMD64"),
        (FILE + 2, "H", 96, "SizeOfHeaders = 0x400: not from the section table's end"),
        (FILE + 16, "H", 0xE0, "SizeOfOptionalHeader = 0xE0"),
        (FILE + 18, "H", 0, "Characteristics = 0x0"),
        (OPTIONAL, "H", 0x10B, "Magic|not a PE"),
        (OPTIONAL + 16, "I", 0x10, "AddressOfEntryPoint = 0x10: not in an executable"),
        (OPTIONAL + 24, "Q", 0x1234, "ImageBase = 0x1234"),
        (OPTIONAL + 24, "Q", 0xFFFF_FFFF_FFFF_0000, "ImageBase"),
        (OPTIONAL + 32, "I", 0x200, "SectionAlignment = 0x200"),
        (OPTIONAL + 36, "I", 0x300, "FileAlignment = 0x300"),
        (OPTIONAL + 56, "I", 0, "SizeOfImage = 0x0"),
        (OPTIONAL + 56, "I", 0x1001, "SizeOfImage = 0x1001"),
        (OPTIONAL + 56, "I", 0x2000, "beyond"),
        (OPTIONAL + 56, "I", 0x400_1000, "SizeOfImage = 0x4001000: more than the limit of 0x4000000 bytes"),
        (OPTIONAL + 60, "I", 0x10, "SizeOfHeaders = 0x10"),
        (OPTIONAL + 108, "I", 17, "NumberOfRvaAndSizes"),
        (SECTION + 8, "I", 0x7000_0000, "section 0 VirtualSize = 0x70000000: ends beyond SizeOfImage"),
        (SECTION + 12, "I", 0x1010, "section 0 VirtualAddress = 0x1010: not a multiple"),
        (SECTION + 12, "I", 0x3000, "section 1 VirtualAddress = 0x2000: overlaps"),
        (SECTION + 16, "I", 0x70_0000, "section 0 SizeOfRawData = 0x700000: ends beyond the file"),
        (SECTION + 20, "I", 0x401, "section 0 PointerToRawData = 0x401"),
    ],
)
def test_a_bad_header_is_refused_by_name(
    image_bytes: bytes, offset: int, layout: str, value: int, message: str
) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        PeImage.parse(patched(image_bytes, offset, layout, value), "bad.sys")
    assert str(caught.value).startswith("bad.sys: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("directory", "title"), [(0, "export"), (1, "import"), (3, "exception"), (5, "relocation"), (12, "import address")]
)
def test_a_directory_outside_the_image_is_refused(image_bytes: bytes, directory: int, title: str) -> None:
    bad = patched(image_bytes, DIRECTORY + 8 * directory, "I", 0x7000_0000)
    with pytest.raises(ImageError, match=f"{title}.* directory = 0x70000000"):
        PeImage.parse(bad, "bad.sys")


def test_a_long_section_name_outside_the_string_table_is_refused(image_bytes: bytes, image: PeImage) -> None:
    index = next(i for i, section in enumerate(image.sections) if section.name == ".debug_line")
    changed = bytearray(image_bytes)
    changed[SECTION + 40 * index : SECTION + 40 * index + 8] = b"/9999999"
    with pytest.raises(ImageError, match=f"section {index} Name = /9999999"):
        PeImage.parse(bytes(changed), "bad.sys")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(st.one_of(st.integers(0, 0x400), st.integers(0x400, 0x3000)), st.integers(0, 255)), max_size=6
    ),
    cut=st.one_of(st.none(), st.integers(0, 0x4000)),
)
@example(changes=[], cut=0)
def test_damage_raises_image_error_and_nothing_else(
    image_bytes: bytes, changes: list[tuple[int, int]], cut: int | None
) -> None:
    check_damaged(image_bytes, changes, cut)


@pytest.mark.sweep
def test_every_header_byte_may_be_damaged(image_bytes: bytes) -> None:
    for offset in range(0x78, 0x400):
        for value in (0, 1, 0x7F, 0x80, 0xFF, image_bytes[offset] ^ 0x10):
            check_damaged(image_bytes, [(offset, value)], None)


def check_damaged(data: bytes, changes: list[tuple[int, int]], cut: int | None) -> None:
    damaged = bytearray(data)
    for offset, value in changes:
        damaged[offset] = value
    try:
        image = PeImage.parse(bytes(damaged[:cut]), "damaged.sys")
    except ImageError as error:
        message = str(error)
    else:
        check_bounds(image)
        return
    assert re.match(r"damaged\.sys: [^\n]+$", message)


def check_bounds(image: PeImage) -> None:
    assert len(image.mapped()) == image.size_of_image
    assert all(0 < rva < image.size_of_image for rva in image.exports.values())
    assert all(each.iat_rva + 8 <= image.size_of_image for each in image.imports)
    if image.movable:
        assert len(image.relocated(0x10000)) == image.size_of_image
