# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu.address import Gva
from emu.cpu.divisor import divisor_of

REGISTERS = [0x1111_2222_3333_4400 + i for i in range(16)]
AT = Gva(0xFFFF_F800_0000_1000)


@pytest.mark.parametrize(
    ("code", "divisor"),
    [
        ("f7f1", REGISTERS[1] & 0xFFFF_FFFF),  # div ecx
        ("48f7f9", REGISTERS[1]),  # idiv rcx
        ("66f7f3", REGISTERS[3] & 0xFFFF),  # div bx
        ("f6f1", REGISTERS[1] & 0xFF),  # div cl
        ("f6f5", REGISTERS[1] >> 8 & 0xFF),  # div ch
        ("40f6f6", REGISTERS[6] & 0xFF),  # div sil
        ("41f7f0", REGISTERS[8] & 0xFFFF_FFFF),  # div r8d
        ("49f7f7", REGISTERS[15]),  # div r15
        ("41f6f1", REGISTERS[9] & 0xFF),  # div r9b
        ("90", None),  # nop
        ("06", None),  # no instruction
    ],
)
def test_register_divisors(code: str, divisor: int | None) -> None:
    assert divisor_of(bytes.fromhex(code), AT, REGISTERS, lambda address, size: b"") == divisor


@pytest.mark.parametrize(
    ("code", "address", "size"),
    [
        ("f737", REGISTERS[7], 4),  # div dword ptr [rdi]
        ("48f774cf10", REGISTERS[7] + REGISTERS[1] * 8 + 0x10, 8),  # div qword ptr [rdi+rcx*8+16]
        ("f6350a000000", AT + 6 + 10, 1),  # div byte ptr [rip+10]
    ],
)
def test_memory_divisors(code: str, address: int, size: int) -> None:
    read: list[tuple[int, int]] = []

    def read_memory(at: Gva, count: int) -> bytes:
        read.append((at, count))
        return (7).to_bytes(count, "little")

    assert divisor_of(bytes.fromhex(code), AT, REGISTERS, read_memory) == 7
    assert read == [(address & (1 << 64) - 1, size)]
