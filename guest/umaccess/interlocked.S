// SPDX-License-Identifier: MIT
// LONG InterlockedAndToUser(LONG volatile *Destination, LONG Value);
// LONG InterlockedOrToUser(LONG volatile *Destination, LONG Value);
// LONG InterlockedCompareExchangeToUser(LONG volatile *Destination, LONG ExChange, LONG Comperand);
//      rcx, rdx, r8; the previous value in eax. IRQL <= APC_LEVEL. Those of 64 bits are the same with LONG64, and the
//      Mode forms have the mode behind these.

#include "umaccess.inc"
#include "interlocked.inc"

    INTERLOCKED InterlockedAndToUser, RtlInterlockedAnd32ToUser, AND_VALUE, 4
    INTERLOCKED InterlockedAnd64ToUser, RtlInterlockedAnd64ToUser, AND_VALUE, 8
    INTERLOCKED InterlockedOrToUser, RtlInterlockedOr32ToUser, OR_VALUE, 4
    INTERLOCKED InterlockedOr64ToUser, RtlInterlockedOr64ToUser, OR_VALUE, 8
    INTERLOCKED InterlockedCompareExchangeToUser, RtlInterlockedCompareExchange32ToUser, EXCHANGE_IF_EQUAL, 4
    INTERLOCKED InterlockedCompareExchange64ToUser, RtlInterlockedCompareExchange64ToUser, EXCHANGE_IF_EQUAL, 8

    INTERLOCKED_MODE InterlockedAndToMode, InterlockedAndToUser, r8b, AND_VALUE, 4
    INTERLOCKED_MODE InterlockedAnd64ToMode, InterlockedAnd64ToUser, r8b, AND_VALUE, 8
    INTERLOCKED_MODE InterlockedOrToMode, InterlockedOrToUser, r8b, OR_VALUE, 4
    INTERLOCKED_MODE InterlockedOr64ToMode, InterlockedOr64ToUser, r8b, OR_VALUE, 8
    INTERLOCKED_MODE InterlockedCompareExchangeToMode, InterlockedCompareExchangeToUser, r9b, EXCHANGE_IF_EQUAL, 4
    INTERLOCKED_MODE InterlockedCompareExchange64ToMode, InterlockedCompareExchange64ToUser, r9b, EXCHANGE_IF_EQUAL, 8
