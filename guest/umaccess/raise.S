// SPDX-License-Identifier: MIT
// The raises, of the library.

#include "umaccess.inc"
#include "raise.inc"
