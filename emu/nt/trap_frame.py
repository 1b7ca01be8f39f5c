# SPDX-License-Identifier: GPL-2.0-or-later
"""KTRAP_FRAME, KEXCEPTION_FRAME and the machine frame: what a trap leaves on the kernel stack."""

from ctypes import LittleEndianStructure, LittleEndianUnion, c_uint8, c_uint16, c_uint32, c_uint64

from emu.nt.context import M128A


class MACHINE_FRAME(LittleEndianStructure):
    """What the CPU pushes on a trap (Intel SDM Vol. 3A, 6.14.2; 0x28 bytes)."""

    _fields_ = (
        ("Rip", c_uint64),
        ("SegCs", c_uint16),
        ("Fill1", c_uint16 * 3),
        ("EFlags", c_uint32),
        ("Fill2", c_uint32),
        ("Rsp", c_uint64),
        ("SegSs", c_uint16),
        ("Fill3", c_uint16 * 3),
    )


class _Gs(LittleEndianUnion):
    _fields_ = (("GsBase", c_uint64), ("GsSwap", c_uint64))


class _PreviousIrql(LittleEndianUnion):
    _fields_ = (("PreviousIrql", c_uint8), ("InterruptRetpolineState", c_uint8))


class _FaultIndicator(LittleEndianUnion):
    _fields_ = (("FaultIndicator", c_uint8), ("NmiMsrIbrs", c_uint8))


class _Fault(LittleEndianUnion):
    _fields_ = (("FaultAddress", c_uint64), ("ContextRecord", c_uint64))


class _Error(LittleEndianUnion):
    _fields_ = (("ErrorCode", c_uint64), ("ExceptionFrame", c_uint64))


class KTRAP_FRAME(LittleEndianStructure):
    """The volatile state at a trap (ntddk.h KTRAP_FRAME for x64, 0x190 bytes).

    Trap handlers keep rbp at the frame + 0x80. The CPU pushes Rip to SegSs, and ErrorCode where
    the vector has one.
    """

    _fields_ = (
        *((f"P{number}Home", c_uint64) for number in range(1, 5)),
        ("P5", c_uint64),
        ("PreviousMode", c_uint8),
        ("_previous_irql", _PreviousIrql),
        ("_fault_indicator", _FaultIndicator),
        ("ExceptionActive", c_uint8),
        ("MxCsr", c_uint32),
        *((name, c_uint64) for name in ("Rax", "Rcx", "Rdx", "R8", "R9", "R10", "R11")),
        ("_gs", _Gs),
        *((f"Xmm{number}", M128A) for number in range(6)),
        ("_fault", _Fault),
        *((name, c_uint64) for name in ("Dr0", "Dr1", "Dr2", "Dr3", "Dr6", "Dr7")),
        ("DebugControl", c_uint64),
        ("LastBranchToRip", c_uint64),
        ("LastBranchFromRip", c_uint64),
        ("LastExceptionToRip", c_uint64),
        ("LastExceptionFromRip", c_uint64),
        *((name, c_uint16) for name in ("SegDs", "SegEs", "SegFs", "SegGs")),
        ("TrapFrame", c_uint64),
        *((name, c_uint64) for name in ("Rbx", "Rdi", "Rsi", "Rbp")),
        ("_error", _Error),
        ("Rip", c_uint64),
        ("SegCs", c_uint16),
        ("Fill1", c_uint16 * 3),
        ("EFlags", c_uint32),
        ("Fill2", c_uint32),
        ("Rsp", c_uint64),
        ("SegSs", c_uint16),
        ("Fill3", c_uint16 * 3),
    )
    _anonymous_ = ("_previous_irql", "_fault_indicator", "_gs", "_fault", "_error")


class KEXCEPTION_FRAME(LittleEndianStructure):
    """The non-volatile state beside a trap frame (KEXCEPTION_FRAME for x64, 0x140 bytes)."""

    _fields_ = (
        *((f"P{number}Home", c_uint64) for number in range(1, 5)),
        ("P5", c_uint64),
        ("InitialStack", c_uint64),
        *((f"Xmm{number}", M128A) for number in range(6, 16)),
        ("TrapFrame", c_uint64),
        ("OutputBuffer", c_uint64),
        ("OutputLength", c_uint64),
        ("Spare", c_uint64),
        ("MxCsr", c_uint64),
        *((name, c_uint64) for name in ("Rbp", "Rbx", "Rdi", "Rsi", "R12", "R13", "R14", "R15")),
        ("Return", c_uint64),
    )
