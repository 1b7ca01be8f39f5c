# SPDX-License-Identifier: GPL-2.0-or-later
"""The version 1 epilogue recogniser over code bytes, and version 2's descriptors."""

import capstone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.nt.unwind import UnwindOp
from emu.seh.context import RBP, RBX, RDI, RSP
from emu.seh.epilogue import (
    Epilogue,
    recognise_epilogue,
    version_2_epilogue,
    version_2_epilogue_offset,
)
from emu.seh.unwind_info import UnwindCode, UnwindError, UnwindInfo, decode_unwind_info
from tests.seh.unwind_images import allocate, encode_unwind_info, machine_frame, push, save

R12, R13 = 12, 13
TERMINATORS = ["c3", "c2 10 00", "f3 c3", "f2 c3", "ff 25 78 56 34 12", "48 ff e0", "f2 48 ff e0"]
JUMPS = ["eb 10", "e9 10 00 00 00", "f2 e9 10 00 00 00"]


def recognise(text: str, frame_register: int = 0, leaves: bool = True) -> Epilogue | None:
    return recognise_epilogue(bytes.fromhex(text), 0x1000, frame_register, lambda target: leaves)


@pytest.mark.parametrize("terminator", TERMINATORS + JUMPS)
@pytest.mark.parametrize(
    ("body", "stack_register", "displacement", "pops"),
    [
        ("", None, 0, ()),
        ("48 83 c4 28", RSP, 0x28, ()),
        ("48 83 c4 80", RSP, -0x80, ()),
        ("48 81 c4 00 10 00 00", RSP, 0x1000, ()),
        ("48 8d 65 10", RBP, 0x10, ()),
        ("48 8d a5 00 01 00 00", RBP, 0x100, ()),
        ("5b", None, 0, (RBX,)),
        ("41 5c 5f 40 5b", None, 0, (R12, RDI, RBX)),
        ("4f 5d", None, 0, (R13,)),
        ("48 8d 65 f0 5b 41 5d 5d", RBP, -0x10, (RBX, R13, RBP)),
    ],
)
def test_forms(
    body: str,
    stack_register: int | None,
    displacement: int,
    pops: tuple[int, ...],
    terminator: str,
) -> None:
    assert recognise(body + terminator, frame_register=RBP) == Epilogue(stack_register, displacement, pops)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "90 c3",
        "5b 90 c3",
        "48 83 c4 28 48 83 c4 28 c3",  # two adjustments
        "5b 48 83 c4 28 c3",  # an adjustment after a pop
        "48 83 ec 28 c3",  # sub
        "83 c4 28 c3",  # add esp
        "49 83 c4 28 c3",  # add r12
        "48 8d 63 10 c3",  # lea rsp, [rbx+16]: not the frame register
        "48 8d 6d 10 c3",  # lea rbp, [rbp+16]
        "48 8d 25 00 00 00 00 c3",  # lea rsp, [rip]
        "cb",  # far return
        "ff 24 25 00 00 00 00",  # jmp [disp32] without REX.W
        "ff e0",  # jmp rax without REX.W
        "41 ff e4",  # jmp r12 without REX.W
        "48 ff d0",  # call rax
        "48 ff 28",  # jmp far
        "e8 00 00 00 00",  # call
        "f2",
        "48 83 c4",
        "48 81 c4 00",
        "e9 00 00",
        "eb",
        "c2 08",
        "41",
        "48",
    ],
)
def test_not_an_epilogue(code: str) -> None:
    assert recognise(code, frame_register=RBP) is None


def test_lea_needs_a_frame_register() -> None:
    assert recognise("48 8d 60 10 c3", frame_register=0) is None
    assert recognise("49 8d 65 10 c3", frame_register=RBP) is None
    assert recognise("49 8d 65 10 c3", frame_register=R13) == Epilogue(R13, 0x10, ())


@pytest.mark.parametrize("terminator", JUMPS)
def test_a_jump_that_stays_is_no_terminator(terminator: str) -> None:
    assert recognise("5b" + terminator, leaves=False) is None


