// SPDX-License-Identifier: MIT
// void CopyFromUser(void *Destination, volatile const void *Source, size_t Length);
//      rcx = Destination (kernel), rdx = Source (user), r8 = Length. IRQL <= APC_LEVEL.
// CopyFromMode has r9b = Mode, which is about Source.

#include "umaccess.inc"

#define ROUTINE CopyFromUser
#define PRIMITIVE RtlCopyFromUser
#define FROM_USER
#include "copy.inc"

#define ROUTINE CopyFromMode
#define USER_FORM CopyFromUser
#define POINTER rdx
#include "copy.inc"
