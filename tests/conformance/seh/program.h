/* SPDX-License-Identifier: MIT */
/* What every program of this directory stands on. A program is one function with the file's name; it writes down what
   happens with note(), and the comments at its end say what it has to write. The same source is run on the emulated
   kernel and as a user-mode executable, so it uses what both have: the structures of the Windows headers and the
   exports that the kernel and ntdll share. */
#ifndef PROGRAM_H
#define PROGRAM_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* In a user process, wine/main.c has it. */
__declspec(dllimport) unsigned long DbgPrint(char const *format, ...);
#define note(format, ...) ((void)DbgPrint(format "\n", ##__VA_ARGS__))

__declspec(dllimport) void RtlRaiseException(EXCEPTION_RECORD *record);
__declspec(dllimport) void RtlRaiseStatus(long status);

/* Nothing is ever there, in a user process or in the kernel. */
#define NOWHERE ((volatile char *)0x10)

/* Raise a software exception with one parameter; it returns where a filter continues it. */
static __attribute__((noinline, unused)) void
raise(unsigned long code, unsigned long flags, unsigned long long parameter)
{
    EXCEPTION_RECORD record = {.ExceptionCode = code, .ExceptionFlags = flags, .NumberParameters = 1};
    record.ExceptionInformation[0] = parameter;
    RtlRaiseException(&record);
}

/* Raise an exception in the wanted one of several places that call this. */
static __attribute__((noinline, unused)) void raise_at(int wanted, int place)
{
    if (wanted == place)
        raise(0xE0000000 + place, 0, 0);
}

/* A filter that says it was asked, and its answer. */
static __attribute__((noinline, unused)) long filter(char const *name, unsigned long code, long answer)
{
    note("filter %s %08lX answers %ld", name, code, answer);
    return answer;
}

static __attribute__((noinline, unused)) char read_nowhere(void)
{
    return *NOWHERE;
}

/* A filter that writes down what it is told, and takes the exception. */
static __attribute__((noinline, unused)) long show(EXCEPTION_RECORD const *record)
{
    note("exception %08lX, flags %lX", record->ExceptionCode, record->ExceptionFlags);
    for (unsigned long index = 0; index < record->NumberParameters; ++index)
        note("parameter %llX", record->ExceptionInformation[index]);
    return EXCEPTION_EXECUTE_HANDLER;
}

#endif
