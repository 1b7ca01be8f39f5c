/* SPDX-License-Identifier: MIT */
/* What every driver of this directory includes. */
#pragma once
#include <ntddk.h>
#include <usermode_accessors.h>

#define TAG 'gubU'
#define NOINLINE __attribute__((noinline))

/* Headers of Windows older than 10, version 2004, lack these. */
#ifndef POOL_FLAG_PAGED
#define POOL_FLAG_UNINITIALIZED 0x2ULL
#define POOL_FLAG_NON_PAGED 0x40ULL
#define POOL_FLAG_PAGED 0x100ULL
NTKERNELAPI PVOID ExAllocatePool2(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag);
#endif
