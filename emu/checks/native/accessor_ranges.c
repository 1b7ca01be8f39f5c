/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which accesses of a call keep to the ranges that its accessors are given, and how these are gone through.
   emu/checks/call/accessor_ranges.py declares the same layouts and names. */
#include "call_tables.h"

#define PAGE_MASK 0xFFFull
#define ABOVE_SLOT 40ull      /* the return address, and the home space of the function that it belongs to */
#define DEEPEST (1ull << 16)  /* bytes of stack below its return address that are taken for an accessor's own */
#define OUT_OF_ORDER UINT64_MAX

#define IN_RANGE 1u /* of an access: all of it */
#define TOUCHES_RANGE 2u
#define OUTSIDE 4u /* of all ranges, where it should be in one */

#define DECLARED_READ 1u
#define DECLARED_WRITTEN 2u

#define ANY_OUTSIDE 1u
#define ANY_OUT_OF_ORDER 2u

struct accessor_range {
    uint64_t first, size; /* which of them there are in the address space */
    uint64_t declared;    /* what the accessor is to do with all of it */
    /* The rest is 0 at first, and of accesses that were performed: */
    uint64_t read, written;   /* how many bytes, if from the first one up and one after the other; OUT_OF_ORDER */
    uint64_t parts;           /* reads, or writes of what is only to be written, that are smaller than the range */
    uint64_t is_out_of_order; /* what is declared is not done in order */
};

/* Find for each activation the accessor call that it is in, of nested ones the outermost; -1: none. A filter or handler
   is not the accessor's that it interrupts.
   entered  of each accessor call its activation
   running  -1 at first; has one entry more, for what is in no activation */
EXPORTED void checks_running_accessors(struct call_tables const *call, int64_t const *entered, uint64_t count,
                                     int64_t *running)
{
    for (uint64_t i = 0; i < count; i++)
        running[entered[i]] = (int64_t)i;
    for (uint64_t i = 0; i < call->activation_count; i++) {
        struct activation const *each = &call->activations[i];
        int by_guest = each->by == BY_CALL || each->by == BY_JUMP;
        if (by_guest && each->parent >= 0 && running[each->parent] >= 0)
            running[i] = running[each->parent];
    }
}

static int touches(struct accessor_range const *range, struct access_record const *access)
{
    return access->address - range->first < range->size ||
           (range->size && range->first - access->address < access->size);
}

static int contains(struct accessor_range const *range, struct access_record const *access)
{
    uint64_t offset = access->address - range->first;
    return offset < range->size && access->size <= range->size - offset;
}

/* The bytes on the pages of a range, and so many around them. A range without bytes has a page, too. */
struct neighbourhood {
    uint64_t first, last;
};

static struct neighbourhood neighbourhood_of(struct accessor_range const *range, uint64_t around)
{
    uint64_t first = range->first & ~PAGE_MASK;
    uint64_t last = (range->size ? range->first + range->size - 1 : range->first) | PAGE_MASK;
    first -= first < around ? first : around;
    last += UINT64_MAX - last < around ? UINT64_MAX - last : around;
    return (struct neighbourhood){first, last};
}

static int is_near(struct neighbourhood around_it, struct access_record const *access)
{
    return last_byte(access) >= around_it.first && access->address <= around_it.last;
}

/* Note an access that touches a range, if it was performed. */
static void note(struct accessor_range *range, struct access_record const *access, int is_inside)
{
    if (access->flags & ACCESS_NOT_PERFORMED)
        return;
    uint64_t judged = range->declared & DECLARED_READ ? ACCESS_READ : ACCESS_WRITE;
    uint64_t *reached = access->kind == ACCESS_READ ? &range->read : &range->written;
    if (access->size < range->size && access->kind == judged)
        range->parts++;
    if (is_inside && access->address - range->first == *reached)
        *reached += access->size;
    else
        *reached = OUT_OF_ORDER;
}

/* Tell whether an access that is in no range is one that an accessor should not make: to user memory, or to kernel
   memory near a range and not on its own stack. */
