# SPDX-License-Identifier: GPL-2.0-or-later
"""The headers of a PE file, read by `pefile` and then held to the rules that it lets pass.

Layout and rules: Microsoft, "PE Format": COFF File Header, Optional Header, Section Table.
"""

import dataclasses
from typing import Any, NoReturn

import pefile

from emu.address import ADDRESS_MASK, PAGE_SIZE
from emu.image.errors import ImageError, in_one_line

LARGEST_IMAGE = 64 * 1024 * 1024
"""Bytes; a larger SizeOfImage is refused, because a machine has 64 MiB of RAM by default."""

DIRECTORIES = (
    *("export", "import", "resource", "exception", "security", "relocation", "debug", "architecture"),
    *("global pointer", "TLS", "load configuration", "bound import", "import address table", "delay import"),
    *("CLR", "reserved"),
)

_AMD64 = 0x8664
_PE32_PLUS = 0x20B
_OPTIONAL_HEADER_SIZE = 240
_SECTION_HEADER_SIZE = 40
_SYMBOL_SIZE = 18
_LONGEST_SECTION_NAME = 256
_BASE_GRANULARITY = 0x10000
_RAW_GRANULARITY = 0x200
_RELOCATIONS_STRIPPED = 0x1
_EXECUTABLE_IMAGE = 0x2
_DISCARDABLE = 0x0200_0000
_EXECUTE = 0x2000_0000
_READ = 0x4000_0000
_WRITE = 0x8000_0000


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """One section: where it lies by RVA, the bytes that the file gives it (the rest is zero), and its protection."""

    name: str
    rva: int
    virtual_size: int
    data: bytes = dataclasses.field(repr=False)
    readable: bool
    writable: bool
    executable: bool
    discardable: bool

    def covers(self, rva: int) -> bool:
        """Tell whether an RVA lies in this section."""
        return self.rva <= rva < self.rva + self.virtual_size


@dataclasses.dataclass(frozen=True)
class Headers:
    """What the headers say, checked."""

    preferred_base: int
    size_of_image: int
    size_of_headers: int
    entry_point: int | None
    movable: bool
    sections: tuple[Section, ...]
    directories: dict[str, tuple[int, int]]
    """By name: RVA and size, both 0 where the image has none; the security directory's RVA is a file offset."""


def read_headers(data: bytes, name: str) -> Headers:
    """Read and check the headers of a file; raises ImageError."""
    return _HeaderReader(data, name).read()


