# SPDX-License-Identifier: GPL-2.0-or-later
"""A small PE image written field by field, with one of everything that a loader or an unwinder reads.

It does not come out of a toolchain, so that an edit of the corpus means the same for ever.
"""

from __future__ import annotations

import functools
import struct
from typing import Final, NamedTuple

from emu.seh.unwind_info import UnwindCode
from tests.fuzz.edits import Field
from tests.seh.unwind_images import allocate, encode_unwind_info, machine_frame, push, save, save_xmm, set_frame

BASE: Final = 0xFFFF_F800_0000_0000
SIZE_OF_IMAGE: Final = 0x7000
TEXT, RDATA, PDATA, DATA, RELOC = 0x1000, 0x2000, 0x4000, 0x5000, 0x6000
FUNCTION_SIZE: Final = 0x40
_UNWIND_DATA_SIZE: Final = 0x60

_SECTIONS: Final = (
    # name, RVA, virtual size, file offset, file size, characteristics
    (".text", TEXT, 0x400, 0x400, 0x400, 0x6000_0020),
    (".rdata", RDATA, 0x1000, 0x800, 0x1000, 0x4000_0040),
    (".pdata", PDATA, 0x200, 0x1800, 0x200, 0x4000_0040),
    (".data", DATA, 0x600, 0x1A00, 0x200, 0xC000_0040),
    (".reloc", RELOC, 0x200, 0x1C00, 0x200, 0x4200_0040),
)
_FILE_SIZE: Final = 0x1E00

IMPORTS: Final = ("DbgPrint", "__C_specific_handler", "MmUserProbeAddress")
EXPORTS: Final = ("DriverEntry", "first", "second", "table")


class Sample(NamedTuple):
    """The file, the same by RVA, and the fields of each."""

    file: bytes
    fields: tuple[Field, ...]
    mapped: bytes
    mapped_fields: tuple[Field, ...]
    functions: tuple[int, ...]
    """Where the functions begin."""


class _Writer:
    def __init__(self) -> None:
        self.file = bytearray(_FILE_SIZE)
        self.fields: list[Field] = []
        self.at = 0

    def move_to(self, rva: int) -> None:
        self.at = to_file(rva)

    def put(self, name: str, layout: str, *values: int) -> None:
        """Write integers, each of them a field."""
        for letter, value in zip(layout, values, strict=True):
            size = struct.calcsize("<" + letter)
            struct.pack_into("<" + letter, self.file, self.at, value)
            self.fields.append(Field(name, self.at, size))
            self.at += size

    def put_bytes(self, name: str, data: bytes) -> None:
        """Write bytes, each of them a field."""
        for index in range(len(data)):
            self.fields.append(Field(name, self.at + index, 1))
        self.file[self.at : self.at + len(data)] = data
        self.at += len(data)


def to_file(rva: int) -> int:
    """Return where an RVA's byte lies in the file."""
    for _, start, _, raw, size, _ in _SECTIONS:
        if start <= rva < start + size:
            return raw + rva - start
    return rva


def to_rva(offset: int) -> int:
    """Return the RVA of a byte of the file."""
    for _, start, _, raw, size, _ in _SECTIONS:
        if raw <= offset < raw + size:
            return start + offset - raw
    return offset


@functools.cache
def sample() -> Sample:
    """Build the image."""
    writer = _Writer()
    _write_headers(writer)
    _write_functions(writer)
    _write_function_table(writer)
    _write_imports(writer)
    _write_exports(writer)
    _write_load_config(writer)
    _write_data(writer)
    file = bytes(writer.file)
    mapped = bytearray(SIZE_OF_IMAGE)
    mapped[:0x400] = file[:0x400]
    for _, rva, _, raw, size, _ in _SECTIONS:
        mapped[rva : rva + size] = file[raw : raw + size]
    unwinding = [field for field in writer.fields if field.name in ("code", "unwind", "function table")]
    return Sample(
        file,
        tuple(writer.fields),
        bytes(mapped),
        tuple(Field(name, to_rva(offset), size) for name, offset, size in unwinding),
        tuple(_begin(index) for index in range(len(_FUNCTIONS) + 1)),
    )


