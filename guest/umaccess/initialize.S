// SPDX-License-Identifier: MIT
// What the routines need to know of the processor and the kernel, found out once. One binary runs on every kernel,
// so nothing of it is compiled in. Two processors that come here together write the same values.

#include "umaccess.inc"

    .intel_syntax noprefix
    .data

    .globl  UmaUserProbeAddress
    .globl  UmaFeatures
    .balign 8
UmaUserProbeAddress:            // the first address that is not a user address
    .quad   0
UmaFeatures:
    .long   0

    .text

// Changes rax, r10, r11 and the flags alone, so that a routine can call it at its first use.
    .globl  UmaInitialize
    .seh_proc UmaInitialize
UmaInitialize:
    push    rbx
    .seh_pushreg rbx
    sub     rsp, 0x10
    .seh_stackalloc 0x10
    .seh_endprologue
    mov     [rsp + 0x00], rcx   // cpuid overwrites it, as it does rdx and rbx
    mov     [rsp + 0x08], rdx

    mov     rax, [rip + __imp_MmUserProbeAddress]
    mov     rax, [rax]
    mov     [rip + UmaUserProbeAddress], rax

    mov     r10d, UMA_INITIALIZED
    mov     r11, cr4
    bt      r11, 21             // CR4.SMAP, which only a processor that has SMAP, and so stac, lets a kernel set
    jnc     .Lno_smap
    or      r10d, UMA_SMAP
.Lno_smap:
    xor     eax, eax
    cpuid
    cmp     eax, 7
    jb      .Lno_erms           // leaf 7 would answer for another leaf
    mov     eax, 7
    xor     ecx, ecx
    cpuid
    bt      ebx, 9              // ERMS
    jnc     .Lno_erms
    or      r10d, UMA_ERMS
.Lno_erms:
    mov     [rip + UmaFeatures], r10d   // last: whoever sees it finds the limit in place

    mov     rdx, [rsp + 0x08]
    mov     rcx, [rsp + 0x00]
    add     rsp, 0x10
    pop     rbx
    ret
    .seh_endproc

// The entry point when the library is an image of its own. Returns STATUS_SUCCESS.
    .globl  DriverEntry
    .seh_proc DriverEntry
DriverEntry:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    call    UmaInitialize
    xor     eax, eax
    add     rsp, 0x28
    ret
    .seh_endproc
