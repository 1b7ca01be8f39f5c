// SPDX-License-Identifier: MIT
// void CopyFromUserNonTemporal(void *Destination, volatile const void *Source, size_t Length);
// void CopyToUserNonTemporal(volatile void *Destination, const void *Source, size_t Length);
//      rcx = Destination, rdx = Source, r8 = Length. IRQL <= APC_LEVEL. The Mode forms have r9b = Mode.

#include "umaccess.inc"

#define ROUTINE CopyFromUserNonTemporal
#define PRIMITIVE RtlCopyFromUserNonTemporal
#define FROM_USER
#include "copy_nontemporal.inc"

#define ROUTINE CopyFromModeNonTemporal
#define USER_FORM CopyFromUserNonTemporal
#define POINTER rdx
#include "copy_nontemporal.inc"

#define ROUTINE CopyToUserNonTemporal
#define PRIMITIVE RtlCopyToUserNonTemporal
#define TO_USER
#include "copy_nontemporal.inc"

#define ROUTINE CopyToModeNonTemporal
#define USER_FORM CopyToUserNonTemporal
#define POINTER rcx
#include "copy_nontemporal.inc"
