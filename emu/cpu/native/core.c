/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call per run: all registers in, run to the next trap, all registers out.
   A call from Python costs about as much as a whole short run, so nothing here is called per register,
   and nothing calls back into Python. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

struct core {
    void *uc;
    struct engine engine;
    struct engine_facts facts;
    struct state *state;
    uint8_t *context; /* a saved engine context, reused by every run */
    void *values[19]; /* where register_ids, then CR2, are read from and written to */
    int ids[19];
    uint64_t unreachable; /* emu_start's `until`: an address that no guest can stand at */
};

#define REGISTERS 18
#define NO_EXCEPTION 0xFFFFFFFFu

/* One block costs 16 ticks and one rdtsc 1: a clock that depends on the guest alone. */
#define TICKS_PER_BLOCK 16

static void on_interrupt(void *uc, uint32_t vector, void *user)
{
    struct core *core = user;
    core->state->reason = STOP_INTERRUPT;
    core->state->vector = vector;
    core->engine.emu_stop(uc);
}

static int on_invalid_instruction(void *uc, void *user)
{
    struct core *core = user;
    (void)uc;
    core->state->reason = STOP_INVALID_INSTRUCTION;
    return 0;
}

static void on_block(void *uc, uint64_t address, uint32_t size, void *user)
{
    struct core *core = user;
    struct state *state = core->state;
    (void)address;
    (void)size;
    if (state->budget == 0) {
        state->reason = STOP_BUDGET;
        core->engine.emu_stop(uc);
        return;
    }
    state->budget--;
    state->blocks++;
}

static int on_read_timestamp(void *uc, void *user)
{
    struct core *core = user;
    struct state *state = core->state;
    uint64_t ticks = state->blocks * TICKS_PER_BLOCK + ++state->timestamp_reads;
    uint64_t low = ticks & 0xFFFFFFFFu, high = ticks >> 32;
    core->engine.reg_write(uc, core->facts.rax_id, &low);
    core->engine.reg_write(uc, core->facts.rdx_id, &high);
    return 1;
}

static void refuse(struct core *core)
{
    core->state->reason = STOP_REFUSED_INSTRUCTION;
    core->engine.emu_stop(core->uc);
}

static uint32_t on_port_in(void *uc, uint32_t port, int size, void *user)
{
    (void)uc, (void)port, (void)size;
    refuse(user);
    return 0;
}

static void on_port_out(void *uc, uint32_t port, int size, uint32_t value, void *user)
{
    (void)uc, (void)port, (void)size, (void)value;
    refuse(user);
}

static void on_system_call(void *uc, void *user)
{
    (void)uc;
    refuse(user);
}

