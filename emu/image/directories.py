# SPDX-License-Identifier: GPL-2.0-or-later
"""The three directories that a loader works from: imports, exports, base relocations.

Read here and not by `pefile`, which passes over the entries that it cannot read: to a loader each of them is an error.
Layouts: Microsoft, "PE Format": The .idata Section, The .edata Section, The .reloc Section.
"""

import struct
from typing import NamedTuple, NoReturn

from emu.image.errors import ImageError

MOST_ENTRIES = 0x10000
"""Imports, and exported names or addresses, that one image may have."""

MOST_DLLS = 0x1000
"""DLLs that one image may import from."""

MOST_RELOCATIONS = 0x10_0000
"""Addresses that may move with one image."""

_LONGEST_NAME = 4096
_IMPORT_DESCRIPTOR = struct.Struct("<IIIII")
_EXPORT_DIRECTORY = struct.Struct("<IIHHIIIIIII")
_BLOCK = struct.Struct("<II")
_DWORD = struct.Struct("<I")
_WORD = struct.Struct("<H")
_QWORD = struct.Struct("<Q")
_LARGEST_BLOCK = _BLOCK.size + 0x1000 * _WORD.size
"""A relocation block's size with an entry for each byte of its page."""
_BY_ORDINAL = 1 << 63
_ABSOLUTE = 0
_DIR64 = 10
_RELOCATION_TYPES = {1: "HIGH", 2: "LOW", 3: "HIGHLOW", 4: "HIGHADJ"}


class Import(NamedTuple):
    """One imported name, and the RVA of the import address table's slot that receives its address."""

    dll: str
    name: str
    iat_rva: int


class _Mapped:
    """An image by RVA, read with a check of every bound."""

    def __init__(self, image: bytes, name: str) -> None:
        self.image = image
        self.name = name
        self.named = 0
        """Bytes of all the names read so far."""

    def refuse(self, field: str, value: int | str, why: str) -> NoReturn:
        shown = f"0x{value:X}" if isinstance(value, int) else value
        raise ImageError(f"{self.name}: {field} = {shown}: {why}")

    def fields(self, layout: struct.Struct, rva: int, what: str) -> tuple[int, ...]:
        if rva + layout.size > len(self.image):
            self.refuse(what, rva, f"outside the image of 0x{len(self.image):X} bytes")
        return layout.unpack_from(self.image, rva)

    def text(self, rva: int, what: str) -> str:
        end = self.image.find(b"\0", rva, rva + _LONGEST_NAME) if rva else -1
        raw = self.image[rva:end] if end >= 0 else b""
        name = raw.decode("ascii", "backslashreplace")
        if not raw.isascii() or not name.isprintable() or " " in name or not name:
            self.refuse(what, rva, "no printable, zero-terminated name there")
        self.named += len(raw) + 1
        if self.named > len(self.image):
            self.refuse(what, rva, f"the names up to it take more than the image of 0x{len(self.image):X} bytes")
        return name


def read_imports(image: bytes, rva: int, size: int, name: str) -> list[Import]:
    """Return every import, in the order of the file; raises ImageError, also for one by ordinal."""
    mapped = _Mapped(image, name)
    found: list[Import] = []
    last = rva + MOST_DLLS * _IMPORT_DESCRIPTOR.size
    while size:
        lookup, _, _, dll_rva, addresses = mapped.fields(_IMPORT_DESCRIPTOR, rva, "import descriptor")
        if dll_rva == 0 and addresses == 0:
            break
        if rva >= last:
            mapped.refuse("import descriptor", rva, f"more than the limit of 0x{MOST_DLLS:X} DLLs")
        dll = mapped.text(dll_rva, "import descriptor Name")
        slot, lookup = addresses, lookup or addresses
        while True:
            (thunk,) = mapped.fields(_QWORD, lookup, f"import lookup table of {dll}")
            if thunk == 0:
                break
            if thunk & _BY_ORDINAL:
                mapped.refuse(f"import from {dll}", f"ordinal {thunk & 0xFFFF}", "imports by ordinal are not modelled")
            mapped.fields(_QWORD, slot, f"import address table of {dll}")
            symbol = mapped.text((thunk & (_BY_ORDINAL - 1)) + _WORD.size, f"import name from {dll}")
            found.append(Import(dll, symbol, slot))
            if len(found) > MOST_ENTRIES:
                mapped.refuse("number of imports", len(found), f"more than the limit of 0x{MOST_ENTRIES:X}")
            lookup, slot = lookup + _QWORD.size, slot + _QWORD.size
        rva += _IMPORT_DESCRIPTOR.size
    return found


