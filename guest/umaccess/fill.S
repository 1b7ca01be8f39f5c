// SPDX-License-Identifier: MIT
// void FillUserMemory(volatile void *Destination, size_t Length, unsigned char Fill);
// void SetUserMemory(volatile void *Destination, unsigned char Fill, size_t Length);
// void ZeroUserMemory(volatile void *Destination, size_t Length);
//      rcx, rdx, r8 in this order. IRQL <= APC_LEVEL. The Mode forms have the mode behind these.

#include "umaccess.inc"

// Each brings its arguments into the order of RtlSetUserMemory: the byte in dl, the length in r8.
    .macro  LENGTH_THEN_FILL
    xchg    rdx, r8
    .endm

    .macro  LENGTH_ALONE
    mov     r8, rdx
    xor     edx, edx
    .endm

#define ROUTINE FillUserMemory
#define ARGUMENTS LENGTH_THEN_FILL
#include "fill.inc"

#define ROUTINE SetUserMemory
#include "fill.inc"

#define ROUTINE ZeroUserMemory
#define ARGUMENTS LENGTH_ALONE
#include "fill.inc"

#define ROUTINE FillModeMemory
#define USER_FORM FillUserMemory
#define MODE r9b
#define ARGUMENTS LENGTH_THEN_FILL
#include "fill.inc"

#define ROUTINE SetModeMemory
#define USER_FORM SetUserMemory
#define MODE r9b
#include "fill.inc"

#define ROUTINE ZeroModeMemory
#define USER_FORM ZeroUserMemory
#define MODE r8b
#define ARGUMENTS LENGTH_ALONE
#include "fill.inc"
