// SPDX-License-Identifier: MIT
// What the library knows of the processor and the kernel. One binary runs on every kernel: whether a kernel has a
// primitive itself is asked by name, never by a static import. Two processors that come here together write the same.

#include "umaccess.inc"
#include "features.inc"

#define INITIALIZE UmaInitialize
#include "first_use.inc"

    .data
    .globl  UmaUserProbeAddress
    .balign 8
UmaUserProbeAddress:            // the first address that is not a user address
    .quad   0

// For each primitive the kernel's address, UMA_NOT_IN_KERNEL, or 0 before the first use; and in the same order its
// name: bytes, then UTF-16.
    .macro  PRIMITIVE name
    .data
    .globl  UmaKernel\name
UmaKernel\name:
    .quad   0
    .section .rdata, "dr"
    .short  .Lname_end\@ - .Lname\@
.Lname\@:
    .irpc   character, \name
    .ascii  "\character"
    .byte   0
    .endr
.Lname_end\@:
    .endm

    .balign 8
.Lvariables:
    .section .rdata, "dr"
    .balign 2
.Lnames:
    PRIMITIVE RtlCopyFromUser
    PRIMITIVE RtlCopyFromUserNonTemporal
    PRIMITIVE RtlCopyToUser
    PRIMITIVE RtlCopyToUserNonTemporal
    PRIMITIVE RtlCopyToUserFromUser
    PRIMITIVE RtlMoveToUserFromUser
    PRIMITIVE RtlSetUserMemory
    PRIMITIVE RtlReadUCharFromUser
    PRIMITIVE RtlReadUCharFromUserAcquire
    PRIMITIVE RtlReadUShortFromUser
    PRIMITIVE RtlReadUShortFromUserAcquire
    PRIMITIVE RtlReadULongFromUser
    PRIMITIVE RtlReadULongFromUserAcquire
    PRIMITIVE RtlReadULong64FromUser
    PRIMITIVE RtlReadULong64FromUserAcquire
    PRIMITIVE RtlWriteUCharToUser
    PRIMITIVE RtlWriteUCharToUserRelease
    PRIMITIVE RtlWriteUShortToUser
    PRIMITIVE RtlWriteUShortToUserRelease
    PRIMITIVE RtlWriteULongToUser
    PRIMITIVE RtlWriteULongToUserRelease
    PRIMITIVE RtlWriteULong64ToUser
    PRIMITIVE RtlWriteULong64ToUserRelease
    PRIMITIVE RtlStringLengthFromUser
    PRIMITIVE RtlWideStringLengthFromUser
    PRIMITIVE RtlInterlockedAnd32ToUser
    PRIMITIVE RtlInterlockedAnd64ToUser
    PRIMITIVE RtlInterlockedOr32ToUser
    PRIMITIVE RtlInterlockedOr64ToUser
    PRIMITIVE RtlInterlockedCompareExchange32ToUser
    PRIMITIVE RtlInterlockedCompareExchange64ToUser
    PRIMITIVE RtlFastFailIfUserPointer
.Lnames_end:
    .data
.Lvariables_end:

    .text

    .set NAME, 0x20             // UNICODE_STRING, behind the home space

    FUNCTION UmaInitialize
    push    rdi
    .seh_pushreg rdi
    push    rsi
    .seh_pushreg rsi
    sub     rsp, 0x38
    .seh_stackalloc 0x38
    .seh_endprologue
    mov     rax, [rip + __imp_MmUserProbeAddress]
    mov     rax, [rax]
    mov     [rip + UmaUserProbeAddress], rax
    call    UmaFindFeatures

// The variables of the primitives come last: whoever sees one that is not 0 finds the others in place.
    lea     rsi, [rip + .Lnames]
    lea     rdi, [rip + .Lvariables]
.Lnext_primitive:
    movzx   eax, word ptr [rsi]
    add     rsi, 2
    mov     [rsp + NAME], ax            // Length
    mov     [rsp + NAME + 2], ax        // MaximumLength
    mov     [rsp + NAME + 8], rsi       // Buffer
    add     rsi, rax
    lea     rcx, [rsp + NAME]
    call    [rip + __imp_MmGetSystemRoutineAddress]
    test    rax, rax
    jz      .Lnone
    mov     [rdi], rax
    add     rdi, 8
    lea     rax, [rip + .Lnames_end]
    cmp     rsi, rax
    jb      .Lnext_primitive
.Lfound_out:
    add     rsp, 0x38
    pop     rsi
    pop     rdi
    ret

// A kernel has all of them or none: the others are not asked for.
.Lnone:
    mov     qword ptr [rdi], UMA_NOT_IN_KERNEL
    add     rdi, 8
    lea     rax, [rip + .Lvariables_end]
    cmp     rdi, rax
    jb      .Lnone
    jmp     .Lfound_out
    .seh_endproc
