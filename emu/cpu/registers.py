# SPDX-License-Identifier: GPL-2.0-or-later
"""Where each register stands in the state block, and the bits of the control registers."""

from typing import Final

RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 = range(16)

GPR_NAMES: Final = (
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip
"""The sixteen general registers in the order of their hardware numbers."""

# Quadwords of the state block after the general registers (native/core.h, struct state).
RIP, RFLAGS, CR2, CR3, BUDGET, BLOCKS, TIMESTAMP_READS = range(16, 23)

# Doublewords of the state block.
REASON, VECTOR, ERROR_CODE, ENGINE_ERROR, REQUEST, MXCSR, IRQL, PAGING_CHANGED = range(46, 54)

XMM_OFFSET: Final = 216
"""Byte offset of XMM0 in the state block; sixteen registers of 16 bytes follow each other."""

FLAGS_ARITHMETIC: Final = 0x8D5
"""CF, PF, AF, ZF, SF, OF."""
FLAG_TF: Final = 1 << 8
FLAG_IF: Final = 1 << 9
FLAG_DF: Final = 1 << 10
FLAG_NT: Final = 1 << 14
FLAG_RF: Final = 1 << 16
FLAG_AC: Final = 1 << 18

CR0_KERNEL: Final = 0x8001_0033
"""PG, WP, NE, ET, MP, PE."""

CR4_PAE: Final = 1 << 5
CR4_OSFXSR: Final = 1 << 9
CR4_OSXMMEXCPT: Final = 1 << 10
CR4_FSGSBASE: Final = 1 << 16
CR4_SMEP: Final = 1 << 20
CR4_SMAP: Final = 1 << 21

MSR_EFER: Final = 0xC000_0080
EFER_KERNEL: Final = 0xD01
"""NXE, LMA, LME, SCE."""

MXCSR_DEFAULT: Final = 0x1F80
"""All floating-point exceptions masked, round to nearest: the value of every Windows thread."""

KERNEL_CODE_SELECTOR: Final = 0x10
KERNEL_STACK_SELECTOR: Final = 0x18
