/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables whose rows begin with a quadword, in ascending order of it. */
#ifndef EMU_ASCENDING_H
#define EMU_ASCENDING_H

#include <stdint.h>
#include <string.h>

/* How many rows of a size begin with less than a value. */
static inline uint64_t rows_below(void const *rows, uint64_t size, uint64_t count, uint64_t value)
{
    uint64_t low = 0, high = count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2, key;
        memcpy(&key, (uint8_t const *)rows + middle * size, sizeof key);
        if (key < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
