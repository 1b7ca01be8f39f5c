// SPDX-License-Identifier: MIT
// The primitives of the library. Each asks first for the kernel's, as every accessor does.

#include "primitives.inc"
