// SPDX-License-Identifier: GPL-2.0-or-later
// Imports a primitive outright, as no driver does that is to run on older kernels, too.

__declspec(dllimport) unsigned long RtlReadULongFromUser(const volatile unsigned long *address);

unsigned long read_by_import(const volatile unsigned long *user)
{
    return RtlReadULongFromUser(user);
}
