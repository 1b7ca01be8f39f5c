/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the engine's longer blocks end. It ends a block when its room for translated code is full, and hooks take
   room: a processor that records cuts long straight code into more blocks than the one that it runs again. Blocks
   are what the clock and the budget count, so the recorder has to know the ends, and when a block was another one
   than before: its code had changed, or exact stops were set. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* Bytes below which no hook makes the engine cut a block: hooks on a hundred instructions do not. */
#define LONG 64u

/* The size that stands for all blocks that are not long: a slot of size 0 is free. */
#define SHORT 1u

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

static uint64_t size_at(struct core *core, uint64_t address)
{
    uint64_t size = core->long_block_room ? find_slot(core, address)->size : 0;
    return size ? size : SHORT;
}

static void note(struct core *core, uint64_t address, uint64_t size)
{
    if (core->long_block_count * 2 >= core->long_block_room && !grow(core))
        return;
    struct long_block *slot = find_slot(core, address);
    core->long_block_count += !slot->size;
    *slot = (struct long_block){address, size};
}

static void note_change(struct core *core, struct long_block block)
{
    if (core->change_count == core->change_room) {
        uint64_t room = core->change_room ? core->change_room * 2 : 64;
        struct long_block_change *grown = realloc(core->long_block_changes, room * sizeof *grown);
        if (!grown)
            return;
        core->long_block_changes = grown;
        core->change_room = room;
    }
    core->long_block_changes[core->change_count++] = (struct long_block_change){block, core->runs, core->state->blocks};
}

void note_long_block(struct core *core, uint64_t address, uint64_t size)
{
    if (size < LONG)
        size = SHORT;
    if (core->recorder || size_at(core, address) == size)
        return;
    note(core, address, size);
    if (core->notes_changes)
        note_change(core, (struct long_block){address, size});
}

uint64_t long_block_that_begins(struct core *core, uint64_t address)
{
    while (core->changes_made < core->change_count) {
        struct long_block_change const *change = &core->long_block_changes[core->changes_made];
        if (change->run > core->runs || (change->run == core->runs && change->blocks > core->state->blocks))
            break;
        note(core, change->block.address, change->block.size);
        core->changes_made++;
    }
    return size_at(core, address);
}

/* Note from now on what changes in the table; or no longer. */
EXPORTED void core_note_long_blocks(struct core *core, int notes_changes)
{
    core->notes_changes = notes_changes;
    core->runs = core->change_count = 0;
}

/* The table of a processor that has run, free slots among it, and how many slots it has. */
EXPORTED uint32_t core_long_blocks(struct core const *core, struct long_block const **blocks)
{
    *blocks = core->long_blocks;
    return core->long_block_room;
}

/* What has changed in it since core_note_long_blocks. */
EXPORTED uint32_t core_long_block_changes(struct core const *core, struct long_block_change const **changes)
{
    *changes = core->long_block_changes;
    return (uint32_t)core->change_count;
}

/* Have a processor that records count as the one did whose table this is, and whose changes to it. */
EXPORTED void core_set_long_blocks(struct core *core, struct long_block const *blocks, uint32_t room,
                                   struct long_block_change const *changes, uint32_t change_count)
{
    if (core->long_blocks)
        memset(core->long_blocks, 0, core->long_block_room * sizeof *core->long_blocks);
    core->long_block_count = 0;
    for (uint32_t i = 0; i < room; i++)
        if (blocks[i].size)
            note(core, blocks[i].address, blocks[i].size);
    core->runs = core->change_count = core->changes_made = 0;
    for (uint32_t i = 0; i < change_count; i++) {
        note_change(core, changes[i].block);
        core->long_block_changes[i] = changes[i];
    }
}
