# SPDX-License-Identifier: GPL-2.0-or-later
"""Every structure's size and every documented offset, typed in by hand."""

from ctypes import LittleEndianStructure, sizeof

import pytest

from emu.nt.context import CONTEXT, XSAVE_FORMAT
from emu.nt.dispatcher_context import DISPATCHER_CONTEXT
from emu.nt.exception_record import EXCEPTION_POINTERS, EXCEPTION_RECORD64
from emu.nt.jump_buffer import JUMP_BUFFER
from emu.nt.trap_frame import KEXCEPTION_FRAME, KTRAP_FRAME, MACHINE_FRAME
from emu.nt.unwind import RUNTIME_FUNCTION, SCOPE_TABLE_RECORD, UNWIND_CODE, UNWIND_INFO

SIZES: list[tuple[type[LittleEndianStructure], int]] = [
    (RUNTIME_FUNCTION, 12),
    (UNWIND_INFO, 4),
    (UNWIND_CODE, 2),
    (SCOPE_TABLE_RECORD, 16),
    (EXCEPTION_RECORD64, 0x98),
    (EXCEPTION_POINTERS, 0x10),
    (DISPATCHER_CONTEXT, 0x50),
    (XSAVE_FORMAT, 0x200),
    (CONTEXT, 0x4D0),
    (KTRAP_FRAME, 0x190),
    (KEXCEPTION_FRAME, 0x140),
    (MACHINE_FRAME, 0x28),
    (JUMP_BUFFER, 0x100),
]

OFFSETS: dict[type[LittleEndianStructure], str] = {
    RUNTIME_FUNCTION: "BeginAddress 0 EndAddress 4 UnwindData 8",
    UNWIND_INFO: "Version 0 Flags 0 SizeOfProlog 1 CountOfCodes 2 FrameRegister 3 FrameOffset 3",
    UNWIND_CODE: "CodeOffset 0 UnwindOp 1 OpInfo 1",
    SCOPE_TABLE_RECORD: "BeginAddress 0 EndAddress 4 HandlerAddress 8 JumpTarget C",
    EXCEPTION_RECORD64: """
        ExceptionCode 0 ExceptionFlags 4 ExceptionRecord 8 ExceptionAddress 10
        NumberParameters 18 __unusedAlignment 1C ExceptionInformation 20""",
    EXCEPTION_POINTERS: "ExceptionRecord 0 ContextRecord 8",
    DISPATCHER_CONTEXT: """
        ControlPc 0 ImageBase 8 FunctionEntry 10 EstablisherFrame 18 TargetIp 20
        ContextRecord 28 LanguageHandler 30 HandlerData 38 HistoryTable 40 ScopeIndex 48
        Fill0 4C""",
    CONTEXT: """
        P1Home 0 P2Home 8 P3Home 10 P4Home 18 P5Home 20 P6Home 28 ContextFlags 30 MxCsr 34
        SegCs 38 SegDs 3A SegEs 3C SegFs 3E SegGs 40 SegSs 42 EFlags 44
        Dr0 48 Dr1 50 Dr2 58 Dr3 60 Dr6 68 Dr7 70
        Rax 78 Rcx 80 Rdx 88 Rbx 90 Rsp 98 Rbp A0 Rsi A8 Rdi B0 R8 B8 R9 C0 R10 C8 R11 D0
        R12 D8 R13 E0 R14 E8 R15 F0 Rip F8 FltSave 100
        Xmm0 1A0 Xmm1 1B0 Xmm2 1C0 Xmm3 1D0 Xmm4 1E0 Xmm5 1F0 Xmm6 200 Xmm7 210
        Xmm8 220 Xmm9 230 Xmm10 240 Xmm11 250 Xmm12 260 Xmm13 270 Xmm14 280 Xmm15 290
        VectorRegister 300 VectorControl 4A0 DebugControl 4A8
        LastBranchToRip 4B0 LastBranchFromRip 4B8
        LastExceptionToRip 4C0 LastExceptionFromRip 4C8""",
    XSAVE_FORMAT: "ControlWord 0 MxCsr 18 MxCsr_Mask 1C FloatRegisters 20 XmmRegisters A0",
    KTRAP_FRAME: """
        P1Home 0 P2Home 8 P3Home 10 P4Home 18 P5 20 PreviousMode 28
        PreviousIrql 29 InterruptRetpolineState 29 FaultIndicator 2A NmiMsrIbrs 2A
        ExceptionActive 2B MxCsr 2C Rax 30 Rcx 38 Rdx 40 R8 48 R9 50 R10 58 R11 60
        GsBase 68 GsSwap 68 Xmm0 70 Xmm1 80 Xmm2 90 Xmm3 A0 Xmm4 B0 Xmm5 C0
        FaultAddress D0 ContextRecord D0 Dr0 D8 Dr1 E0 Dr2 E8 Dr3 F0 Dr6 F8 Dr7 100
        DebugControl 108 LastBranchToRip 110 LastBranchFromRip 118
        LastExceptionToRip 120 LastExceptionFromRip 128
        SegDs 130 SegEs 132 SegFs 134 SegGs 136 TrapFrame 138
        Rbx 140 Rdi 148 Rsi 150 Rbp 158 ErrorCode 160 ExceptionFrame 160
        Rip 168 SegCs 170 EFlags 178 Rsp 180 SegSs 188""",
    KEXCEPTION_FRAME: """
        P1Home 0 P2Home 8 P3Home 10 P4Home 18 P5 20 InitialStack 28
        Xmm6 30 Xmm7 40 Xmm8 50 Xmm9 60 Xmm10 70 Xmm11 80 Xmm12 90 Xmm13 A0 Xmm14 B0 Xmm15 C0
        TrapFrame D0 OutputBuffer D8 OutputLength E0 Spare E8 MxCsr F0 Rbp F8
        Rbx 100 Rdi 108 Rsi 110 R12 118 R13 120 R14 128 R15 130 Return 138""",
    MACHINE_FRAME: "Rip 0 SegCs 8 EFlags 10 Rsp 18 SegSs 20",
    JUMP_BUFFER: """
        Frame 0 Rbx 8 Rsp 10 Rbp 18 Rsi 20 Rdi 28 R12 30 R13 38 R14 40 R15 48 Rip 50
        MxCsr 58 FpCsr 5C Spare 5E Xmm6 60 Xmm7 70 Xmm8 80 Xmm9 90 Xmm10 A0 Xmm11 B0
        Xmm12 C0 Xmm13 D0 Xmm14 E0 Xmm15 F0""",
}


