/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checkpoint and reset of guest RAM: only pages that were written move.
   A guest write is known by the D bit that the engine's page walk set in a leaf entry, a host write by its
   byte in `host_written`. */
#include "core.h"

#include <string.h>

#define FRAME 4096u
#define GROUP 64u /* frames whose bytes are looked at together */
#define DIRTY 0x40u
#define ACCESSED 0x20u
#define HOST_WRITTEN 1u
#define NO_EXECUTE 0x8000000000000000ull
#define FRAME_MASK 0x000FFFFFFFFFF000ull

struct pages {
    uint8_t *ram;
    uint8_t *baseline;     /* what reset goes back to; as large as RAM */
    uint8_t *host_written; /* a byte a frame, rounded up to whole groups */
    uint8_t *executable;   /* likewise: an entry has allowed execution of the frame since the last reset that asked */
    uint64_t frames;
    uint64_t used;   /* below: every frame that may be marked as written */
    uint64_t logged; /* someone logs what changes: every frame that moves is one that the host wrote */
    uint32_t *dirtied; /* the frames that the guest had written when the last reset brought them back, if asked for */
    uint64_t dirtied_room, dirtied_count; /* the count goes on where the room ends */
};

/* A leaf page table, and which of its entries may be other than 0. */
struct leaf_table {
    uint32_t table, first, end;
};

static void copy_frame(uint8_t *to, uint8_t const *from, uint64_t frame)
{
    memcpy(to + frame * FRAME, from + frame * FRAME, FRAME);
}

static uint64_t dirty_frame(struct pages const *pages, uint64_t entry)
{
    uint64_t frame = (entry & FRAME_MASK) / FRAME;
    return (entry & DIRTY) && frame < pages->frames ? frame : pages->frames;
}

static void note_change(struct pages const *pages, uint64_t frame)
{
    if (pages->logged)
        pages->host_written[frame] = HOST_WRITTEN;
}

static void note_dirtied(struct pages *pages, uint64_t frame)
{
    if (pages->dirtied_count < pages->dirtied_room)
        pages->dirtied[pages->dirtied_count] = (uint32_t)frame;
    pages->dirtied_count++;
}

/* Returns whether one of the frames was executable. */
static uint32_t copy_host_written(struct pages const *pages, uint8_t *to, uint8_t const *from)
{
    uint32_t code = 0;
    for (uint64_t frame = 0; frame < pages->used; frame += GROUP) {
        uint64_t group[GROUP / 8], any = 0;
        memcpy(group, pages->host_written + frame, GROUP);
        for (uint32_t i = 0; i < GROUP / 8; i++)
            any |= group[i];
        if (!any)
            continue;
        for (uint64_t i = frame; i < frame + GROUP; i++)
            if (pages->host_written[i]) {
                copy_frame(to, from, i);
                code |= pages->executable[i];
                pages->host_written[i] = pages->logged ? HOST_WRITTEN : 0;
            }
    }
    return code;
}

/* Make RAM as it is now the baseline, and clear every A and D bit. The caller flushes the TLB. */
EXPORTED void pages_checkpoint(struct pages const *pages, struct leaf_table const *tables, uint32_t count)
{
    for (uint32_t t = 0; t < count; t++) {
        uint64_t *entries = (uint64_t *)(pages->ram + (uint64_t)tables[t].table * FRAME);
        for (uint32_t i = tables[t].first; i < tables[t].end; i++) {
            uint64_t frame = dirty_frame(pages, entries[i]);
            if (frame != pages->frames)
                copy_frame(pages->baseline, pages->ram, frame);
            entries[i] &= ~(uint64_t)(DIRTY | ACCESSED);
        }
        copy_frame(pages->baseline, pages->ram, tables[t].table);
        note_change(pages, tables[t].table);
    }
    copy_host_written(pages, pages->baseline, pages->ram);
}

static void find_executable(struct pages const *pages, struct leaf_table const *tables, uint32_t count)
{
    memset(pages->executable, 0, pages->frames);
    for (uint32_t t = 0; t < count; t++) {
        uint64_t const *entries = (uint64_t const *)(pages->ram + (uint64_t)tables[t].table * FRAME);
        for (uint32_t i = tables[t].first; i < tables[t].end; i++) {
            uint64_t frame = (entries[i] & FRAME_MASK) / FRAME;
            if (entries[i] && !(entries[i] & NO_EXECUTE) && frame < pages->frames)
                pages->executable[frame] = 1;
        }
    }
}

/* Bring RAM back to the baseline. The caller flushes the TLB. `tables` are the leaf page tables of now.
   Returns whether code changed: the caller then drops its translations. */
EXPORTED uint32_t pages_reset(struct pages *pages, struct leaf_table const *tables, uint32_t count)
{
    uint32_t code = 0;
    pages->dirtied_count = 0;
    for (uint32_t t = 0; t < count; t++) {
        uint64_t *entries = (uint64_t *)(pages->ram + (uint64_t)tables[t].table * FRAME);
        uint64_t const *before = (uint64_t const *)(pages->baseline + (uint64_t)tables[t].table * FRAME);
        for (uint32_t i = tables[t].first; i < tables[t].end; i++) {
            if (entries[i] == before[i])
                continue;
            uint64_t frame = dirty_frame(pages, entries[i]);
            if (frame != pages->frames) {
                copy_frame(pages->ram, pages->baseline, frame);
                code |= pages->executable[frame];
                note_change(pages, frame);
                note_dirtied(pages, frame);
            }
            entries[i] = before[i];
            note_change(pages, tables[t].table);
        }
    }
    code |= copy_host_written(pages, pages->ram, pages->baseline);
    if (code)
        find_executable(pages, tables, count);
    return code;
}

static void copy_differences(struct pages const *pages, uint8_t *to, uint8_t const *from)
{
    for (uint64_t frame = 0; frame < pages->frames; frame++)
        if (memcmp(to + frame * FRAME, from + frame * FRAME, FRAME)) {
            copy_frame(to, from, frame);
            note_change(pages, frame);
        }
}

/* The same two for the whole of RAM, whatever the D bits say: for guests that had page tables of their own. */
EXPORTED void pages_checkpoint_all(struct pages const *pages) { copy_differences(pages, pages->baseline, pages->ram); }

EXPORTED void pages_reset_all(struct pages const *pages) { copy_differences(pages, pages->ram, pages->baseline); }

EXPORTED uint32_t pages_layout(void) { return (uint32_t)sizeof(struct pages); }
