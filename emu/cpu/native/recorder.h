/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the recorder shares with Python: emu/cpu/recorder.py declares the same layouts, and emu/trace/layout.py says
   what the fields of the two tables mean. */
#ifndef EMU_RECORDER_H
#define EMU_RECORDER_H

#include <stdint.h>

#define INSTRUCTION_TRAPPED 1u
#define INSTRUCTION_REP 2u
#define INSTRUCTION_USER 4u

#define ACCESS_NOT_PERFORMED 1u
#define ACCESS_USER 2u

struct instruction_record {
    uint64_t rip, position, first_access;
    uint32_t code;
    uint16_t accesses;
    uint8_t size, flags;
};

struct access_record {
    uint64_t instruction, address, low, high;
    uint8_t size, kind, flags, unused[5];
};

#define CODE_REP 1u               /* a string instruction with a rep prefix */
#define CODE_KEEPS_HALVES 2u      /* two accesses side by side are two, not the halves of one */
#define CODE_CHANGES_PRIVILEGE 4u /* it may go on at another CPL */
#define CODE_CHANGES_PAGING 8u    /* it may go on with other page tables */
#define CODE_CALLS_ITSELF 16u     /* or may do so: a call by register or memory */
#define CODE_MAY_CHANGE 32u       /* guest code can write to it */
#define CODE_FORGETS_FLAGS 64u    /* the engine forgets what it has computed of RFLAGS, where a hook is called in it */
#define CODE_BEGINS_BLOCK 128u    /* where it did not, the processor that is run again has made it do so */
#define CODE_SWAPS_BYTES 256u     /* movbe */
#define CODE_IS_CHOSEN 1024u      /* its registers are asked for */
#define CODE_ENDS_ANYWAY 512u     /* the engine brings it to its end although a hook in it has stopped the run */

struct code_record {
    uint64_t rip;
    uint8_t bytes[16];
    uint8_t size, unused[3];
    uint32_t properties;
};

struct code_range {
    uint64_t begin, end;
};

/* A byte of guest memory whose accesses are counted; what is counted is what has been done, once. */
struct watchpoint {
    uint64_t address;
    uint64_t count;   /* accesses made */
    uint64_t stop_at; /* stop before the access of this number, counted from 1; 0: before none */
    uint32_t kinds;   /* 1u << ACCESS_READ and 1u << ACCESS_WRITE */
    uint32_t hit;     /* the run has ended before that access, of so many bytes */
    uint64_t before;  /* the count when the instruction under way began */
};

#define ACCESS_READ 0u
#define ACCESS_WRITE 1u

/* The tables hold a chunk: Python empties them when `instruction_count` has reached `instruction_room`. */
struct recording {
    struct instruction_record *instructions;
    struct access_record *accesses;
    uint64_t instruction_room, access_room;
    uint64_t instruction_count, access_count; /* in the tables */
    uint64_t first_instruction, first_access; /* index in the whole trace of what the tables begin with */
    uint64_t position;                        /* instructions executed since the trace began */
    uint64_t stop_position;                   /* stop before the instruction of this number */
    uint64_t end_rip, end_blocks;             /* stop before the instruction there once so many blocks have started; or 0 */
    uint64_t (*registers)[18];                /* if not NULL: a row before each recorded instruction of the tables */
    uint64_t *row_instructions;               /* and the index of that in the whole trace; as many as instruction_room */
    uint64_t row_count;                       /* in these two */
    uint64_t const *chosen;                   /* if any, ascending: rows are written for instructions at these alone */
    uint64_t chosen_count;

    uint32_t filtered; /* by what follows: */
    uint32_t active;   /* begin_at has been reached, or is none, and end_before has not been reached since */
    struct code_range const *ranges; /* record instructions that begin in these alone; none: all */
    uint64_t range_count;
    uint64_t begin_at, end_before; /* record from and until the execution of these; 0: none */
    uint32_t user_only;            /* record accesses to user pages alone, whether or not filtered */
    uint32_t failed;               /* no memory for more code: every run stops at once */
    uint8_t *context; /* of the engine, as the instruction under way found it, for the sake of some */
    struct watchpoint *watchpoints;
    uint64_t watchpoint_count;
    uint32_t watches, unused; /* the processor is run for the first time: it has to be right where it stops, flags and all */
    uint64_t last_flags;           /* where the run ended: the arithmetic flags, if they had been computed for a hook */
};

#endif