def _write_headers(writer: _Writer) -> None:
    writer.put("DOS", "H", 0x5A4D)
    writer.at = 0x3C
    writer.put("DOS", "I", 0x40)
    writer.put("signature", "I", 0x4550)
    writer.put("file header", "HHIIIHH", 0x8664, len(_SECTIONS), 0, 0, 0, 240, 0x2022)
    writer.put("optional header", "HBBIIIII", 0x20B, 14, 0, 0x400, 0x1800, 0, TEXT, TEXT)
    writer.put("optional header", "QII", BASE, 0x1000, 0x200)
    writer.put("optional header", "HHHHHHIIIIHH", 10, 0, 0, 0, 10, 0, 0, SIZE_OF_IMAGE, 0x400, 0, 1, 0)
    writer.put("optional header", "QQQQII", 0x10_0000, 0x1000, 0x10_0000, 0x1000, 0, 16)
    directories = {
        0: (RDATA + 0x600, 0x200),
        1: (RDATA + 0x400, 40),
        3: (PDATA, 12 * 11),
        5: (RELOC, 12),
        10: (RDATA + 0x800, 0x140),
    }
    for index in range(16):
        writer.put("data directory", "II", *directories.get(index, (0, 0)))
    for name, rva, size, raw, raw_size, characteristics in _SECTIONS:
        writer.put_bytes("section name", name.encode().ljust(8, b"\0"))
        writer.put("section header", "IIIIIIHHI", size, rva, raw_size, raw, 0, 0, 0, 0, characteristics)


class _Function(NamedTuple):
    """A function: the code of its prologue, its unwind codes, and what the header says beyond them."""

    prologue: bytes
    codes: tuple[UnwindCode, ...]
    tail: bytes = b""
    """Behind the codes: the handler and its data, or the chained entry."""
    flags: int = 0
    prolog: int = 0
    version: int = 1
    frame_register: int = 0
    frame_offset: int = 0


def _begin(index: int) -> int:
    return TEXT + index * FUNCTION_SIZE


def _unwind_data(index: int) -> int:
    return RDATA + index * _UNWIND_DATA_SIZE


def _chained_to(index: int) -> bytes:
    return struct.pack("<III", _begin(index), _begin(index + 1), _unwind_data(index))


_SCOPES: Final = struct.pack(
    "<II8I", TEXT, 2, TEXT + 8, TEXT + 0x20, 1, TEXT + 0x28, TEXT + 8, TEXT + 0x30, TEXT + 0x80, 0
)
_COOKIE: Final = struct.pack("<III", TEXT, 0, 0x20 | 3)

_FUNCTIONS: Final = (
    _Function(b"\x48\x83\xec\x28", (allocate(4, 0x28),), _SCOPES, flags=3, prolog=4),
    _Function(b"\x53\x56\x48\x83\xec\x38", (allocate(6, 0x38), push(2, 6), push(1, 3)), prolog=6),
    _Function(
        b"\x55\x48\x83\xec\x40\x48\x8d\x6c\x24\x20",
        (set_frame(10), allocate(5, 0x40), push(1, 5)),
        prolog=10,
        frame_register=5,
        frame_offset=0x20,
    ),
    _Function(
        b"\x48\x81\xec\x00\x10\x00\x00",
        (save_xmm(0x20, 6, 0x40), save(0x18, 3, 0x30), save(0x10, 6, 0x38, far=True), allocate(7, 0x1000)),
        prolog=0x20,
    ),
    _Function(b"\x50\x50", (allocate(2, 0x10), machine_frame(0, error_code=True)), prolog=2),
    _Function(b"\x48\x81\xec\x00\x00\x09\x00", (allocate(7, 0x90000),), _COOKIE, flags=1, prolog=7),
    _Function(b"\x41\x54\x57", (push(3, 7), push(2, 12)), prolog=3, version=2),
    _Function(b"", (save(0, 12, 0x50),), _chained_to(1), flags=4),
    _Function(b"", (), _chained_to(7), flags=4),
    _Function(b"\x90", ()),
)
_EPILOGUE: Final = b"\x48\x83\xc4\x28\x5b\xc3"
_FRAME_REGISTER_EPILOGUE: Final = b"\x48\x8d\x65\x20\x5d\xc3"
_VERSION_2_EPILOGUES: Final = b"\x03\x16\x00\x06"


