// SPDX-License-Identifier: MIT
// void CopyFromUser(void *Destination, volatile const void *Source, size_t Length);
//      rcx = Destination (kernel), rdx = Source (user), r8 = Length. IRQL <= APC_LEVEL.
//
// Copies upwards, and touches no byte outside the two ranges. Where a source byte cannot be read the exception is the
// page fault's own; by then every byte before it has landed but for less than one step (64 bytes), and none at or
// behind it. Whoever it returns to finds AC as it was and DF 0; after an exception both are as the kernel leaves them.

#include "umaccess.inc"

    .intel_syntax noprefix
    .text

    .set SAVED_FLAGS, 0x20      // from RSP in the body
    .set HOME_LENGTH, 0x50      // the caller's home slot of r8

// From here on rep movsb beats the loop of 64 bytes: below it, its start-up does not pay.
    .set ERMS_PAYS, 512

    .globl  CopyFromUser
    .seh_proc CopyFromUser
CopyFromUser:
    push    rdi
    .seh_pushreg rdi
    push    rsi
    .seh_pushreg rsi
    pushfq                      // the caller's AC decides whether the window is ours to close
    .seh_stackalloc 8
    sub     rsp, 0x20
    .seh_stackalloc 0x20
    .seh_endprologue
    cld                         // rep goes by it, and no caller gets a 1 back, not even one who brought it
    mov     rdi, rcx
    mov     rsi, rdx
    mov     rcx, r8
    test    rcx, rcx
    jz      .Ldone              // no bytes, no access, no check, as ProbeForRead does
    mov     r10d, [rip + UmaFeatures]
    test    r10d, r10d
    jz      .Lfirst_use

// The whole range is proved to be user addresses before the first access: a source that begins in user memory must not
// lead the copy into the kernel's.
.Lcheck:
    mov     rax, [rip + UmaUserProbeAddress]
    mov     rdx, rsi
    add     rdx, rcx
    jc      .Lnot_user          // the range wraps around
    cmp     rdx, rax
    ja      .Lnot_user

// With SMAP on, user memory is readable only while AC is set. A caller who has it set keeps it set.
    test    r10d, UMA_SMAP
    jz      .Lselect
    test    dword ptr [rsp + SAVED_FLAGS], RFLAGS_AC
    jnz     .Lcaller_has_window
    stac

.Lselect:
    test    r10d, UMA_ERMS
    jz      .Lwide
    cmp     rcx, ERMS_PAYS
    jae     .Lrep

// 64 bytes a step: four loads, then four stores, so that a fault in a load leaves whole steps behind it.
.Lwide:
    sub     rcx, 64
    jb      .Lwide_end
.Lwide_step:
    movdqu  xmm0, [rsi]
    movdqu  xmm1, [rsi + 16]
    movdqu  xmm2, [rsi + 32]
    movdqu  xmm3, [rsi + 48]
    movdqu  [rdi], xmm0
    movdqu  [rdi + 16], xmm1
    movdqu  [rdi + 32], xmm2
    movdqu  [rdi + 48], xmm3
    add     rsi, 64
    add     rdi, 64
    sub     rcx, 64
    jae     .Lwide_step
.Lwide_end:
    add     rcx, 64
    jz      .Lclose

// Fewer than 64 bytes are left. One byte a step needs no case for any length or alignment, and a fault in it is exact.
.Lbyte_step:
    movzx   eax, byte ptr [rsi]
    mov     [rdi], al
    inc     rsi
    inc     rdi
    dec     rcx
    jnz     .Lbyte_step

.Lclose:
    test    r10d, UMA_SMAP
    jz      .Ldone
    clac
.Ldone:
    add     rsp, 0x28
    pop     rsi
    pop     rdi
    ret

// The processor's own wide copy; a fault in it stops at the exact byte, and a page-in goes on from there.
.Lrep:
    rep movsb
    jmp     .Lclose

.Lcaller_has_window:
    and     r10d, ~UMA_SMAP     // nothing to open, so nothing to close
    jmp     .Lselect

.Lfirst_use:
    call    UmaInitialize       // keeps rcx
    mov     r10d, [rip + UmaFeatures]
    jmp     .Lcheck

// The exception that touching the first byte outside user memory would be. Where a filter continues, the check is
// repeated, as a faulting access would be.
.Lnot_user:
    cmp     rsi, rax
    cmovae  rax, rsi            // that byte: the source itself, or the limit
    mov     [rsp + HOME_LENGTH], rcx
    mov     ecx, EXCEPTION_READ
    mov     rdx, rax
    call    UmaRaiseAccessViolation
    mov     rcx, [rsp + HOME_LENGTH]
    mov     r10d, [rip + UmaFeatures]
    jmp     .Lcheck
    .seh_endproc
