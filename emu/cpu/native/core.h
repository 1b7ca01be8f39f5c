/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The native core's shared structures. emu/cpu/native_core.py declares the same layouts for Python, and
   the functions named ..._layout let it compare the sizes at start-up. */
#ifndef EMU_CORE_H
#define EMU_CORE_H

#include <stdint.h>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

/* The engine's functions, taken by Python from the loaded library: the core links against nothing. */
struct engine {
    int (*emu_start)(void *uc, uint64_t begin, uint64_t until, uint64_t timeout, uint64_t count);
    int (*emu_stop)(void *uc);
    int (*reg_read_batch)(void *uc, int const *ids, void **values, int count);
    int (*reg_write_batch)(void *uc, int const *ids, void *const *values, int count);
    int (*reg_read)(void *uc, int id, void *value);
    int (*reg_write)(void *uc, int id, void const *value);
    int (*context_save)(void *uc, void *context);
    int (*context_restore)(void *uc, void *context);
    int (*hook_add)(void *uc, uint64_t *hook, int type, void *callback, void *user, uint64_t begin, uint64_t end, ...);
    int (*ctl)(void *uc, int control, ...);
    int (*hook_del)(void *uc, uint64_t hook);
};

#define FLAGS_ARITHMETIC 0x8D5ull /* CF, PF, AF, ZF, SF, OF */

/* Engine constants (register, hook and instruction numbers) and the calibrated offsets into a saved context. */
struct engine_facts {
    int32_t register_ids[18]; /* the sixteen GPRs in hardware order, RIP, RFLAGS */
    int32_t cr2_id, cr3_id, rax_id, rcx_id, rdx_id, cs_id, mxcsr_id, msr_id;
    int32_t hook_interrupt, hook_block, hook_code, hook_instruction, hook_invalid_instruction, hook_translated;
    int32_t hook_memory_read, hook_memory_write; /* after a read, before a write */
    int32_t flush_translations;        /* a control number */
    int32_t timestamp_instructions[2]; /* rdtsc, rdtscp */
    int32_t refused_instructions[4];   /* in, out, syscall, sysenter: the engine steps over them in silence */
    int32_t has_rdrand;                /* the CPU model executes rdrand and rdseed */
    uint32_t exception_in_flight, error_code, task_priority, mxcsr, xmm, xmm_stride, last_flags; /* byte offsets */
};

enum stop_reason {
    STOP_HALT = 0,
    STOP_INTERRUPT = 1,
    STOP_INVALID_INSTRUCTION = 2,
    STOP_BUDGET = 3,
    STOP_ENGINE_ERROR = 4,
    STOP_REFUSED_INSTRUCTION = 5,
    STOP_UNREACHABLE = 6, /* the guest jumped to emu_start's `until` */
    STOP_EXACT = 7,       /* before an instruction of a range given to core_stop_in */
    STOP_RECORDER = 8,    /* before an instruction: the recorder's tables are full, or it is the one asked for */
};

enum request {
    REQUEST_WRITE_EXTENDED = 1, /* XMM, MXCSR and IRQL were changed by the host */
    REQUEST_FLUSH_TLB = 2,      /* a page-table entry was changed by the host */
    REQUEST_FLUSH_CODE = 4,     /* bytes that may have been translated were changed by the host */
};

/* Everything a run takes and gives, in one block that Python reads and writes through a memoryview. */
struct state {
    uint64_t gpr[16];
    uint64_t rip;
    uint64_t rflags;
    uint64_t cr2;
    uint64_t cr3;
    uint64_t budget;          /* blocks that may still start; a rep iteration is a block of its own */
    uint64_t blocks;          /* blocks started since boot */
    uint64_t timestamp_reads; /* rdtsc executed since boot */
    uint32_t reason;
    uint32_t vector;
    uint32_t error_code;
    uint32_t engine_error;
    uint32_t request;
    uint32_t mxcsr;
    uint32_t irql;
    uint32_t paging_changed; /* a control register was written: the page tables may have been others for a while */
    uint8_t xmm[16][16];
};

#define REGISTERS 18

struct core {
    void *uc;
    struct engine engine;
    struct engine_facts facts;
    struct state *state;
    uint8_t *ram;
    uint64_t ram_size;
    uint8_t *context; /* a saved engine context, reused by every run */
    void *values[REGISTERS + 2]; /* where the registers, then CR2 and CR3, are read from and written to */
    int ids[REGISTERS + 2];
    uint64_t unreachable; /* emu_start's `until`: mapped, executable, never executed */
    uint64_t until;       /* the same, or where straight code is to end */

    int fault_kept; /* error code and CR2 as they were when the guest stopped */
    uint32_t kept_error_code;
    uint64_t kept_cr2;

    uint64_t last_block; /* where the block begins that began last in this run; 0: none has */

    int refused; /* in this run an instruction was refused, at refused_at */
    uint64_t refused_at;

