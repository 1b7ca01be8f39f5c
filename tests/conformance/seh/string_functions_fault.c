/* SPDX-License-Identifier: MIT */
/* String functions that are given a bad pointer: the fault is in the exporting image, and the caller's scope has it. */
#include "program.h"

__declspec(dllimport) unsigned long long strlen(char const *string);
__declspec(dllimport) int strcmp(char const *left, char const *right);
__declspec(dllimport) char *strcpy(char *target, char const *source);
__declspec(dllimport) char *strchr(char const *string, int character);
__declspec(dllimport) unsigned long long wcslen(unsigned short const *string);
__declspec(dllimport) int _snprintf(char *target, unsigned long long size, char const *format, ...);

long string_functions_fault(void)
{
    char const *volatile bad = (char const *)NOWHERE;
    char target[16] = "unchanged";
    for (int volatile which = 0; which < 6; ++which) {
        __try {
            switch (which) {
            case 0: strlen(bad); break;
            case 1: strcmp(bad, "text"); break;
            case 2: strcpy(target, bad); break;
            case 3: strchr(bad, 'x'); break;
            case 4: wcslen((unsigned short const *)bad); break;
            case 5: _snprintf(target, sizeof target, "%s", bad); break;
            }
            note("not reached");
        } __except (show(GetExceptionInformation()->ExceptionRecord)) {
            note("function %d, target %s", which, target);
        }
    }
    return 0;
}

/* expect
exception C0000005, flags 0
parameter 0
parameter 10
function 0, target unchanged
exception C0000005, flags 0
parameter 0
parameter 10
function 1, target unchanged
exception C0000005, flags 0
parameter 0
parameter 10
function 2, target unchanged
exception C0000005, flags 0
parameter 0
parameter 10
function 3, target unchanged
exception C0000005, flags 0
parameter 0
parameter 10
function 4, target unchanged
exception C0000005, flags 0
parameter 0
parameter 10
function 5, target unchanged
returned 0
*/
