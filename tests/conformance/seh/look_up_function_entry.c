/* SPDX-License-Identifier: MIT */
/* RtlLookupFunctionEntry and RtlPcToFileHeader: entries of functions, none for a leaf, no image where there is none. */
#include "program.h"

extern char const __ImageBase;

static __attribute__((noinline)) int with_frame(int value)
{
    int volatile local[10];
    local[value] = value;
    return local[value] + read_nowhere();
}

__attribute__((naked)) static void leaf(void)
{
    __asm__("nop\n\tretq");
}

long look_up_function_entry(void)
{
    unsigned long long const function = (unsigned long long)with_frame;
    unsigned long long base = 1;
    void *header = &base, *returned;
    RUNTIME_FUNCTION const *entry = RtlLookupFunctionEntry(function + 4, &base, NULL);
    note("image %d, begins %d, holds %d", base == (unsigned long long)&__ImageBase,
         base + entry->BeginAddress == function, base + entry->EndAddress > function + 4);
    base = 1;
    entry = RtlLookupFunctionEntry((unsigned long long)leaf, &base, NULL);
    note("leaf %d, image %d", entry != NULL, base == (unsigned long long)&__ImageBase);
    returned = RtlPcToFileHeader((void *)with_frame, &header);
    note("file header %d %d", returned == &__ImageBase, header == &__ImageBase);
    returned = RtlPcToFileHeader((void *)NOWHERE, &header);
    note("nowhere %d %d", returned != NULL, header != NULL);
    return RtlLookupFunctionEntry(0x10, &base, NULL) != NULL;
}

/* expect
image 1, begins 1, holds 1
leaf 0, image 1
file header 1 1
nowhere 0 0
returned 0
*/

/* expect wine: it does not tell the image of an address without an entry
image 1, begins 1, holds 1
leaf 0, image 0
file header 1 1
nowhere 0 0
returned 0
*/
