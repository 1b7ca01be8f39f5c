/* SPDX-License-Identifier: MIT */
/* What the programs use. */
#pragma once
#include <ntddk.h>
#include <usermode_accessors.h>

#define NOINLINE __attribute__((noinline))
#define TAG 'tseT'
