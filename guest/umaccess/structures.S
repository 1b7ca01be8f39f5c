// SPDX-License-Identifier: MIT
// What the macros ReadStructFromUser, WriteStructToUser and their Mode forms call: the copies, under names that tell
// which of them the caller used. rcx = Destination, rdx = Source, r8 = Size, in the Mode forms r9b = Mode.

#include "umaccess.inc"

#define ROUTINE ReadStructFromUserHelper
#define PRIMITIVE RtlCopyFromUser
#define FROM_USER
#include "copy.inc"

#define ROUTINE ReadStructFromModeHelper
#define USER_FORM ReadStructFromUserHelper
#define POINTER rdx
#include "copy.inc"

#define ROUTINE WriteStructToUserHelper
#define PRIMITIVE RtlCopyToUser
#define TO_USER
#include "copy.inc"

#define ROUTINE WriteStructToModeHelper
#define USER_FORM WriteStructToUserHelper
#define POINTER rcx
#include "copy.inc"