    /* watched_instructions.c */
    struct watched *watched;
    uint32_t watched_count, watched_room;
    int translations_reported; /* the engine has begun to report them */
    uint64_t withheld_budget;  /* the budget, until it has; and always where there is a recorder */
    int translate_again;       /* a block was translated that has to be translated again, with its new hooks */
    uint64_t watched_at, watched_flags; /* the last instruction with a hook of these that has begun, and RFLAGS then */
    int begin_here;            /* the instruction at watched_at is to begin a block */
    uint64_t begins_block;     /* it does; 0: none */

    /* exact_stops.c */
    uint64_t *exact_hooks;
    uint32_t exact_hook_count;
    int stands_at_exact_stop; /* the last run ended before the instruction at stopped_at */
    uint64_t stopped_at;
    int let_pass;             /* this run goes on from an exact stop, and has not come further yet */
    int has_passed;           /* but the instruction there has begun */
    uint64_t registers_at_stop[16];
    uint64_t blocks_at_stop;

    /* long_blocks.c */
    struct block_slot *blocks;
    uint32_t block_count, block_room;
    struct long_block_change *block_changes;
    uint64_t change_count, change_room, changes_made;
    uint64_t runs;        /* since changes are noted */
    int notes_changes;

    /* straight_dispatch.c; NULL: none */
    struct plans *plans;

    /* recorder.c; NULL: nothing is recorded */
    struct recorder *recorder;
    int stands_at_recorder_stop; /* the last run ended before the instruction at recorder_stopped_at, and is to go on */
    uint64_t recorder_stopped_at;
};

struct long_block {
    uint64_t address, size;
};

/* From a moment on a block is another one, or of no interest, with a size of 0: when `blocks` blocks have started, in a run. */
struct long_block_change {
    struct long_block block;
    uint64_t run, blocks;
};

int is_user_mode(struct core *core);

/* Run from RIP to a stop, and read what there is to read of it, but for what the stop means. */
void run_to_stop(struct core *core);
void read_state(struct core *core);

/* absent_code.c: whether a run has ended so, and then the rest of it. */
int runs_on_into_absent_code(struct core const *core);
void run_up_to_absent_code(struct core *core);

/* To be called by every hook before it stops the guest. */
void keep_fault(struct core *core);

/* Called from a hook: stop, at the instruction that the hook is for. */
void refuse(struct core *core);

/* watched_instructions.c: have every translated block searched. Returns whether the engine took the hook. */
int watch_translations(struct core *core);

/* After a run: put the flags right if it has ended with a trap at a watched instruction. */
void mend_watched_flags(struct core *core);

/* Whether cmpxchg8b or cmpxchg16b is what an opcode begins. */
int is_wide_compare(uint8_t const *opcode, uint64_t size);

/* guest_memory.c: the page of an address by the tables at `table`, NULL without one. An absent leaf entry keeps its frame:
   `rights` has the bits that all entries on the way have. */
uint8_t *walk_to_page(uint8_t *ram, uint64_t ram_size, uint64_t table, uint64_t address, uint64_t *rights);

/* Read up to `size` bytes, fewer where a page is absent. */
uint64_t read_memory(struct core *core, uint64_t address, uint8_t *to, uint64_t size);

/* Write bytes, none where a page is absent, whatever its protection. */
void write_memory(struct core *core, uint64_t address, uint8_t const *from, uint64_t size);

/* Whether the page of an address is present and writable. */
int may_be_written(struct core *core, uint64_t address);

/* Search a block that is about to run. Returns whether it found something: the run is then stopped. */
int watch_block(struct core *core, uint64_t address, uint64_t size);

/* exact_stops.c: around a run. Going on from an exact stop is no block of its own, for the budget and for the clock. */
void exact_stop_leave(struct core *core);
void exact_stop_arrive(struct core *core);

/* long_blocks.c: note a block that was translated; for a recorder, the size of the one that begins now, 0 if it is not
   long. */
void note_block(struct core *core, uint64_t address, uint64_t size);
uint64_t long_block_that_begins(struct core *core, uint64_t address);

/* Have a block begin while the budget is withheld: without any left, the run stops before it. */
void count_block(struct core *core);

/* recorder.c: around a run; recorded_blocks.c: before a block of it is counted. */
void recorder_leave(struct core *core, uint32_t request);
void recorder_arrive(struct core *core);
int recorder_is_cut(struct core *core, uint64_t address, uint64_t size);
/* In a hook of an instruction's own, at its end. */
void recorder_gives_flags_back(struct recorder *recorder);
/* Whether it only watches a processor that runs for the first time, and is itself to be run again. */
int recorder_watches(struct recorder const *recorder);
void recorder_destroy(struct recorder *recorder);

/* straight_dispatch.c: give the plans' memory back. */
void forget_plans(struct plans *plans);

#endif