static uint32_t load32(uint8_t const *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void store32(uint8_t *at, uint32_t value) { memcpy(at, &value, sizeof value); }

static void write_extended(struct core *core)
{
    struct engine_facts const *facts = &core->facts;
    struct state const *state = core->state;
    core->engine.context_save(core->uc, core->context);
    for (int i = 0; i < 16; i++)
        memcpy(core->context + facts->xmm + (size_t)i * facts->xmm_stride, state->xmm[i], 16);
    store32(core->context + facts->mxcsr, state->mxcsr);
    core->context[facts->task_priority] = (uint8_t)state->irql;
    core->engine.context_restore(core->uc, core->context);
}

/* Read what the register interface does not give, and clear the exception that the engine believes to be
   in flight: with it set, the next page fault would arrive as a double fault (upstream issue 1883). */
static void read_extended(struct core *core)
{
    struct engine_facts const *facts = &core->facts;
    struct state *state = core->state;
    core->engine.context_save(core->uc, core->context);
    state->error_code = load32(core->context + facts->error_code);
    state->mxcsr = load32(core->context + facts->mxcsr);
    state->irql = core->context[facts->task_priority];
    for (int i = 0; i < 16; i++)
        memcpy(state->xmm[i], core->context + facts->xmm + (size_t)i * facts->xmm_stride, 16);
    if (load32(core->context + facts->exception_in_flight) != NO_EXCEPTION) {
        store32(core->context + facts->exception_in_flight, NO_EXCEPTION);
        core->engine.context_restore(core->uc, core->context);
    }
}

static int add_hook(struct core *core, int type, void *callback, int instruction)
{
    uint64_t hook;
    /* begin > end: the hook holds everywhere */
    return core->engine.hook_add(core->uc, &hook, type, callback, core, 1, 0, instruction) == 0;
}

static int add_hooks(struct core *core)
{
    struct engine_facts const *facts = &core->facts;
    void *const refusals[4] = {(void *)on_port_in, (void *)on_port_out, (void *)on_system_call, (void *)on_system_call};
    int added = add_hook(core, facts->hook_interrupt, (void *)on_interrupt, 0) &&
                add_hook(core, facts->hook_block, (void *)on_block, 0) &&
                add_hook(core, facts->hook_invalid_instruction, (void *)on_invalid_instruction, 0);
    for (int i = 0; i < 2; i++)
        added = added && add_hook(core, facts->hook_instruction, (void *)on_read_timestamp, facts->timestamp_instructions[i]);
    for (int i = 0; i < 4; i++)
        added = added && add_hook(core, facts->hook_instruction, refusals[i], facts->refused_instructions[i]);
    return added;
}

EXPORTED uint32_t core_layout(void) { return (uint32_t)(sizeof(struct state) << 16 | sizeof(struct engine_facts)); }

EXPORTED void core_destroy(struct core *core) { free(core); }

/* Returns NULL when memory runs out or the engine refuses a hook. `context` stays the caller's. */
EXPORTED struct core *core_create(void *uc, struct engine const *engine, struct engine_facts const *facts,
                                  struct state *state, void *context, uint64_t unreachable)
{
    struct core *core = calloc(1, sizeof *core);
    if (!core)
        return NULL;
    core->uc = uc;
    core->engine = *engine;
    core->facts = *facts;
    core->state = state;
    core->context = context;
    core->unreachable = unreachable;
    for (int i = 0; i < REGISTERS; i++) {
        core->ids[i] = facts->register_ids[i];
        core->values[i] = i < 16 ? &state->gpr[i] : i == 16 ? &state->rip : &state->rflags;
    }
    core->ids[REGISTERS] = facts->cr2_id;
    core->values[REGISTERS] = &state->cr2;

    if (!add_hooks(core)) {
        free(core);
        return NULL;
    }
    return core;
}

EXPORTED void core_run(struct core *core)
{
    struct engine const *engine = &core->engine;
    struct state *state = core->state;
    if (state->request & REQUEST_WRITE_EXTENDED)
        write_extended(core);
    engine->reg_write_batch(core->uc, core->ids, core->values, REGISTERS);
    if (state->request & REQUEST_FLUSH_TLB)
        engine->reg_write(core->uc, core->facts.cr3_id, &state->cr3);
    state->request = 0;
    state->reason = STOP_HALT;
    state->engine_error = (uint32_t)engine->emu_start(core->uc, state->rip, core->unreachable, 0, 0);
    if (state->reason == STOP_HALT && state->engine_error)
        state->reason = STOP_ENGINE_ERROR;
    engine->reg_read_batch(core->uc, core->ids, core->values, REGISTERS + 1);
    read_extended(core);
}

/* The whole processor, control and model-specific registers included, into and out of `context`. */
EXPORTED void core_save(struct core *core, void *context) { core->engine.context_save(core->uc, context); }

EXPORTED void core_restore(struct core *core, void *context)
{
    core->engine.context_restore(core->uc, context);
    /* The restore leaves the TLB as it is, even where CR0, CR3 or CR4 differ. */
    core->engine.reg_write(core->uc, core->facts.cr3_id, &core->state->cr3);
}