def offset_cases() -> list[tuple[type[LittleEndianStructure], str, int]]:
    cases = []
    for structure, text in OFFSETS.items():
        words = text.split()
        for name, offset in zip(words[::2], words[1::2], strict=True):
            cases.append((structure, name, int(offset, 16)))
    return cases


@pytest.mark.parametrize(("structure", "size"), SIZES)
def test_size(structure: type[LittleEndianStructure], size: int) -> None:
    assert sizeof(structure) == size


@pytest.mark.parametrize(("structure", "name", "offset"), offset_cases())
def test_offset(structure: type[LittleEndianStructure], name: str, offset: int) -> None:
    # A bit field's descriptor keeps its bit position in .size; .offset is that of its byte.
    assert getattr(structure, name).offset == offset


def test_mxcsr_of_the_legacy_area_is_at_118() -> None:
    context = CONTEXT.from_buffer_copy(bytes(range(256)) * 5)
    assert context.FltSave.MxCsr == 0x1B1A1918
    assert context.FltSave.XmmRegisters[1].Low == context.Xmm1.Low


def test_bit_fields() -> None:
    info = UNWIND_INFO.from_buffer_copy(bytes([0b00011_010, 7, 3, 0x25]))
    assert (info.Version, info.Flags, info.SizeOfProlog, info.CountOfCodes) == (2, 3, 7, 3)
    assert (info.FrameRegister, info.FrameOffset) == (5, 2)
    code = UNWIND_CODE.from_buffer_copy(bytes([9, 0x32]))
    assert (code.CodeOffset, code.UnwindOp, code.OpInfo) == (9, 2, 3)
