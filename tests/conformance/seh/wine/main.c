/* SPDX-License-Identifier: MIT */
/* The user-mode executable around a program: prints its notes, and how it ended, as the emulated kernel reports them. */
#include <stdarg.h>
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

__declspec(dllimport) int vprintf(char const *format, va_list arguments);
__declspec(dllimport) int fflush(void *every_stream);

long PROGRAM(void);

/* Windows' own would write to the debugger. */
unsigned long DbgPrint(char const *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    fflush(NULL);
    return 0;
}

unsigned long (*const __imp_DbgPrint)(char const *format, ...) = DbgPrint;

static long uncaught(EXCEPTION_RECORD const *record)
{
    DbgPrint("raised %08lX\n", record->ExceptionCode);
    return EXCEPTION_EXECUTE_HANDLER;
}

/* The entry point: there is no C runtime to start. */
void start(void)
{
    __try {
        long value = PROGRAM();
        DbgPrint("returned %lX\n", value);
    } __except (uncaught(GetExceptionInformation()->ExceptionRecord)) {
    }
    ExitProcess(0);
}
