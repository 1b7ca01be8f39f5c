/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The native core's shared structures. emu/cpu/native_core.py declares the same layouts for Python, and
   core_layout() lets it compare the sizes at start-up. */
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
    int (*reg_write)(void *uc, int id, void const *value);
    int (*context_save)(void *uc, void *context);
    int (*context_restore)(void *uc, void *context);
    int (*hook_add)(void *uc, uint64_t *hook, int type, void *callback, void *user, uint64_t begin, uint64_t end, ...);
};

/* Engine constants (register, hook and instruction numbers) and the calibrated offsets into a saved context. */
struct engine_facts {
    int32_t register_ids[18]; /* the sixteen GPRs in hardware order, RIP, RFLAGS */
    int32_t cr2_id, cr3_id, rax_id, rdx_id;
    int32_t hook_interrupt, hook_block, hook_instruction, hook_invalid_instruction;
    int32_t timestamp_instructions[2]; /* rdtsc, rdtscp */
    int32_t refused_instructions[4];   /* in, out, syscall, sysenter: the engine steps over them in silence */
    uint32_t exception_in_flight, error_code, task_priority, mxcsr, xmm, xmm_stride; /* byte offsets */
};

enum stop_reason {
    STOP_HALT = 0,
    STOP_INTERRUPT = 1,
    STOP_INVALID_INSTRUCTION = 2,
    STOP_BUDGET = 3,
    STOP_ENGINE_ERROR = 4,
    STOP_REFUSED_INSTRUCTION = 5,
};

enum request {
    REQUEST_WRITE_EXTENDED = 1, /* XMM, MXCSR and IRQL were changed by the host */
    REQUEST_FLUSH_TLB = 2,      /* a page-table entry was changed by the host */
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
    uint32_t reserved;
    uint8_t xmm[16][16];
};

#endif