static int should_not_be(struct access_record const *access, struct accessor_range const *range,
                         struct accessor_range const *behind, uint64_t slot, uint64_t around)
{
    if (access->address < USER_END)
        return 1;
    if (access->address < slot + ABOVE_SLOT && access->address >= slot - DEEPEST)
        return 0;
    for (; range < behind; range++)
        if (range->size && is_near(neighbourhood_of(range, around), access))
            return 1;
    return 0;
}

static int is_in_order(struct accessor_range const *range)
{
    return (!(range->declared & DECLARED_READ) || (range->read == range->size && range->read != OUT_OF_ORDER)) &&
           (!(range->declared & DECLARED_WRITTEN) || (range->written == range->size && range->written != OUT_OF_ORDER));
}

/* Compare the accesses of a call with the ranges of its accessor calls. Returns ANY_OUTSIDE and ANY_OUT_OF_ORDER.
   entered      of each accessor call its activation
   first_range  of each accessor call the index of its first range; behind the last one, how many there are
   around       bytes beyond the pages of a range in which an access is taken for one that was to be in it
   where        of each access its flags; 0 at first */
EXPORTED uint32_t checks_accessor_ranges(struct call_tables const *call, int64_t const *running, int64_t const *entered,
                                       uint64_t const *first_range, uint64_t count, struct accessor_range *ranges,
                                       uint64_t around, uint8_t *where)
{
    struct access_record const *const accesses = call->accesses;
    int64_t const *const owners = call->owner;
    uint64_t const access_count = call->access_count, first_instruction = call->first_instruction;
    struct accessor_range *first = ranges, *behind = ranges;
    int64_t owner = -1, index = -1;
    uint32_t found = 0;
    for (uint64_t i = 0; i < access_count; i++) {
        struct access_record const *access = &accesses[i];
        int64_t its_owner = owners[access->instruction - first_instruction];
        if (its_owner != owner) {
            owner = its_owner;
            index = owner < 0 ? -1 : running[owner];
            if (index >= 0) {
                first = ranges + first_range[index];
                behind = ranges + first_range[index + 1];
            }
        }
        if (index < 0)
            continue;
        uint8_t flags = 0;
        for (struct accessor_range *range = first; range < behind; range++) {
            if (contains(range, access)) {
                flags = TOUCHES_RANGE | IN_RANGE;
                note(range, access, 1);
            } else if (touches(range, access)) {
                flags |= TOUCHES_RANGE;
                note(range, access, 0);
            }
        }
        if (!(flags & IN_RANGE) &&
            should_not_be(access, first, behind, call->activations[entered[index]].slot, around)) {
            flags |= OUTSIDE;
            found |= ANY_OUTSIDE;
        }
        where[i] = flags;
    }
    for (uint64_t i = 0; i < first_range[count]; i++) {
        ranges[i].is_out_of_order = !is_in_order(&ranges[i]);
        if (ranges[i].is_out_of_order)
            found |= ANY_OUT_OF_ORDER;
    }
    return found;
}

/* Find the accesses near ranges, but in none of them. Returns how many there are.
   where  of each access whether it is one of them; 0 at first */
EXPORTED uint64_t checks_accesses_beside(struct call_tables const *call, struct accessor_range const *ranges,
                                       uint64_t count, uint64_t around, uint8_t *where)
{
    for (uint64_t j = 0; j < count; j++) {
        struct accessor_range const range = ranges[j];
        struct neighbourhood const around_it = neighbourhood_of(&range, around);
        for (struct access_record const *access = call->accesses, *end = access + call->access_count; access < end;
             access++)
            if (is_near(around_it, access))
                where[access - call->accesses] |= contains(&range, access) ? IN_RANGE : OUTSIDE;
    }
    uint64_t found = 0;
    for (uint64_t i = 0; i < call->access_count; i++) {
        where[i] = where[i] == OUTSIDE;
        found += where[i];
    }
    return found;
}
