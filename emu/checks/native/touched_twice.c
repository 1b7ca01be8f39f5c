/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses to user memory that share bytes with others (emu/checks/call/fetches.py). */
#include "call_tables.h"

#include <stdlib.h>

struct byte_range {
    uint64_t begin, end;
};

static int counts(struct call_tables const *call, uint8_t const *left_out, uint64_t access)
{
    struct access_record const *row = &call->accesses[access];
    return row->address < USER_END && !(row->flags & ACCESS_NOT_PERFORMED) && !(left_out && left_out[access]);
}

static uint64_t behind_last_read(struct call_tables const *call, uint8_t const *left_out)
{
    for (uint64_t i = call->access_count; i; i--)
        if (call->accesses[i - 1].kind == ACCESS_READ && counts(call, left_out, i - 1))
            return i;
    return 0;
}

/* Joins what follows on each other, upwards or downwards, as most accesses do: no two in a range share a byte. Returns
   how many ranges there are. */
static uint64_t join(struct call_tables const *call, uint8_t const *left_out, uint64_t until, struct byte_range *ranges)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < until; i++) {
        if (!counts(call, left_out, i))
            continue;
        struct access_record const *row = &call->accesses[i];
        struct byte_range *last = count ? &ranges[count - 1] : NULL;
        if (last && row->address == last->end)
            last->end += row->size;
        else if (last && row->address + row->size == last->begin)
            last->begin = row->address;
        else
            ranges[count++] = (struct byte_range){row->address, row->address + row->size};
    }
    return count;
}

static int compare(void const *left, void const *right)
{
    uint64_t one = ((struct byte_range const *)left)->begin, other = ((struct byte_range const *)right)->begin;
    return (one > other) - (one < other);
}

static int is_ascending(struct byte_range const *ranges, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++)
        if (ranges[i].begin < ranges[i - 1].begin)
            return 0;
    return 1;
}

/* Puts what more than one range covers into their place, in ascending order, and returns how many ranges that takes. */
static uint64_t keep_covered_twice(struct byte_range *ranges, uint64_t count)
{
    uint64_t kept = 0, reached = count ? ranges[0].end : 0;
    for (uint64_t i = 1; i < count; i++) {
        struct byte_range const at = ranges[i];
        uint64_t end = at.end < reached ? at.end : reached;
        reached = at.end < reached ? reached : at.end;
        if (at.begin >= end)
            continue;
        if (kept && at.begin <= ranges[kept - 1].end)
            ranges[kept - 1].end = end > ranges[kept - 1].end ? end : ranges[kept - 1].end;
        else
            ranges[kept++] = (struct byte_range){at.begin, end};
    }
    return kept;
}

static int meets(struct byte_range const *ranges, uint64_t count, struct access_record const *access)
{
    uint64_t up_to = rows_below(ranges, sizeof *ranges, count, last_byte(access) + 1);
    return up_to && ranges[up_to - 1].end > access->address;
}

/* Finds the accesses to user memory that were performed and share a byte with another such one, up to the last that reads.
   `left_out`, if it is not NULL, has a byte for each access, 0 for those that count; `ranges` and `found` have room for
   all accesses. Returns how many there are. */
EXPORTED uint64_t checks_touched_twice(struct call_tables const *call, uint8_t const *left_out,
                                     struct byte_range *ranges, int64_t *found)
{
    uint64_t until = behind_last_read(call, left_out), met = 0;
    uint64_t count = join(call, left_out, until, ranges);
    if (!is_ascending(ranges, count))
        qsort(ranges, count, sizeof *ranges, compare);
    count = keep_covered_twice(ranges, count);
    for (uint64_t i = 0; count && i < until; i++)
        if (counts(call, left_out, i) && meets(ranges, count, &call->accesses[i]))
            found[met++] = (int64_t)i;
    return met;
}
