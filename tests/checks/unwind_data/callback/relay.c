/* SPDX-License-Identifier: MIT */
/* Calls a function of another module. */

long relay(long (*function)(long), long count)
{
    long volatile result = function(count);
    return result;
}
