# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu.cpu import registers as r
from emu.cpu.instruction import Operand, decode

READ_MODIFY_WRITE = {
    "add [rdi], al": "0007",
    "or [rdi], al": "0807",
    "adc [rdi], al": "1007",
    "sbb [rdi], al": "1807",
    "and [rdi], al": "2007",
    "sub [rdi], al": "2807",
    "xor [rdi], al": "3007",
    "add qword ptr [rdi], 1": "48830701",
    "inc byte ptr [rdi]": "fe07",
    "dec dword ptr [rdi]": "ff0f",
    "not byte ptr [rdi]": "f617",
    "neg byte ptr [rdi]": "f61f",
    "rol byte ptr [rdi], 1": "d007",
    "ror byte ptr [rdi], 1": "d00f",
    "rcl byte ptr [rdi], 1": "d017",
    "rcr byte ptr [rdi], 1": "d01f",
    "shl dword ptr [rdi], 3": "c12703",
    "shr dword ptr [rdi], cl": "d32f",
    "sar dword ptr [rdi], 1": "d13f",
    "shld [rdi], eax, 1": "0fa40701",
    "shrd [rdi], eax, cl": "0fad07",
    "bts dword ptr [rdi], 1": "0fba2f01",
    "btr dword ptr [rdi], 1": "0fba3701",
    "btc dword ptr [rdi], 1": "0fba3f01",
    "bts [rdi], eax": "0fab07",
    "xadd [rdi], al": "0fc007",
    "xchg [rdi], al": "8607",
    "cmpxchg [rdi], cl": "0fb00f",
    "lock cmpxchg [rdi], cl": "f00fb00f",
    "cmpxchg8b [rdi]": "0fc70f",
    "cmpxchg16b [rdi]": "480fc70f",
    "lock add [rdi], al": "f00007",
}

OTHERS = {
    "mov al, [rdi]": "8a07",
    "mov [rdi], al": "8807",
    "cmp [rdi], al": "3807",
    "test [rdi], al": "8407",
    "bt [rdi], eax": "0fa307",
    "add al, [rdi]": "0207",
    "movdqu xmm0, [rdi]": "f30f6f07",
    "rep movsb": "f3a4",
    "lodsb": "ac",
    "push qword ptr [rdi]": "ff37",
    "call [rdi]": "ff17",
    "lea rax, [rdi]": "488d07",
    "inc eax": "ffc0",
    "xchg eax, ecx": "91",
    "cmpxchg cl, al": "0fb0c1",
}


@pytest.mark.parametrize("code", READ_MODIFY_WRITE.values(), ids=READ_MODIFY_WRITE)
def test_read_modify_write(code: str) -> None:
    assert decode(bytes.fromhex(code)).read_modify_write


@pytest.mark.parametrize("code", OTHERS.values(), ids=OTHERS)
def test_anything_else(code: str) -> None:
    assert not decode(bytes.fromhex(code)).read_modify_write


@pytest.mark.parametrize(
    ("code", "operands"),
    [
        ("8a442410", [Operand(r.RSP, None, 1, 0x10, 1, True)]),  # mov al, [rsp+16]
        ("8a44cd80", [Operand(r.RBP, r.RCX, 8, -0x80, 1, True)]),  # mov al, [rbp+rcx*8-128]
        ("50", [Operand(r.RSP, None, 1, -8, 8, True)]),  # push rax
        ("6650", [Operand(r.RSP, None, 1, -2, 2, True)]),  # push ax
        ("58", [Operand(r.RSP, None, 1, 0, 8, True)]),  # pop rax
        ("6658", [Operand(r.RSP, None, 1, 0, 2, True)]),  # pop ax
        ("c3", [Operand(r.RSP, None, 1, 0, 8, True)]),  # ret
        ("c20800", [Operand(r.RSP, None, 1, 0, 8, True)]),  # ret 8
        ("e800000000", [Operand(r.RSP, None, 1, -8, 8, True)]),  # call
        ("48cf", [Operand(r.RSP, None, 1, 0, 8, True)]),  # iretq
        ("c9", [Operand(r.RBP, None, 1, 0, 8, True)]),  # leave
        ("9c", [Operand(r.RSP, None, 1, -8, 8, True)]),  # pushfq
        ("658a4500", []),  # mov al, gs:[rbp]
        ("8a0500000000", []),  # mov al, [rip]
        ("8a042b", [Operand(r.RBX, r.RBP, 1, 0, 1, False)]),  # mov al, [rbx+rbp]: RBP is the index
        ("f3480fb807", [Operand(r.RDI, None, 1, 0, 8, False)]),  # popcnt rax, [rdi]
        ("0f1107", [Operand(r.RDI, None, 1, 0, 16, False)]),  # movups [rdi], xmm0
        ("8a04cd00000000", [Operand(None, r.RCX, 8, 0, 1, False)]),  # mov al, [rcx*8]
        ("48a5", [Operand(r.RDI, None, 1, 0, 8, False), Operand(r.RSI, None, 1, 0, 8, False)]),  # movsq
    ],
)
def test_operands(code: str, operands: list[Operand]) -> None:
    assert list(decode(bytes.fromhex(code)).operands) == operands


