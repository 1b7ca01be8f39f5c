/* SPDX-License-Identifier: MIT */
/* A fault that is caught three frames up, with one __finally between. */

static volatile int cleaned;

static __attribute__((noinline)) int faults(volatile char *address)
{
    return *address + 1;
}

static __attribute__((noinline)) int cleans_up(volatile char *address)
{
    int value = 0;
    __try {
        value = faults(address) + 1;
    } __finally {
        cleaned = 1;
    }
    return value;
}

static __attribute__((noinline)) int passes(volatile char *address)
{
    return cleans_up(address) + 1;
}

int caught_above(volatile char *address)
{
    __try {
        return passes(address);
    } __except (address == (volatile char *)0x10) {
        return -1;
    }
}
