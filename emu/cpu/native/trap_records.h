/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a trap puts on the guest's stack, and what comes of it. emu/kernel/native_dispatch.py declares the same. */
#ifndef EMU_TRAP_RECORDS_H
#define EMU_TRAP_RECORDS_H

#include "core.h"

#define MOST_FRAMES 64
#define MOST_PARAMETERS 3

/* The kernel's memory, by its own page tables, whatever the guest has made of CR3. */
struct kernel_memory {
    uint8_t *ram;
    uint64_t ram_size;
    uint64_t root;
    uint8_t *host_written, *executable; /* a byte a frame (pages.c) */
    uint32_t code_changed;              /* a frame that may have been executed was written */
    uint32_t unused;
};

struct passed_frame {
    uint64_t pc, establisher, handler; /* handler 0: none there */
};

struct trap_records {
    struct kernel_memory memory;
    uint8_t const *context_template; /* a CONTEXT of 4D0h bytes without registers */
    uint64_t stack_low, stack_high;
    uint64_t entry_flags; /* what RFLAGS has in a trap handler besides IF */

    uint64_t frame;          /* in: where the KTRAP_FRAME lies */
    uint64_t records;        /* in: RSP of the records frame */
    uint64_t returns_to;     /* in: its return address */
    uint64_t fault_address;  /* in */
    uint64_t rip;            /* in: what the records say, which the trap's own RIP may differ from */
    uint64_t parameters[MOST_PARAMETERS]; /* in */
    uint32_t parameter_count, code, flags, error_code; /* in: of the EXCEPTION_RECORD; of the trap */

    uint64_t unknown_pc; /* out: no plan is known for it */
    uint64_t target_ip, target_frame;       /* out */
    uint32_t searched_count, unwound_count; /* out */
    struct passed_frame passed[2 * MOST_FRAMES]; /* out: those searched, and behind them those unwound */
};

/* Offsets in the records frame, 8 bytes of return address above it (emu/seh/frames.py). */
#define RECORDS_SIZE 0xAC8u
#define RECORDS_EXCEPTION 0x80u
#define RECORDS_CONTEXT 0x120u

#define PENDING_FLAGS 0x10000u /* RF: set in what a fault saves (Intel SDM Vol. 3, 17.3.1.1) */
#define FLAG_INTERRUPTS 0x200u

/* Returns whether all of it could be read. */
int kernel_read(struct kernel_memory const *memory, uint64_t address, void *to, uint64_t size);
/* Returns whether all of it could be written; a part may be, where not. */
int kernel_write(struct kernel_memory *memory, uint64_t address, void const *from, uint64_t size);

#endif
