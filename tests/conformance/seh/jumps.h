/* SPDX-License-Identifier: MIT */
/* setjmp and longjmp as compilers call them: the second argument is the frame that a jump unwinds to. */
#ifndef JUMPS_H
#define JUMPS_H

#include "stack_walk.h"

typedef struct {
    _Alignas(16) unsigned long long content[32];
} JUMP_POINT;

__declspec(dllimport) __attribute__((returns_twice)) int _setjmp(JUMP_POINT *point, void *frame);
__declspec(dllimport) __attribute__((returns_twice)) int _setjmpex(JUMP_POINT *point, void *frame);
__declspec(dllimport) __attribute__((noreturn)) void longjmp(JUMP_POINT *point, int value);

#endif
