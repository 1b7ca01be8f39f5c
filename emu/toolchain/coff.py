# SPDX-License-Identifier: GPL-2.0-or-later
"""COFF objects and archives, as far as a linker's caller must know them: what they define, and what they import.

Layouts: Microsoft, "PE Format": COFF File Header, Section Table, COFF Symbol Table, Archive (Library) File Format.
"""

import struct
from typing import NamedTuple

AMD64 = 0x8664
ARCHIVE_MAGIC = b"!<arch>\n"

_FILE_HEADER = struct.Struct("<HHIIIHH")
_SECTION = struct.Struct("<8sIIIIIIHHI")
_SYMBOL = struct.Struct("<8sIhHBB")
_CLASS_EXTERNAL = 2
_CLASS_STATIC = 3
_CONTAINS_CODE = 0x20
_IS_COMDAT = 0x1000
_COMDAT_NO_DUPLICATES = 1


_IMPORT_PREFIX = "__imp_"


class GlobalSymbol(NamedTuple):
    """A symbol that an object defines for others."""

    name: str
    is_data: bool


class _Symbol(NamedTuple):
    """An external symbol; section 0 with no value is undefined."""

    name: str
    section: int
    is_defined: bool


class _Symbols(NamedTuple):
    externals: list[_Symbol]
    characteristics: list[int]
    repeatable: set[int]


def object_globals(data: bytes) -> list[GlobalSymbol]:
    """Return the global symbols that an AMD64 object defines, in the order of its symbol table.

    Symbols of a COMDAT that may be defined more than once are left out: they are inline functions, string literals and
    constants, which every object has. Raises ValueError when the bytes are no such object.
    """
    symbols = _read_symbols(data)
    return [
        GlobalSymbol(name, section == 0 or not symbols.characteristics[section - 1] & _CONTAINS_CODE)
        for name, section, is_defined in symbols.externals
        if is_defined and section not in symbols.repeatable
    ]


def object_imports(data: bytes) -> set[str]:
    """Return the names that an AMD64 object imports outright, as `__declspec(dllimport)` and `__imp_NAME` do.

    Raises ValueError when the bytes are no such object.
    """
    return {
        name.removeprefix(_IMPORT_PREFIX)
        for name, _, is_defined in _read_symbols(data).externals
        if not is_defined and name.startswith(_IMPORT_PREFIX)
    }


def _read_symbols(data: bytes) -> _Symbols:
    try:
        return _read_symbol_table(data)
    except (struct.error, IndexError) as error:
        raise ValueError("truncated COFF object") from error


def _read_symbol_table(data: bytes) -> _Symbols:
    machine, section_count, _, table, symbol_count, optional_size, _ = _FILE_HEADER.unpack_from(data)
    if machine != AMD64:
        raise ValueError(f"no AMD64 COFF object: the machine field is 0x{machine:04X} (compiled with /GL or /bigobj?)")
    strings = table + symbol_count * _SYMBOL.size
    characteristics = [
        _SECTION.unpack_from(data, _FILE_HEADER.size + optional_size + index * _SECTION.size)[-1]
        for index in range(section_count)
    ]
    found: list[_Symbol] = []
    repeatable: set[int] = set()
    index = 0
    while index < symbol_count:
        offset = table + index * _SYMBOL.size
        raw, value, section, _, storage, auxiliary = _SYMBOL.unpack_from(data, offset)
        if storage == _CLASS_STATIC and section > 0 and auxiliary and value == 0:
            # A section's own symbol: byte 14 of its auxiliary record is the COMDAT selection.
            selection = data[offset + _SYMBOL.size + 14]
            if characteristics[section - 1] & _IS_COMDAT and selection != _COMDAT_NO_DUPLICATES:
                repeatable.add(section)
        elif storage == _CLASS_EXTERNAL and section >= 0:
            found.append(_Symbol(_symbol_name(data, raw, strings), section, section > 0 or value > 0))
        index += 1 + auxiliary
    return _Symbols(found, characteristics, repeatable)


def _symbol_name(data: bytes, raw: bytes, strings: int) -> str:
    if raw[:4] != b"\0\0\0\0":
        return raw.rstrip(b"\0").decode("utf-8", "replace")
    start = strings + int.from_bytes(raw[4:], "little")
    end = data.find(b"\0", start)
    if end < 0:
        raise ValueError("a symbol's name lies outside the string table")
    return data[start:end].decode("utf-8", "replace")


def archive_globals(data: bytes) -> set[str]:
    """Return the names that an archive's first linker member lists; raises ValueError when it has none."""
    header = len(ARCHIVE_MAGIC)
    if not data.startswith(ARCHIVE_MAGIC) or data[header : header + 16].rstrip() != b"/":
        raise ValueError("no archive with a symbol index")
    member = header + 60
    try:
        size = int(data[header + 48 : header + 58])
        (count,) = struct.unpack_from(">I", data, member)
    except (ValueError, struct.error) as error:
        raise ValueError("truncated archive") from error
    names = data[member + 4 + 4 * count : member + size].split(b"\0")[:count]
    return {name.decode("utf-8", "replace") for name in names}
