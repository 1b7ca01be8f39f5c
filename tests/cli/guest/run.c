// SPDX-License-Identifier: MIT
// What a routine can do that `emu run` shows: read its argument under __try, print, allocate, call what others provide.

typedef unsigned long ULONG;
typedef unsigned long long ULONG64;

ULONG DbgPrint(const char *format, ...);
void *ExAllocatePool2(ULONG64 flags, ULONG64 size, ULONG tag);
__declspec(dllimport) ULONG64 ZwThing(void *);

int sum_bytes(const unsigned char *source, int count, unsigned char *target) {
    int sum = 0;
    __try {
        for (int at = 0; at < count; at++) {
            sum += source[at];
            target[at] = source[at];
        }
    } __except (1) {
        DbgPrint("caught after %d\x1b[2J\n", sum);
        return -1;
    }
    return sum;
}

// No tail calls below, so that the calls come from these functions.

ULONG64 call_thing(void) { return ZwThing(0) - 1; }

int leak(ULONG64 size) { return ExAllocatePool2(0x40, size, 'kaeL') == 0; }

void print_lines(int count) {
    for (int line = 0; line < count; line++)
        DbgPrint("line %d\n", line);
}
