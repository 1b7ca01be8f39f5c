// SPDX-License-Identifier: MIT
// void CopyToUser(volatile void *Destination, const void *Source, size_t Length);
//      rcx = Destination (user), rdx = Source (kernel), r8 = Length. IRQL <= APC_LEVEL.
// CopyToMode has r9b = Mode, which is about Destination.

#include "umaccess.inc"

#define ROUTINE CopyToUser
#define PRIMITIVE RtlCopyToUser
#define TO_USER
#include "copy.inc"

#define ROUTINE CopyToMode
#define USER_FORM CopyToUser
#define POINTER rcx
#include "copy.inc"