class _HeaderReader:
    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        try:
            file = pefile.PE(data=data, fast_load=True)
            self.header: Any = file.FILE_HEADER
            self.optional: Any = file.OPTIONAL_HEADER
            # pefile sorts them by address; the loader wants them in order.
            self.headers_of_sections: list[Any] = sorted(file.sections, key=lambda each: each.get_file_offset())
            self.optional_offset: int = file.OPTIONAL_HEADER.get_file_offset()
            self.directory_entries: list[Any] = list(file.OPTIONAL_HEADER.DATA_DIRECTORY)
        # pefile documents PEFormatError, and lets struct.error, AttributeError, IndexError and others through.
        except Exception as error:
            raise ImageError(f"{name}: not a PE image: {in_one_line(error)}") from error

    def refuse(self, field: str, value: int | str, why: str) -> NoReturn:
        shown = f"0x{value:X}" if isinstance(value, int) else value
        raise ImageError(f"{self.name}: {field} = {shown}: {why}")

    def read(self) -> Headers:
        self.check_file_header()
        self.check_optional_header()
        sections = self.read_sections()
        entry_point: int | None = self.optional.AddressOfEntryPoint or None
        if entry_point is not None and not any(each.executable and each.covers(entry_point) for each in sections):
            self.refuse("AddressOfEntryPoint", entry_point, "not in an executable section")
        return Headers(
            preferred_base=self.optional.ImageBase,
            size_of_image=self.optional.SizeOfImage,
            size_of_headers=self.optional.SizeOfHeaders,
            entry_point=entry_point,
            movable=not self.header.Characteristics & _RELOCATIONS_STRIPPED,
            sections=sections,
            directories=self.read_directories(),
        )

    def check_file_header(self) -> None:
        header = self.header
        if header.Machine != _AMD64:
            self.refuse("Machine", header.Machine, f"only AMD64 (0x{_AMD64:X}) images can be loaded")
        if self.optional.Magic != _PE32_PLUS:
            self.refuse("optional header Magic", self.optional.Magic, f"not that of PE32+ (0x{_PE32_PLUS:X})")
        if header.SizeOfOptionalHeader != _OPTIONAL_HEADER_SIZE:
            self.refuse("SizeOfOptionalHeader", header.SizeOfOptionalHeader, f"not 0x{_OPTIONAL_HEADER_SIZE:X}")
        if not header.Characteristics & _EXECUTABLE_IMAGE:
            self.refuse("Characteristics", header.Characteristics, "the linker did not mark it as executable")

    def check_optional_header(self) -> None:
        optional = self.optional
        alignment, file_alignment = optional.SectionAlignment, optional.FileAlignment
        if alignment < PAGE_SIZE or alignment & (alignment - 1):
            self.refuse("SectionAlignment", alignment, f"not a power of two of at least 0x{PAGE_SIZE:X}")
        if not _RAW_GRANULARITY <= file_alignment <= alignment or file_alignment & (file_alignment - 1):
            self.refuse(
                "FileAlignment", file_alignment, f"not a power of two from 0x{_RAW_GRANULARITY:X} to 0x{alignment:X}"
            )
        size, base = optional.SizeOfImage, optional.ImageBase
        if size == 0 or size % PAGE_SIZE:
            self.refuse("SizeOfImage", size, "not a positive multiple of the page size")
        if size > LARGEST_IMAGE:
            self.refuse("SizeOfImage", size, f"more than the limit of 0x{LARGEST_IMAGE:X} bytes")
        if base % _BASE_GRANULARITY or base + size > ADDRESS_MASK + 1:
            self.refuse("ImageBase", base, "not a multiple of 64 KiB with room for the image")
        table_end = self.optional_offset + _OPTIONAL_HEADER_SIZE + self.header.NumberOfSections * _SECTION_HEADER_SIZE
        if not table_end <= optional.SizeOfHeaders <= min(len(self.data), size):
            self.refuse("SizeOfHeaders", optional.SizeOfHeaders, "not from the section table's end to the file's end")

    def read_sections(self) -> tuple[Section, ...]:
        if len(self.headers_of_sections) != self.header.NumberOfSections:
            self.refuse("NumberOfSections", self.header.NumberOfSections, "the section table does not hold as many")
        sections = []
        free = self.optional.SizeOfHeaders
        for index, header in enumerate(self.headers_of_sections):
            title = f"section {index}"
            rva, raw_size, raw = header.VirtualAddress, header.SizeOfRawData, header.PointerToRawData
            size = header.Misc_VirtualSize or raw_size
            if rva % self.optional.SectionAlignment:
                self.refuse(f"{title} VirtualAddress", rva, "not a multiple of SectionAlignment")
            if rva < free:
                self.refuse(f"{title} VirtualAddress", rva, f"overlaps what lies before 0x{free:X}, or is out of order")
            if rva + size > self.optional.SizeOfImage:
                self.refuse(f"{title} VirtualSize", size, f"ends beyond SizeOfImage 0x{self.optional.SizeOfImage:X}")
            if raw_size and raw % _RAW_GRANULARITY:
                self.refuse(f"{title} PointerToRawData", raw, f"not a multiple of 0x{_RAW_GRANULARITY:X}")
            if raw_size and raw + raw_size > len(self.data):
                self.refuse(f"{title} SizeOfRawData", raw_size, f"ends beyond the file of 0x{len(self.data):X} bytes")
            flags = header.Characteristics
            sections.append(
                Section(
                    name=self.section_name(title, header.Name.rstrip(b"\0")),
                    rva=rva,
                    virtual_size=size,
                    data=self.data[raw : raw + min(raw_size, size)] if raw_size else b"",
                    readable=bool(flags & _READ),
                    writable=bool(flags & _WRITE),
                    executable=bool(flags & _EXECUTE),
                    discardable=bool(flags & _DISCARDABLE),
                )
            )
            free = rva + size
        return tuple(sections)

    def section_name(self, title: str, raw: bytes) -> str:
        # A name of more than eight bytes is "/" and a decimal offset into the string table behind the symbol table.
        if not raw.startswith(b"/"):
            return raw.decode("utf-8", "backslashreplace")
        strings = self.header.PointerToSymbolTable + self.header.NumberOfSymbols * _SYMBOL_SIZE
        digits = raw[1:]
        start = strings + int(digits) if digits.isdigit() else len(self.data)
        end = self.data.find(b"\0", start, start + _LONGEST_SECTION_NAME)
        if self.header.PointerToSymbolTable == 0 or end < 0:
            self.refuse(f"{title} Name", repr(raw)[2:-1], "not an offset into the string table")
        return self.data[start:end].decode("utf-8", "backslashreplace")

    def read_directories(self) -> dict[str, tuple[int, int]]:
        directories = dict.fromkeys(DIRECTORIES, (0, 0))
        if self.optional.NumberOfRvaAndSizes > len(DIRECTORIES):
            self.refuse("NumberOfRvaAndSizes", self.optional.NumberOfRvaAndSizes, f"more than {len(DIRECTORIES)}")
        if len(self.directory_entries) != self.optional.NumberOfRvaAndSizes:
            self.refuse("NumberOfRvaAndSizes", self.optional.NumberOfRvaAndSizes, "the header does not hold as many")
        for title, entry in zip(DIRECTORIES, self.directory_entries, strict=False):
            rva, size = entry.VirtualAddress, entry.Size
            limit = len(self.data) if title == "security" else self.optional.SizeOfImage
            if size and rva + size > limit:
                self.refuse(f"{title} directory", f"0x{rva:X}+0x{size:X}", f"ends beyond 0x{limit:X}")
            if size and rva % 4 and title in ("import", "exception", "relocation"):
                self.refuse(f"{title} directory", rva, "not a multiple of 4")
            directories[title] = (rva, size) if size else (0, 0)
        return directories
