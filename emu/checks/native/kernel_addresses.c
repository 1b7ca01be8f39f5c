/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses of the kernel's half that stood in user memory where a call read it. */
#include "call_tables.h"

/* Intel SDM Vol. 1, 3.3.7.1: canonical addresses. */
#define KERNEL_BEGIN 0xFFFF800000000000ull
#define ADDRESS_SIZE 8

/* Finds them at any alignment, also where they were read in parts, upwards. Returns how many: `room` at most, no two of
   the same one behind the other. */
EXPORTED uint64_t checks_kernel_addresses_read(struct call_tables const *call, uint64_t *found, uint64_t room)
{
    uint64_t count = 0, window = 0, length = 0, next = 0;
    for (uint64_t i = 0; i < call->access_count; i++) {
        struct access_record const *access = &call->accesses[i];
        if (access->kind != ACCESS_READ || access->flags & ACCESS_NOT_PERFORMED || access->address >= USER_END)
            continue;
        if (access->address != next)
            length = 0;
        next = access->address + access->size;
        for (uint32_t byte = 0; byte < access->size; byte++) {
            uint64_t half = byte < 8 ? access->low : access->high;
            window = window >> 8 | (half >> byte % 8 * 8) << 56;
            length++;
            if (window < KERNEL_BEGIN || length < ADDRESS_SIZE || (count && found[count - 1] == window))
                continue;
            if (count == room)
                return count;
            found[count++] = window;
        }
    }
    return count;
}
