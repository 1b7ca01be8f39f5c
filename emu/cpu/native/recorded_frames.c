/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which virtual page a guest-physical frame is, for the recorder. */
#include "recorder_state.h"

#include <string.h>

#define TABLE_ENTRIES 512u
#define PRESENT 1u
#define USER_PAGE 4u
#define LARGE_PAGE 0x80u
#define LARGEST_PAGE_SHIFT 30
#define FRAME_MASK 0x000FFFFFFFFFF000ull
#define NO_EXECUTE 0x8000000000000000ull

static void set_frame(struct recorder *recorder, uint64_t frame, uint64_t mapped)
{
    recorder->frames[frame] = mapped;
    if (frame >= recorder->frames_known)
        recorder->frames_known = frame + 1;
}

static void map_page(struct recorder *recorder, uint64_t physical, uint64_t size, uint64_t mapped)
{
    for (uint64_t at = 0; at < size && (physical + at) / PAGE < recorder->frame_count; at += PAGE)
        set_frame(recorder, (physical + at) / PAGE, mapped + at);
}

static void map_table(struct recorder *recorder, uint64_t table, int shift, uint64_t address, uint64_t flags)
{
    struct core const *core = recorder->core;
    if (table > core->ram_size - PAGE || !recorder->tables_left)
        return;
    recorder->tables_left--;
    uint64_t const *entries = (uint64_t const *)(core->ram + table);
    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t entry = entries[i];
        if (!(entry & PRESENT))
            continue;
        uint64_t at = address | i << shift, next = entry & FRAME_MASK;
        uint64_t rights = flags & ((entry & USER_PAGE ? FRAME_IS_USER : 0u) | (entry & NO_EXECUTE ? 0u : FRAME_IS_CODE));
        if (at >> 47 & 1)
            at |= 0xFFFF000000000000ull;
        if (shift == 12 || (shift <= LARGEST_PAGE_SHIFT && entry & LARGE_PAGE))
            map_page(recorder, next & ~((1ull << shift) - 1), 1ull << shift, at | rights | FRAME_IS_MAPPED);
        else
            map_table(recorder, next, shift - 9, at, rights);
    }
}

/* The engine's memory hooks give guest-physical addresses. Every virtual page has a frame of its own, but for guests
   with page tables of their own: there an address is one of those that the frame has. */
void recorder_map_frames(struct recorder *recorder)
{
    struct core *core = recorder->core;
    uint64_t root = 0;
    core->engine.reg_read(core->uc, core->facts.cr3_id, &root);
    memset(recorder->frames, 0, recorder->frames_known * sizeof *recorder->frames);
    recorder->frames_known = 0;
    recorder->tables_left = recorder->frame_count;
    map_table(recorder, root & FRAME_MASK, 39, 0, FRAME_IS_USER | FRAME_IS_CODE);
}

/* A page may have become present since: the guest may edit its tables. What no table leads to any more, the TLB still
   may: there is no address left to be told but the physical one. */
void recorder_find_frame(struct recorder *recorder, uint64_t frame)
{
    recorder_map_frames(recorder);
    if (!(recorder->frames[frame] & FRAME_IS_MAPPED))
        set_frame(recorder, frame, frame * PAGE | FRAME_IS_MAPPED);
}
