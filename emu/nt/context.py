# SPDX-License-Identifier: GPL-2.0-or-later
"""CONTEXT: the processor state that exception handling reads and writes."""

from ctypes import LittleEndianStructure, LittleEndianUnion, c_uint8, c_uint16, c_uint32, c_uint64

CONTEXT_SIZE = 0x4D0


CONTEXT_AMD64 = 0x0010_0000
CONTEXT_CONTROL = CONTEXT_AMD64 | 0x01
CONTEXT_INTEGER = CONTEXT_AMD64 | 0x02
CONTEXT_SEGMENTS = CONTEXT_AMD64 | 0x04
CONTEXT_FLOATING_POINT = CONTEXT_AMD64 | 0x08
CONTEXT_DEBUG_REGISTERS = CONTEXT_AMD64 | 0x10
CONTEXT_XSTATE = CONTEXT_AMD64 | 0x40
CONTEXT_UNWOUND_TO_CALL = 0x2000_0000

CONTEXT_FULL = CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_FLOATING_POINT
CONTEXT_CAPTURED = CONTEXT_FULL | CONTEXT_SEGMENTS
"""What RtlCaptureContext sets."""
CONTEXT_ALL = CONTEXT_CAPTURED | CONTEXT_DEBUG_REGISTERS
"""What the kernel's dispatch sets."""


class M128A(LittleEndianStructure):
    """One XMM register (winnt.h M128A, 16 bytes)."""

    _fields_ = (("Low", c_uint64), ("High", c_uint64))


class XSAVE_FORMAT(LittleEndianStructure):
    """The legacy x87/SSE area that FXSAVE64 writes (Intel SDM Vol. 1, 10.5.1; 0x200 bytes)."""

    _fields_ = (
        ("ControlWord", c_uint16),
        ("StatusWord", c_uint16),
        ("TagWord", c_uint8),
        ("Reserved1", c_uint8),
        ("ErrorOpcode", c_uint16),
        ("ErrorOffset", c_uint32),
        ("ErrorSelector", c_uint16),
        ("Reserved2", c_uint16),
        ("DataOffset", c_uint32),
        ("DataSelector", c_uint16),
        ("Reserved3", c_uint16),
        ("MxCsr", c_uint32),
        ("MxCsr_Mask", c_uint32),
        ("FloatRegisters", M128A * 8),
        ("XmmRegisters", M128A * 16),
        ("Reserved4", c_uint8 * 96),
    )


class XMM_REGISTERS(LittleEndianStructure):
    """The same area with its XMM registers by name."""

    _fields_ = (
        ("Header", M128A * 2),
        ("Legacy", M128A * 8),
        *((f"Xmm{number}", M128A) for number in range(16)),
    )


class _FloatingPoint(LittleEndianUnion):
    _fields_ = (("FltSave", XSAVE_FORMAT), ("Registers", XMM_REGISTERS))
    _anonymous_ = ("Registers",)


class CONTEXT(LittleEndianStructure):
    """Processor state (winnt.h CONTEXT for x64, 0x4D0 bytes, 16-byte aligned in guest memory)."""

    _fields_ = (
        *((f"P{number}Home", c_uint64) for number in range(1, 7)),
        ("ContextFlags", c_uint32),
        ("MxCsr", c_uint32),
        *((name, c_uint16) for name in ("SegCs", "SegDs", "SegEs", "SegFs", "SegGs", "SegSs")),
        ("EFlags", c_uint32),
        *((name, c_uint64) for name in ("Dr0", "Dr1", "Dr2", "Dr3", "Dr6", "Dr7")),
        *((name, c_uint64) for name in ("Rax", "Rcx", "Rdx", "Rbx", "Rsp", "Rbp", "Rsi", "Rdi")),
        *((f"R{number}", c_uint64) for number in range(8, 16)),
        ("Rip", c_uint64),
        ("FloatingPoint", _FloatingPoint),
        ("VectorRegister", M128A * 26),
        ("VectorControl", c_uint64),
        ("DebugControl", c_uint64),
        ("LastBranchToRip", c_uint64),
        ("LastBranchFromRip", c_uint64),
        ("LastExceptionToRip", c_uint64),
        ("LastExceptionFromRip", c_uint64),
    )
    _anonymous_ = ("FloatingPoint",)
