/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses beside pool blocks, and to blocks that were freed (emu/checks/call/pool_accesses.py). */
#include "call_tables.h"

#define PAGE_SIZE 4096u
#define WIDEST 16u /* bytes of the widest access */

struct pool_life {
    uint64_t base;          /* of the block's first page */
    uint64_t address, size; /* of the block */
    uint64_t end;           /* of the page behind its own, on which no block lies */
    int64_t begin, freed;   /* the instructions before which it was allocated and freed; freed: INT64_MAX for never */
    uint64_t reached;       /* set here: the highest end of this one and those before it */
};

struct pool_suspect {
    int64_t life, access, is_freed;
};

static int is_wrong(struct pool_life const *life, struct access_record const *access, int is_freed)
{
    if (is_freed)
        return access->address < life->end - PAGE_SIZE;
    return access->address < life->address || last_byte(access) >= life->address + life->size;
}

/* Finds what touches the pages of a block, or the page behind it, since the block was allocated, but not the block alone;
   or, of its own pages, anything since it was freed. `lives` is in order of `base`. Returns how many accesses that are,
   and puts as many as there is room for into `suspects`. */
EXPORTED uint64_t checks_pool_accesses(struct call_tables const *call, struct pool_life *lives, uint64_t life_count,
                                     struct pool_suspect *suspects, uint64_t room)
{
    uint64_t reached = 0, found = 0;
    for (uint64_t i = 0; i < life_count; i++) {
        reached = lives[i].end > reached ? lives[i].end : reached;
        lives[i].reached = reached;
    }
    for (uint64_t i = 0; life_count && i < call->access_count; i++) {
        struct access_record const *access = &call->accesses[i];
        if (access->address + WIDEST <= lives[0].base || access->address >= reached)
            continue;
        int64_t at = (int64_t)instruction_of(call, access);
        uint64_t k = rows_below(lives, sizeof *lives, life_count, last_byte(access) + 1);
        for (; k && lives[k - 1].reached > access->address; k--) {
            struct pool_life const *life = &lives[k - 1];
            int is_freed = at >= life->freed;
            if (access->address >= life->end || at < life->begin || !is_wrong(life, access, is_freed))
                continue;
            if (found < room)
                suspects[found] = (struct pool_suspect){(int64_t)(k - 1), (int64_t)i, is_freed};
            found++;
        }
    }
    return found;
}