def test_an_address_wraps_at_64_bits() -> None:
    registers = list(range(16))
    registers[r.RBP], registers[r.RCX] = 0x10, 3
    assert Operand(r.RBP, r.RCX, 8, -0x80, 1, True).address(registers) == 0xFFFF_FFFF_FFFF_FFA8


@pytest.mark.parametrize(
    ("code", "vector_extension", "evex"),
    [
        ("c5fc58c0", True, False),  # vaddps ymm0, ymm0, ymm0
        ("65c5fc1007", True, False),  # vmovups ymm0, gs:[rdi]
        ("c4e27d5a07", True, False),  # vbroadcasti128 ymm0, [rdi]
        ("62f17c4858c0", True, True),  # vaddps zmm0, zmm0, zmm0
        ("0f01d0", True, False),  # xgetbv
        ("0fae27", True, False),  # xsave [rdi]
        ("c4e278f2c1", False, False),  # andn eax, eax, ecx: BMI, which the engine has
        ("c4e2fbf7c1", False, False),  # shrx rax, rcx, rax: BMI2
        ("0f58c0", False, False),  # addps xmm0, xmm0
    ],
)
def test_what_the_engine_lacks(code: str, vector_extension: bool, evex: bool) -> None:
    instruction = decode(bytes.fromhex(code))
    assert (instruction.vector_extension, instruction.evex) == (vector_extension, evex)


@pytest.mark.parametrize("code", ["", "0f", "06", "f0", "0f0b"[:2], "ffffffff"])
def test_bytes_that_are_no_instruction(code: str) -> None:
    assert decode(bytes.fromhex(code)) == ("", 0, False, (), False, False, False, None)


@pytest.mark.parametrize(
    ("code", "stack_change"),
    [
        ("c3", 8),
        ("f3c3", 8),
        ("c20800", 16),  # ret 8
        ("ffd7", -8),  # call rdi
        ("ff5708", -8),  # call [rdi+8]
        ("ffe7", 0),  # jmp rdi
        ("3effe7", 0),  # notrack jmp rdi
        ("ff27", 0),  # jmp [rdi]
        ("e800000000", None),  # call
        ("eb00", None),  # jmp
        ("7500", None),  # jne
        ("48cf", None),  # iretq
        ("48cb", None),  # retf
        ("e200", None),  # loop
        ("cc", None),  # int3
    ],
)
def test_what_ends_a_block(code: str, stack_change: int | None) -> None:
    instruction = decode(bytes.fromhex(code))
    assert instruction.ends_block
    assert instruction.stack_change == stack_change


@pytest.mark.parametrize("code", ["90", "8a07", "c9", "50", "f3a4", "0fb0c1"])
def test_what_does_not(code: str) -> None:
    assert not decode(bytes.fromhex(code)).ends_block


def test_text_and_length() -> None:
    instruction = decode(bytes.fromhex("f3a490909090909090909090909090"))
    assert instruction.text == "rep movsb byte ptr [rdi], byte ptr [rsi]"
    assert instruction.length == 2
