/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call of a trace, as the checks go over it: its rows of the recorder's tables, and who called whom in it.
   emu/checks/call/native_passes.py declares the same layouts. */
#ifndef EMU_CALL_TABLES_H
#define EMU_CALL_TABLES_H

#include "../../trace/native/activations.h"
#include "../../cpu/native/ascending.h"
#include "../../cpu/native/core.h"
#include "../../cpu/native/recorder.h"

/* The first address that is not in the user's half (Intel SDM Vol. 1, 3.3.7.1). */
#define USER_END (1ull << 47)

/* One run of a function: emu/checks/call/tree.py. Instructions are numbered from 0 in the call. */
struct activation {
    int64_t begin, end;      /* its first instruction, and behind its last one */
    int64_t parent;          /* the index of its caller; -1: none */
    int64_t call_site;       /* the call instruction, or the jump; -1: the host began it */
    uint64_t entry;          /* address of its first instruction */
    uint64_t return_address; /* 0: the host knows it alone */
    uint64_t slot;           /* the address at which that was pushed; 0: the host began it */
    uint8_t by;              /* enum began_by */
    uint8_t returned;        /* it ended with a return of its own, or of what it jumped to */
    uint8_t unused[6];
};

struct call_tables {
    struct instruction_record const *instructions;
    struct access_record const *accesses; /* of page faults the first byte that could not be touched among them */
    uint64_t instruction_count, access_count;
    uint64_t first_instruction;           /* what the instruction of an access counts from */
    int64_t const *kinds;                 /* by the number of a code: emu/checks/call/code_kind.py */
    struct activation const *activations; /* in the order in which they began */
    uint64_t activation_count;
    int64_t const *owner; /* of each instruction the index of its activation; -1: none */
};

/* The instruction of an access, numbered from 0 in the call. */
static inline uint64_t instruction_of(struct call_tables const *call, struct access_record const *access)
{
    return access->instruction - call->first_instruction;
}

/* The first access of an instruction, or of what comes behind it. */
static inline uint64_t first_access_from(struct call_tables const *call, uint64_t instruction)
{
    return rows_below(call->accesses, sizeof *call->accesses, call->access_count, call->first_instruction + instruction);
}

static inline uint64_t last_byte(struct access_record const *access)
{
    return access->address + access->size - 1;
}

#endif
