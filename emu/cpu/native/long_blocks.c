/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the engine's longer blocks end. It ends a block when its room for translated code is full, and hooks take
   room: a processor that records cuts long straight code into more blocks than the one that it runs again, and at other
   places. Blocks are what the clock and the budget count, so the recorder has to know the ends, those of the blocks
   that follow long ones, too; and when a block was another one than before: its code had changed, or exact stops were
   set. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* Bytes below which no hook makes the engine cut a block: hooks on a hundred instructions do not. */
#define LONG 64u

struct block_slot {
    uint64_t address;
    uint32_t size;    /* 0 for a place where no block has begun */
    uint8_t is_used, follows; /* a long block ends where it begins */
};

static int matters(struct block_slot const *slot) { return slot->size >= LONG || (slot->follows && slot->size); }

static struct block_slot *find_slot(struct core *core, uint64_t address)
{
    uint32_t mask = core->block_room - 1;
    uint32_t at = (uint32_t)(address * 0x9E3779B97F4A7C15ull >> 32) & mask;
    while (core->blocks[at].is_used && core->blocks[at].address != address)
        at = (at + 1) & mask;
    return &core->blocks[at];
}

static int grow(struct core *core)
{
    uint32_t old_room = core->block_room, room = old_room ? old_room * 2 : 256;
    struct block_slot *old = core->blocks, *grown = calloc(room, sizeof *grown);
    if (!grown)
        return 0;
    core->blocks = grown;
    core->block_room = room;
    for (uint32_t i = 0; i < old_room; i++)
        if (old[i].is_used)
            *find_slot(core, old[i].address) = old[i];
    free(old);
    return 1;
}

/* NULL where memory has run out. */
static struct block_slot *slot_of(struct core *core, uint64_t address)
{
    if (core->block_count * 2 >= core->block_room && !grow(core))
        return NULL;
    struct block_slot *slot = find_slot(core, address);
    if (!slot->is_used) {
        *slot = (struct block_slot){.address = address, .is_used = 1};
        core->block_count++;
    }
    return slot;
}

static void note_change(struct core *core, struct block_slot const *slot)
{
    if (!core->notes_changes)
        return;
    if (core->change_count == core->change_room) {
        uint64_t room = core->change_room ? core->change_room * 2 : 64;
        struct long_block_change *grown = realloc(core->block_changes, room * sizeof *grown);
        if (!grown)
            return;
        core->block_changes = grown;
        core->change_room = room;
    }
    struct long_block block = {slot->address, matters(slot) ? slot->size : 0};
    core->block_changes[core->change_count++] = (struct long_block_change){block, core->runs, core->state->blocks};
}

static void note_follower(struct core *core, uint64_t address)
{
    struct block_slot *slot = slot_of(core, address);
    if (!slot || slot->follows)
        return;
    slot->follows = 1;
    if (slot->size && slot->size < LONG)
        note_change(core, slot);
}

void note_block(struct core *core, uint64_t address, uint64_t size)
{
    if (core->recorder && !recorder_watches(core->recorder))
        return;
    struct block_slot *slot = slot_of(core, address);
    if (!slot || slot->size == size)
        return;
    int mattered = matters(slot);
    slot->size = (uint32_t)size;
    if (mattered || matters(slot))
        note_change(core, slot);
    if (size >= LONG)
        note_follower(core, address + size);
}

static void set(struct core *core, struct long_block block)
{
    struct block_slot *slot = slot_of(core, block.address);
    if (slot)
        slot->size = (uint32_t)block.size;
}

uint64_t long_block_that_begins(struct core *core, uint64_t address)
{
    while (core->changes_made < core->change_count) {
        struct long_block_change const *change = &core->block_changes[core->changes_made];
        if (change->run > core->runs || (change->run == core->runs && change->blocks > core->state->blocks))
            break;
        set(core, change->block);
        core->changes_made++;
    }
    return core->block_room ? find_slot(core, address)->size : 0;
}

/* Note from now on what changes; or no longer. */
EXPORTED void core_note_long_blocks(struct core *core, int notes_changes)
{
    core->notes_changes = notes_changes;
    core->runs = core->change_count = 0;
}

/* Copy the long blocks, and those that follow them, if there is room. Returns how many there are. */
EXPORTED uint32_t core_long_blocks(struct core const *core, struct long_block *blocks, uint32_t room)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->block_room; i++) {
        struct block_slot const *slot = &core->blocks[i];
        if (!matters(slot))
            continue;
        if (count < room)
            blocks[count] = (struct long_block){slot->address, slot->size};
        count++;
    }
    return count;
}

/* What has changed since core_note_long_blocks. */
EXPORTED uint32_t core_long_block_changes(struct core const *core, struct long_block_change const **changes)
{
    *changes = core->block_changes;
    return (uint32_t)core->change_count;
}

/* Have a processor that records count as the one did whose blocks these are, and what changed in them. */
EXPORTED void core_set_long_blocks(struct core *core, struct long_block const *blocks, uint32_t count,
                                   struct long_block_change const *changes, uint32_t change_count)
{
    if (core->blocks)
        memset(core->blocks, 0, core->block_room * sizeof *core->blocks);
    core->block_count = 0;
    for (uint32_t i = 0; i < count; i++)
        set(core, blocks[i]);
    free(core->block_changes);
    core->block_changes = malloc(change_count * sizeof *changes);
    core->runs = core->changes_made = 0;
    core->change_count = core->change_room = core->block_changes ? change_count : 0;
    if (core->change_count)
        memcpy(core->block_changes, changes, change_count * sizeof *changes);
}
