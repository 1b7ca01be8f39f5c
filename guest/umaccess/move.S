// SPDX-License-Identifier: MIT
// void MoveToUserFromUser(volatile void *Destination, volatile const void *Source, size_t Length);
//      rcx = Destination (user), rdx = Source (user), r8 = Length; the ranges may overlap. IRQL <= APC_LEVEL.

#include "umaccess.inc"

#define ROUTINE MoveToUserFromUser
#define PRIMITIVE RtlMoveToUserFromUser
#include "move.inc"
