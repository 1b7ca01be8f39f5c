// SPDX-License-Identifier: MIT
// Prints every kind of argument; test_debug_print.py has the texts.

#include <stdarg.h>
#include <ntddk.h>

ULONG __cdecl vDbgPrintEx(ULONG ComponentId, ULONG Level, PCCH Format, va_list Arguments);
ULONG __cdecl vDbgPrintExWithPrefix(PCCH Prefix, ULONG ComponentId, ULONG Level, PCCH Format, va_list Arguments);

static volatile int minus_one = -1;
static volatile double one_and_a_half = 1.5;

NTSTATUS print_all(void)
{
    WCHAR unicode_buffer[] = L"unicode and more";
    CHAR ansi_buffer[] = "ansi and more";
    UNICODE_STRING unicode = { 14, 16, unicode_buffer };
    ANSI_STRING ansi = { 4, 5, ansi_buffer };

    DbgPrint("no arguments, 100%%\n");
    DbgPrint("ints %d %u %x %#X %o |%5d|%-5d|%05d", minus_one, minus_one, 127, 127, 15, 42, 42, 42);
    DbgPrint("shorts %hd %hu chars %hhd %hhu", minus_one, minus_one, minus_one, minus_one);
    DbgPrint("wide ints %I64d %lld %I64X %llx", 1234567890123456789LL, (LONGLONG)2 * minus_one,
             1234567890123456789LL, (LONGLONG)minus_one);
    DbgPrint("sizes %zX %Ix %tX", (SIZE_T)0x123456789ABCDEF0, (ULONG_PTR)0x123456789ABCDEF0, (LONG_PTR)minus_one);
    DbgPrint("pointer %p", (PVOID)0xFFFFF80012345678);
    DbgPrint("strings %s %ws %S [%.3s] [%9.3ls]", "narrow", L"wide", L"wide", "narrow", L"wide");
    DbgPrint("counted %Z %wZ", &ansi, &unicode);
    DbgPrint("null %s %ws %Z %wZ", NULL, NULL, NULL, NULL);
    DbgPrint("characters %c %hc %wc", 'A', 'B', L'\x416');
    DbgPrint("reals %f %.2f %e %g on the stack %f", one_and_a_half, one_and_a_half * minus_one - 1, 1e100, 0.001,
             one_and_a_half + 1.75);
    DbgPrint("many %d %d %d %d %d %d %d %d %d %d", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    DbgPrint("star %*d %.*d", 4, 5, 3, 5);
    return STATUS_SUCCESS;
}

static void print_list(ULONG component, ULONG level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vDbgPrintEx(component, level, format, arguments);
    va_end(arguments);
}

static void print_prefixed(ULONG component, ULONG level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vDbgPrintExWithPrefix("driver: ", component, level, format, arguments);
    va_end(arguments);
}

NTSTATUS print_with_level(void)
{
    DbgPrintEx(77, 2, "level %d", 5);
    print_list(78, 0xFFFFFFFF, "list %d %s %f", 1, "two", one_and_a_half * 2);
    print_prefixed(79, 1, "list %d", 4);
    return STATUS_SUCCESS;
}
