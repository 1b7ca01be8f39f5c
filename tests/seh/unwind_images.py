# SPDX-License-Identifier: GPL-2.0-or-later
"""Hand-made images for unwinder tests: an encoder for unwind data, a table, memory."""

import struct
from collections.abc import Sequence

from emu.address import Gva
from emu.image.function_table import RuntimeFunction
from emu.nt.unwind import UnwindOp
from emu.seh.unwind_info import UnwindCode

IMAGE_BASE = Gva(0xFFFFF800_00000000)
MASK = 0xFFFF_FFFF_FFFF_FFFF


def push(offset: int, register: int) -> UnwindCode:
    return UnwindCode(offset, UnwindOp.PUSH_NONVOL, register, 0)


def allocate(offset: int, size: int) -> UnwindCode:
    if size <= 128:
        return UnwindCode(offset, UnwindOp.ALLOC_SMALL, size // 8 - 1, size)
    return UnwindCode(offset, UnwindOp.ALLOC_LARGE, 0 if size <= 8 * 0xFFFF else 1, size)


def set_frame(offset: int) -> UnwindCode:
    return UnwindCode(offset, UnwindOp.SET_FPREG, 0, 0)


def save(offset: int, register: int, where: int, far: bool = False) -> UnwindCode:
    op = UnwindOp.SAVE_NONVOL_FAR if far else UnwindOp.SAVE_NONVOL
    return UnwindCode(offset, op, register, where)


def save_xmm(offset: int, register: int, where: int, far: bool = False) -> UnwindCode:
    op = UnwindOp.SAVE_XMM128_FAR if far else UnwindOp.SAVE_XMM128
    return UnwindCode(offset, op, register, where)


def machine_frame(offset: int, error_code: bool) -> UnwindCode:
    return UnwindCode(offset, UnwindOp.PUSH_MACHFRAME, int(error_code), 0)


def encode_slots(codes: Sequence[UnwindCode]) -> bytes:
    """Encode codes, given in file order, as Microsoft Learn describes them."""
    data = b""
    for code in codes:
        data += bytes([code.offset, int(code.op) | code.info << 4])
        match code.op:
            case UnwindOp.ALLOC_LARGE if code.info == 0:
                data += struct.pack("<H", code.operand // 8)
            case UnwindOp.SAVE_NONVOL:
                data += struct.pack("<H", code.operand // 8)
            case UnwindOp.SAVE_XMM128:
                data += struct.pack("<H", code.operand // 16)
            case UnwindOp.ALLOC_LARGE | UnwindOp.SAVE_NONVOL_FAR | UnwindOp.SAVE_XMM128_FAR:
                data += struct.pack("<I", code.operand)
    return data


def encode_unwind_info(
    codes: Sequence[UnwindCode] = (),
    *,
    version: int = 1,
    flags: int = 0,
    prolog: int = 0,
    frame_register: int = 0,
    frame_offset: int = 0,
    epilog_slots: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """Encode an UNWIND_INFO; `tail` is the handler RVA and data, or the chained entry."""
    slots = epilog_slots + encode_slots(codes)
    header = bytes([version | flags << 3, prolog, len(slots) // 2, frame_register | frame_offset // 16 << 4])
    return header + slots + bytes(len(slots) % 4) + tail


class Image:
    """Bytes by RVA and a function table, as the unwinder sees a loaded image."""

    def __init__(self, size: int = 0x4000) -> None:
        self.data = bytearray(b"\x90" * 0x1000 + bytes(size - 0x1000))
        self.functions: list[RuntimeFunction] = []

    def place(self, rva: int, data: bytes) -> int:
        self.data[rva : rva + len(data)] = data
        return rva

    def function(self, begin: int, end: int, unwind_info: int) -> None:
        self.functions.append(RuntimeFunction(begin, end, unwind_info))

    def lookup(self, rva: int) -> RuntimeFunction | None:
        for entry in self.functions:
            if entry.begin <= rva < entry.end:
                return entry
        return None

    def read(self, rva: int, size: int) -> bytes:
        if rva < 0 or rva + size > len(self.data):
            raise LookupError(f"rva 0x{rva:x} is outside of the image")
        return bytes(self.data[rva : rva + size])


class Memory:
    """Sparse memory with a fixed noise byte wherever nothing was written."""

    def __init__(self) -> None:
        self.written: dict[int, int] = {}

    def write_u64(self, address: int, value: int) -> None:
        self.write(address, value.to_bytes(8, "little"))

    def write(self, address: int, data: bytes) -> None:
        for index, byte in enumerate(data):
            self.written[(address + index) & MASK] = byte

    def read(self, address: int, size: int) -> bytes:
        assert size > 0
        return bytes(self._byte((address + index) & MASK) for index in range(size))

    def read_u64(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")

    def _byte(self, address: int) -> int:
        noise = (address * 0x9E3779B97F4A7C15 & MASK) >> 56
        return self.written.get(address, noise)
