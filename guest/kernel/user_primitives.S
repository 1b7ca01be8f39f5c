// SPDX-License-Identifier: MIT
// The primitives of user memory in the kernel. They are the library's, but for asking whether the kernel has them.

#define UMA_IN_KERNEL
#include "../umaccess/primitives.inc"
#include "../umaccess/features.inc"
#include "../umaccess/raise.inc"

#define INITIALIZE KiUserAccessFindFeatures
#include "../umaccess/first_use.inc"
