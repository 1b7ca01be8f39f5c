/* SPDX-License-Identifier: MIT */
/* Calls itself by way of another module, twice in each activation. */

typedef long function(long);
typedef long relay_function(function *, long);

static relay_function *relay;

static long again(long count)
{
    if (count <= 0)
        return 1;
    long first = relay(again, count - 1);
    return first + relay(again, count - 2);
}

long bounce(relay_function *by, long count)
{
    relay = by;
    return again(count);
}
