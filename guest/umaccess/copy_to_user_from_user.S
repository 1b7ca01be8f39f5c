// SPDX-License-Identifier: MIT
// void CopyToUserFromUser(volatile void *Destination, volatile const void *Source, size_t Length);
//      rcx = Destination (user), rdx = Source (user), r8 = Length. IRQL <= APC_LEVEL.
// CopyFromUserToMode has r9b = Mode, which is about Destination. Where neither range is of the user, the exception is
// the source's.

#include "umaccess.inc"

#define ROUTINE CopyToUserFromUser
#define PRIMITIVE RtlCopyToUserFromUser
#define FROM_USER
#define TO_USER
#include "copy.inc"

    BEGIN_MODE_LEAF CopyFromUserToMode, CopyToUserFromUser, r9b, rcx
    jmp     CopyFromUser
    .seh_endproc
