/* SPDX-License-Identifier: MIT */
__declspec(dllimport) int ZwQuerySomething(int);
__declspec(dllimport) int ZwOpenSomethingElse(int);
__declspec(dllimport) void DbgBreakPointWithStatus(unsigned);

int ask(int number)
{
    DbgBreakPointWithStatus(1);
    return ZwQuerySomething(number) + ZwOpenSomethingElse(number);
}
