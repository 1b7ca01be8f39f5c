/* SPDX-License-Identifier: MIT */
__declspec(dllimport) int ZwQuerySomething(int);
__declspec(dllimport) int ZwOpenSomethingElse(int);
__declspec(dllimport) void InbvDisplayString(const char *);

int ask(int number)
{
    InbvDisplayString("asked");
    return ZwQuerySomething(number) + ZwOpenSomethingElse(number);
}
