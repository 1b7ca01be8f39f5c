/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the engine's longer blocks end. It ends a block when its room for translated code is full, and hooks take
   room: a processor that records cuts long straight code into more blocks than the one that it runs again. Blocks
   are what the clock and the budget count, so the recorder has to know the ends. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* Bytes below which no hook makes the engine cut a block: hooks on a hundred instructions do not. */
#define LONG 64u

static struct long_block *find_slot(struct core *core, uint64_t address)
{
    uint32_t mask = core->long_block_room - 1;
    uint32_t at = (uint32_t)(address * 0x9E3779B97F4A7C15ull >> 40) & mask;
    while (core->long_blocks[at].size && core->long_blocks[at].address != address)
        at = (at + 1) & mask;
    return &core->long_blocks[at];
}

static int grow(struct core *core)
{
    uint32_t old_room = core->long_block_room;
    struct long_block *old = core->long_blocks;
    struct long_block *grown = calloc(old_room ? old_room * 2 : 256, sizeof *grown);
    if (!grown)
        return 0;
    core->long_blocks = grown;
    core->long_block_room = old_room ? old_room * 2 : 256;
    for (uint32_t i = 0; i < old_room; i++)
        if (old[i].size)
            *find_slot(core, old[i].address) = old[i];
    free(old);
    return 1;
}

static void note(struct core *core, uint64_t address, uint64_t size)
{
    if (core->long_block_count * 2 >= core->long_block_room && !grow(core))
        return;
    struct long_block *slot = find_slot(core, address);
    core->long_block_count += !slot->size;
    *slot = (struct long_block){address, size};
}

void note_long_block(struct core *core, uint64_t address, uint64_t size)
{
    if (size >= LONG && !core->recorder)
        note(core, address, size);
}

uint64_t long_block_at(struct core *core, uint64_t address)
{
    return core->long_block_room ? find_slot(core, address)->size : 0;
}

/* The table of a processor that has run, slots of size 0 among it, and how many slots it has. */
EXPORTED uint32_t core_long_blocks(struct core const *core, struct long_block const **blocks)
{
    *blocks = core->long_blocks;
    return core->long_block_room;
}

/* Have a processor that records count as the one did whose table this is. */
EXPORTED void core_set_long_blocks(struct core *core, struct long_block const *blocks, uint32_t room)
{
    if (core->long_blocks)
        memset(core->long_blocks, 0, core->long_block_room * sizeof *core->long_blocks);
    core->long_block_count = 0;
    for (uint32_t i = 0; i < room; i++)
        if (blocks[i].size)
            note(core, blocks[i].address, blocks[i].size);
}
