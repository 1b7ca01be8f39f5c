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
    xor     eax, eax
    cpuid
    cmp     eax, 7
    jb      1f                  // leaf 7 would answer for another leaf
    mov     eax, 7
    xor     ecx, ecx
    cpuid
    bt      ebx, 9              // ERMS
    jnc     2f
    or      r10d, UMA_ERMS
2:  bt      ebx, 20             // SMAP: without it stac is #UD
    jnc     1f
    mov     r11, cr4
    bt      r11, 21             // and without CR4.SMAP there is no window to open
    jnc     1f
    or      r10d, UMA_SMAP
1:  mov     [rip + UmaFeatures], r10d

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
