// SPDX-License-Identifier: MIT
// What the kernel exports as data, its descriptor table, and a page that nobody executes.

    .section .rdata, "dr"

// The limits of x64 Windows since 8.1.
    .globl  MmUserProbeAddress
    .globl  MmHighestUserAddress
    .globl  MmSystemRangeStart
    .balign 8
MmUserProbeAddress:
    .quad   0x00007FFFFFFF0000
MmHighestUserAddress:
    .quad   0x00007FFFFFFEFFFF
MmSystemRangeStart:
    .quad   0xFFFF800000000000

// Its address stands for the thread that calls run in: the owner of a mutex. There is no KTHREAD behind it.
    .globl  KiInitialThread
    .balign 8
KiInitialThread:
    .quad   0

// Null, unused, 10h = 64-bit code, 18h = data; both with the accessed bit set, so that the table can be read-only.
    .globl  KiGlobalDescriptorTable
    .balign 8
KiGlobalDescriptorTable:
    .quad   0
    .quad   0
    .quad   0x00209B0000000000
    .quad   0x0000930000000000

// emu_start's stop address lies here (emu/cpu/processor.py says why it must be mapped).
    .text
    .globl  KiUnreachable
    .balign 4096, 0xCC
KiUnreachable:
    .fill   4096, 1, 0xCC