def read_exports(image: bytes, rva: int, size: int, name: str) -> dict[str, int]:
    """Return the RVA of every exported name; raises ImageError, also for a forwarded one."""
    if not size:
        return {}
    mapped = _Mapped(image, name)
    directory = mapped.fields(_EXPORT_DIRECTORY, rva, "export directory")
    address_count, name_count, addresses, names, ordinals = directory[6:]
    for field, count in (("NumberOfFunctions", address_count), ("NumberOfNames", name_count)):
        if count > MOST_ENTRIES:
            mapped.refuse(f"export {field}", count, f"more than the limit of 0x{MOST_ENTRIES:X}")
    found: dict[str, int] = {}
    for index in range(name_count):
        (name_rva,) = mapped.fields(_DWORD, names + 4 * index, "export AddressOfNames")
        symbol = mapped.text(name_rva, f"export name {index}")
        (ordinal,) = mapped.fields(_WORD, ordinals + 2 * index, "export AddressOfNameOrdinals")
        if ordinal >= address_count:
            mapped.refuse(f"export ordinal of {symbol}", ordinal, f"not below NumberOfFunctions 0x{address_count:X}")
        (target,) = mapped.fields(_DWORD, addresses + 4 * ordinal, "export AddressOfFunctions")
        if rva <= target < rva + size:
            mapped.refuse(f"export {symbol}", f"forwarder {mapped.text(target, symbol)}", "forwarders are not modelled")
        if not 0 < target < len(image):
            mapped.refuse(f"export {symbol}", target, f"outside the image of 0x{len(image):X} bytes")
        if symbol in found:
            mapped.refuse(f"export {symbol}", target, "exported twice")
        found[symbol] = target
    return found


def read_relocations(image: bytes, rva: int, size: int, name: str) -> list[int]:
    """Return the RVA of every 64-bit address in the image, in the order of the file; raises ImageError."""
    mapped = _Mapped(image, name)
    found: list[int] = []
    end = rva + size
    while rva < end:
        page, block_size = mapped.fields(_BLOCK, rva, "relocation block")
        if block_size < _BLOCK.size or block_size % 4 or rva + block_size > end:
            mapped.refuse("relocation SizeOfBlock", block_size, "not a multiple of 4 that fits the directory")
        if block_size > _LARGEST_BLOCK:
            mapped.refuse("relocation SizeOfBlock", block_size, f"more than the 0x{_LARGEST_BLOCK:X} bytes of a page's")
        for (entry,) in _WORD.iter_unpack(image[rva + _BLOCK.size : rva + block_size]):
            kind, offset = entry >> 12, page + (entry & 0xFFF)
            if kind == _ABSOLUTE:
                continue
            if kind != _DIR64:
                shown = _RELOCATION_TYPES.get(kind, str(kind))
                mapped.refuse(f"relocation type at 0x{offset:X}", shown, "only DIR64 and ABSOLUTE are known for AMD64")
            if offset + _QWORD.size > len(image):
                mapped.refuse("relocation", offset, f"outside the image of 0x{len(image):X} bytes")
            found.append(offset)
        if len(found) > MOST_RELOCATIONS:
            mapped.refuse("number of relocations", len(found), f"more than the limit of 0x{MOST_RELOCATIONS:X}")
        rva += block_size
    return found
