/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recorder, for its own sources: recorder.c, recorded_blocks.c, recorded_code.c, recorded_frames.c, watchpoints.c. */
#ifndef EMU_RECORDER_STATE_H
#define EMU_RECORDER_STATE_H

#include "core.h"
#include "recorder.h"

#define PAGE 4096u
#define DEBUG_EXCEPTION 1u
#define GENERAL_PROTECTION 13u

#define CODE_CACHE 8192u
#define NO_CODE 0xFFFFFFFFu

/* What is known of a frame: the address of its virtual page, and in the low bits: */
#define FRAME_IS_USER 1u
#define FRAME_IS_CODE 2u
#define FRAME_IS_MAPPED 4u

struct cached_code {
    uint64_t rip;
    uint32_t code, epoch;
    uint32_t properties;
};

/* Bytes that an instruction has overwritten. */
struct overwritten {
    uint64_t address;
    uint32_t size;
    uint8_t bytes[16];
};

#define OVERWRITTEN_AT_MOST 128u

struct recorder {
    struct core *core;
    struct recording *recording;

    struct instruction_record *current; /* NULL: the instruction under way is not recorded */
    uint64_t current_rip, current_size; /* recorded or not */
    uint64_t progress;                  /* progress_of it, before it began */
    uint64_t left;                      /* instructions for which there is room, before stop_position */
    int under_way;                      /* an instruction has begun in this run */
    int wrote_code;                     /* and it has written to a page of code */
    uint64_t flags;                     /* RFLAGS before it, where code may change, or it is of those that */
    int forgets_flags;                  /* have the engine forget that it has computed them */
    int looks;                          /* the engine has looked once more at the rep that was the last instruction */
    uint32_t changes;                   /* properties: what is executed next may run at another CPL, or in other tables */
    int is_user;
    uint32_t swaps_bytes; /* the instruction under way: what the engine reports has its bytes in the reverse order */

    uint64_t block_begin, block_end;   /* the block under way of the processor that is run again */
    uint64_t engine_begin, engine_end; /* and of this one */
    int overwrote_block;               /* the instruction has written to the first */
    int resumes;                       /* the next block goes on from a stop of the recorder's */

    /* watchpoints.c; of the instruction under way */
    struct overwritten overwritten[OVERWRITTEN_AT_MOST];
    uint32_t overwritten_count;
    uint32_t ends_anyway;
    uint64_t blocks_at_hit, budget_at_hit;
    int keeps_xmm; /* a load of sixteen bytes may be stopped between its halves */
    uint8_t xmm[16][16];

    uint64_t *frames;
    uint64_t frame_count, frames_known; /* none of those behind the latter is mapped */
    uint64_t tables_left; /* to be looked at by map_frames: the guest's own may lead in rings */

    struct code_record *code;
    uint32_t code_count, code_room;
    uint32_t *slots; /* hash of rip → the code there now */
    uint32_t slot_count;
    uint32_t epoch; /* raised when bytes of code may have changed */
    struct cached_code cache[CODE_CACHE];
};

/* recorded_frames.c: look through the page tables, for every frame or for one that is not known. */
void recorder_map_frames(struct recorder *recorder);
void recorder_find_frame(struct recorder *recorder, uint64_t frame);

static inline uint64_t frame_of(struct recorder *recorder, uint64_t physical)
{
    uint64_t frame = physical / PAGE;
    if (frame >= recorder->frame_count)
        return 0;
    if (!(recorder->frames[frame] & FRAME_IS_MAPPED))
        recorder_find_frame(recorder, frame);
    return recorder->frames[frame];
}

/* watchpoints.c: an instruction begins; it makes an access, before which the run may be stopped; and the run has ended,
   perhaps before it did: what it has done is undone. */
void watch_instruction(struct recorder *recorder, uint32_t properties);
void watch_access(struct recorder *recorder, uint64_t address, uint32_t size, uint32_t kind);
void watch_arrive(struct recorder *recorder);

/* recorded_blocks.c: a block begins; bytes of code are written to. */
void recorder_begin_block(struct recorder *recorder, uint64_t address);
void recorder_note_store_to_code(struct recorder *recorder, uint64_t address, uint64_t size);

/* recorder.c: what another value of shows that an instruction has been done since; the instruction under way has not begun;
   stop before the one there. */
uint64_t recorder_progress_of(struct recorder *recorder, uint32_t properties);
void recorder_take_back(struct recorder *recorder);
void recorder_stop(struct recorder *recorder, uint64_t rip);

/* recorded_code.c: return 0 where memory has run out. */
int recorder_grow_code(struct recorder *recorder);
struct cached_code const *recorder_look_code_up(struct recorder *recorder, uint64_t rip, uint32_t size);

static inline struct cached_code const *code_at(struct recorder *recorder, uint64_t rip, uint32_t size)
{
    struct cached_code const *cached = &recorder->cache[rip % CODE_CACHE];
    return cached->rip == rip && cached->epoch == recorder->epoch ? cached : recorder_look_code_up(recorder, rip, size);
}

/* The engine finds a jump to a non-canonical address when it has been made: emu/cpu/quirks.py, mend_jump. */
static inline int has_jumped_nowhere(struct state const *state)
{
    uint64_t high = state->rip >> 47;
    return state->reason == STOP_INTERRUPT && state->vector == GENERAL_PROTECTION && high != 0 && high != 0x1FFFF;
}

#endif