def _write_functions(writer: _Writer) -> None:
    for index, function in enumerate(_FUNCTIONS):
        writer.move_to(_begin(index))
        epilogue = _FRAME_REGISTER_EPILOGUE if function.frame_register else _EPILOGUE
        body = b"\x90" * (FUNCTION_SIZE - len(function.prologue) - len(epilogue))
        writer.put_bytes("code", function.prologue + body + epilogue)
        writer.move_to(_unwind_data(index))
        data = encode_unwind_info(
            function.codes,
            version=function.version,
            flags=function.flags,
            prolog=function.prolog,
            frame_register=function.frame_register,
            frame_offset=function.frame_offset,
            epilog_slots=_VERSION_2_EPILOGUES if function.version == 2 else b"",
            tail=function.tail,
        )
        writer.put_bytes("unwind", data)


def _write_function_table(writer: _Writer) -> None:
    writer.move_to(PDATA)
    for index in range(len(_FUNCTIONS)):
        writer.put("function table", "III", _begin(index), _begin(index + 1), _unwind_data(index))
    last = len(_FUNCTIONS)
    writer.put("function table", "III", _begin(last), _begin(last + 1), PDATA | 1)


def _write_imports(writer: _Writer) -> None:
    lookup, table, names = RDATA + 0x440, RDATA + 0x480, RDATA + 0x4C0
    writer.move_to(RDATA + 0x400)
    writer.put("import", "IIIII", lookup, 0, 0, names, table)
    writer.put("import", "IIIII", 0, 0, 0, 0, 0)
    writer.move_to(names)
    writer.put_bytes("import name", b"ntoskrnl.exe\0\0")
    entries = []
    for name in IMPORTS:
        entries.append(to_rva(writer.at))
        writer.put_bytes("import name", b"\0\0" + name.encode() + b"\0")
    for at in (lookup, table):
        writer.move_to(at)
        writer.put("import", "Q" * (len(entries) + 1), *entries, 0)


def _write_exports(writer: _Writer) -> None:
    at = RDATA + 0x600
    addresses, names, ordinals, strings = at + 0x28, at + 0x40, at + 0x60, at + 0x80
    writer.move_to(at)
    writer.put("export", "IIHHIIIIIII", 0, 0, 0, 0, strings, 1, 4, 4, addresses, names, ordinals)
    writer.put("export", "IIII", TEXT, TEXT + 0x40, TEXT + 0x80, DATA)
    writer.move_to(strings)
    writer.put_bytes("export name", b"sample.sys\0")
    positions = []
    for name in EXPORTS:
        positions.append(to_rva(writer.at))
        writer.put_bytes("export name", name.encode() + b"\0")
    writer.move_to(names)
    writer.put("export", "IIII", *positions)
    writer.move_to(ordinals)
    writer.put("export", "HHHH", 0, 1, 2, 3)


def _write_load_config(writer: _Writer) -> None:
    at = RDATA + 0x800
    writer.move_to(at)
    writer.put("load configuration", "I", 0x140)
    cookie, check = BASE + DATA + 0x10, BASE + RDATA + 0xA00
    for offset, value in ((0x58, cookie), (0x70, check), (0x78, check + 8), (0x118, 0), (0x120, 0), (0x128, 0)):
        writer.move_to(at + offset)
        writer.put("load configuration", "Q", value)


def _write_data(writer: _Writer) -> None:
    writer.move_to(DATA)
    writer.put("data", "QQQ", BASE + TEXT, BASE + TEXT + 0x40, 0x0000_2B99_2DDF_A232)
    writer.move_to(RELOC)
    writer.put("relocation", "IIHH", DATA, 12, 0xA000, 0xA008)
