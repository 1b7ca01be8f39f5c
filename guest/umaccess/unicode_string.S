// SPDX-License-Identifier: MIT
// UNICODE_STRING ReadUnicodeStringFromUser(const volatile UNICODE_STRING *Source);
//      rcx = where the result goes, rdx = Source; returns rcx's. The Mode form has r8b = Mode.
// void WriteUnicodeStringToUser(volatile UNICODE_STRING *Destination, UNICODE_STRING Value);
//      rcx = Destination, rdx = the address of the value. The Mode form has r8b = Mode.
//
// Only the descriptor moves: its two halves, each by one access, the one with the lengths first. The characters stay
// where they are. The primitives beneath are those of the copies. IRQL <= APC_LEVEL.

#include "umaccess.inc"

    .set DESCRIPTOR, 16

    .macro  DESCRIPTOR_LENGTH
    mov     r8d, DESCRIPTOR
    .endm

    BEGIN   ReadUnicodeStringFromUser, RtlCopyFromUser
    FRAME
.Lread_check:
    CHECK_SIZE rdx, DESCRIPTOR, .Lread_not_user
    OPEN_WINDOW
    mov     r8, [rdx]
    mov     r9, [rdx + 8]
    CLOSE_WINDOW
    mov     [rcx], r8
    mov     [rcx + 8], r9
    mov     rax, rcx
    RETURN
.Lread_not_user:
    RAISE_NOT_USER rdx, EXCEPTION_READ
    jmp     .Lread_check
    END     ReadUnicodeStringFromUser, target=UmaReadUnicodeStringInKernel

// The kernel's copy returns nothing, this routine an address: so the copy is called, not jumped to.
    .seh_proc UmaReadUnicodeStringInKernel
UmaReadUnicodeStringInKernel:
    sub     rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    mov     [rsp + 0x30], rcx
    DESCRIPTOR_LENGTH
    call    r10
    mov     rax, [rsp + 0x30]
    add     rsp, 0x28
    ret
    .seh_endproc

    BEGIN   WriteUnicodeStringToUser, RtlCopyToUser
    FRAME
.Lwrite_check:
    CHECK_SIZE rcx, DESCRIPTOR, .Lwrite_not_user
    mov     r8, [rdx]
    mov     r9, [rdx + 8]
    OPEN_WINDOW
    mov     [rcx], r8
    mov     [rcx + 8], r9
    CLOSE_WINDOW
    RETURN
.Lwrite_not_user:
    RAISE_NOT_USER rcx, EXCEPTION_WRITE
    jmp     .Lwrite_check
    END     WriteUnicodeStringToUser, DESCRIPTOR_LENGTH

    BEGIN_MODE_LEAF ReadUnicodeStringFromMode, ReadUnicodeStringFromUser, r8b, rdx
    mov     r8, [rdx]
    mov     r9, [rdx + 8]
    mov     [rcx], r8
    mov     [rcx + 8], r9
    mov     rax, rcx
    ret
    .seh_endproc

    BEGIN_MODE_LEAF WriteUnicodeStringToMode, WriteUnicodeStringToUser, r8b, rcx
    mov     r8, [rdx]
    mov     r9, [rdx + 8]
    mov     [rcx], r8
    mov     [rcx + 8], r9
    ret
    .seh_endproc
