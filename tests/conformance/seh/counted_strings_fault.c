/* SPDX-License-Identifier: MIT */
/* Counted strings whose buffers are bad: the helpers touch them, and what they would have changed is as it was. */
#include "program.h"

typedef struct {
    unsigned short length, maximum_length;
    unsigned short *buffer;
} STRING16;

__declspec(dllimport) void RtlInitUnicodeString(STRING16 *string, unsigned short const *source);
__declspec(dllimport) void RtlCopyUnicodeString(STRING16 *target, STRING16 const *source);
__declspec(dllimport) long RtlAppendUnicodeStringToString(STRING16 *target, STRING16 const *source);
__declspec(dllimport) long RtlCompareUnicodeString(STRING16 const *left, STRING16 const *right, unsigned char fold);

long counted_strings_fault(void)
{
    unsigned short room[8] = {'a', 'b'};
    STRING16 target = {4, sizeof room, room}, unset;
    STRING16 const bad = {4, 4, (unsigned short *)NOWHERE};
    for (int volatile which = 0; which < 4; ++which) {
        __try {
            switch (which) {
            case 0: RtlInitUnicodeString(&unset, bad.buffer); break;
            case 1: RtlCopyUnicodeString(&target, &bad); break;
            case 2: RtlAppendUnicodeStringToString(&target, &bad); break;
            case 3: RtlCompareUnicodeString(&target, &bad, 0); break;
            }
            note("not reached");
        } __except (show(GetExceptionInformation()->ExceptionRecord)) {
            note("function %d, target %c%c", which, room[0], room[1]);
        }
    }
    return 0;
}

/* expect
exception C0000005, flags 0
parameter 0
parameter 10
function 0, target ab
exception C0000005, flags 0
parameter 0
parameter 10
function 1, target ab
exception C0000005, flags 0
parameter 0
parameter 10
function 2, target ab
exception C0000005, flags 0
parameter 0
parameter 10
function 3, target ab
returned 0
*/