@pytest.mark.parametrize(
    ("code", "target"),
    [
        ("eb 10", 0x1012),
        ("eb fe", 0x1000),
        ("5b f2 eb 80", 0x1004 - 0x80),
        ("e9 00 01 00 00", 0x1105),
        ("41 5c e9 f9 ff ff ff", 0x1000),
    ],
)
def test_jump_target(code: str, target: int) -> None:
    targets: list[int] = []

    def leaves(rva: int) -> bool:
        targets.append(rva)
        return True

    assert recognise_epilogue(bytes.fromhex(code), 0x1000, 0, leaves) is not None
    assert targets == [target]


@pytest.mark.parametrize("rex", [None, *range(0x40, 0x50)])
def test_every_indirect_jump_form(rex: int | None) -> None:
    """Every ModRM with every REX: a near jump, and REX.W or exactly [rip+disp32] without one."""
    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    for modrm in range(256):
        prefix = b"" if rex is None else bytes([rex])
        code = prefix + bytes([0xFF, modrm]) + bytes(8)
        instruction = next(disassembler.disasm(code, 0x1000), None)
        # Capstone 5 spells the far jump FF /5 without REX.W "jmp ptr", with REX.W "ljmp".
        is_near_jump = (
            instruction is not None and instruction.mnemonic == "jmp" and not instruction.op_str.startswith("ptr")
        )
        is_rip_relative = instruction is not None and "rip" in instruction.op_str
        expected = is_near_jump and (is_rip_relative if rex is None else rex >= 0x48)
        found = recognise_epilogue(code, 0x1000, 0, lambda target: False)
        assert (found is not None) == expected, code.hex()


@given(st.binary(max_size=40), st.integers(0, 15), st.booleans())
def test_any_bytes_are_decided(code: bytes, frame_register: int, leaves: bool) -> None:
    found = recognise_epilogue(code, 0x1000, frame_register, lambda target: leaves)
    assert found is None or len(found.pops) < len(code)


def info_of(codes: list[UnwindCode], epilog_slots: bytes = b"") -> UnwindInfo:
    data = encode_unwind_info(codes, version=2, epilog_slots=epilog_slots)
    return decode_unwind_info(lambda rva, size: data[rva : rva + size], 0)


def test_version_2_offsets() -> None:
    info = info_of([push(1, RBX)], bytes([5, 0x16, 0x0F, 0x06]))
    assert (info.epilog_size, info.epilogs) == (5, (5, 15))
    inside = {rva: version_2_epilogue_offset(info, 0x120, rva) for rva in range(0x100, 0x121)}
    expected = dict.fromkeys(range(0x100, 0x121), None)
    expected |= {0x111 + n: n for n in range(5)} | {0x11B + n: n for n in range(5)}
    assert inside == expected


@pytest.mark.parametrize(
    ("offset", "pops"),
    [(0, (RDI, R12, RBX)), (1, (R12, RBX)), (3, (RBX,)), (4, ())],
)
def test_version_2_pops_that_remain(offset: int, pops: tuple[int, ...]) -> None:
    codes = [save(8, 6, 0x20), allocate(8, 0x40), push(4, RDI), push(3, R12), push(1, RBX)]
    assert version_2_epilogue([info_of(codes)], offset) == Epilogue(None, 0, pops)


def test_version_2_follows_the_chain_and_ends_in_a_machine_frame() -> None:
    child = info_of([allocate(4, 0x20)])
    parent = info_of([push(2, RDI), push(1, RBX), machine_frame(0, error_code=True), push(0, RBP)])
    assert version_2_epilogue([child, parent], 1) == Epilogue(None, 0, (RBX,), True)


def test_version_2_allocation_between_pushes() -> None:
    codes = [push(3, RDI), allocate(2, 8), push(1, RBX)]
    assert version_2_epilogue([info_of(codes)], 0).pops == (RDI, None, RBX)
    assert version_2_epilogue([info_of(codes)], 1).pops == (None, RBX)
    assert version_2_epilogue([info_of(codes)], 2).pops == (RBX,)
    with pytest.raises(UnwindError, match="16 bytes allocated between two pushes"):
        version_2_epilogue([info_of([push(3, RDI), allocate(2, 16), push(1, RBX)])], 0)


def test_operations_without_a_part_in_the_epilogue() -> None:
    codes = [push(3, RDI), UnwindCode(2, UnwindOp.SET_FPREG, 0, 0), push(1, RBX)]
    assert version_2_epilogue([info_of(codes)], 0).pops == (RDI, RBX)
