/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call per run: all registers in, run to the next trap, all registers out.
   A call from Python costs about as much as a whole short run, so nothing here is called per register,
   and nothing calls back into Python. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#define NO_EXCEPTION 0xFFFFFFFFu

/* One block costs 16 ticks and one rdtsc 1: a clock that depends on the guest alone. */
#define TICKS_PER_BLOCK 16

#define MSR_TSC_AUX 0xC0000103u

static uint32_t load32(uint8_t const *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void store32(uint8_t *at, uint32_t value) { memcpy(at, &value, sizeof value); }

int is_user_mode(struct core *core)
{
    uint64_t selector = 0;
    core->engine.reg_read(core->uc, core->facts.cs_id, &selector);
    return (selector & 3) != 0;
}

/* When emu_start ends it looks `until` up as a fetch would, and at CPL 3
   that faults, `until` being a supervisor page: keep the error code and CR2 of the guest's own fault. */
void keep_fault(struct core *core)
{
    struct engine const *engine = &core->engine;
    if (core->fault_kept || !is_user_mode(core))
        return;
    engine->context_save(core->uc, core->context);
    core->kept_error_code = load32(core->context + core->facts.error_code);
    engine->reg_read(core->uc, core->facts.cr2_id, &core->kept_cr2);
    core->fault_kept = 1;
}

static void on_interrupt(void *uc, uint32_t vector, void *user)
{
    struct core *core = user;
    keep_fault(core);
    core->state->reason = STOP_INTERRUPT;
    core->state->vector = vector;
    core->engine.emu_stop(uc);
}

static int on_invalid_instruction(void *uc, void *user)
{
    struct core *core = user;
    (void)uc;
    keep_fault(core);
    core->state->reason = STOP_INVALID_INSTRUCTION;
    return 0;
}

static void stop_for_want_of_budget(struct core *core)
{
    keep_fault(core);
    core->state->reason = STOP_BUDGET;
    core->engine.emu_stop(core->uc);
}

void count_block(struct core *core)
{
    if (!core->withheld_budget) {
        stop_for_want_of_budget(core);
        return;
    }
    core->withheld_budget--;
    core->state->blocks++;
}

/* Until the engine reports translations, and while a recorder has to look at each, the budget is withheld so that every
   block comes here.
   Not inlined: on_block would save registers for it, 0.3 ns a block. */
__attribute__((noinline)) static void on_block_without_budget(struct core *core, uint64_t address, uint32_t size)
{
    if (core->recorder && recorder_is_cut(core, address, size))
        return;
    if (core->translations_reported && !core->recorder)
        stop_for_want_of_budget(core);
    else if (!core->withheld_budget || core->translations_reported || !watch_block(core, address, size))
        count_block(core);
}

static void on_block(void *uc, uint64_t address, uint32_t size, void *user)
{
    struct core *core = user;
    struct state *state = core->state;
    (void)uc;
    core->last_block = address;
    if (state->budget == 0) {
        on_block_without_budget(core, address, size);
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
    if (core->recorder)
        recorder_gives_flags_back(core->recorder);
    return 1;
}

/* The engine leaves all of an rdtscp whose hook answers to the hook, ECX = IA32_TSC_AUX too. */
static int on_read_timestamp_and_processor(void *uc, void *user)
{
    struct core *core = user;
    struct { uint32_t number; uint64_t value; } msr = {MSR_TSC_AUX, 0};
    core->engine.reg_read(uc, core->facts.msr_id, &msr);
    uint64_t processor = (uint32_t)msr.value;
    core->engine.reg_write(uc, core->facts.rcx_id, &processor);
    return on_read_timestamp(uc, user);
}

/* Some of these the engine stops only at the end of their block: the first one counts, whatever comes after. */
void refuse(struct core *core)
{
    if (!core->refused) {
        keep_fault(core);
        core->refused = 1;
        core->engine.reg_read(core->uc, core->facts.register_ids[16], &core->refused_at);
    }
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

static void write_extended(struct core *core)
{
    struct engine_facts const *facts = &core->facts;
    struct state const *state = core->state;
    core->engine.context_save(core->uc, core->context);
    for (int i = 0; i < 16; i++)
        memcpy(core->context + facts->xmm + (size_t)i * facts->xmm_stride, state->xmm[i], 16);
    core->context[facts->task_priority] = (uint8_t)state->irql;
    core->engine.context_restore(core->uc, core->context);
    /* Not through the context: the engine keeps the rounding mode a second time, where it computes with it. */
    core->engine.reg_write(core->uc, facts->mxcsr_id, &state->mxcsr);
}

/* The engine believes the exception to be in flight that it reported last: the next page fault would arrive as a
   double fault (upstream issue 1883). The context is that of now. */
static void clear_exception_in_flight(struct core *core)
{
    uint8_t *field = core->context + core->facts.exception_in_flight;
    if (load32(field) == NO_EXCEPTION)
        return;
    store32(field, NO_EXCEPTION);
    core->engine.context_restore(core->uc, core->context);
}

static void give_fault_back(struct core *core)
{
    if (!core->fault_kept)
        return;
    core->fault_kept = 0;
    core->state->error_code = core->kept_error_code;
    core->state->cr2 = core->kept_cr2;
    core->engine.reg_write(core->uc, core->facts.cr2_id, &core->kept_cr2);
}

/* Read what the register interface does not give. */
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
    clear_exception_in_flight(core);
    give_fault_back(core);
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
    void *const timestamps[2] = {(void *)on_read_timestamp, (void *)on_read_timestamp_and_processor};
    void *const refusals[4] = {(void *)on_port_in, (void *)on_port_out, (void *)on_system_call, (void *)on_system_call};
    int added = add_hook(core, facts->hook_interrupt, (void *)on_interrupt, 0) &&
                add_hook(core, facts->hook_block, (void *)on_block, 0) &&
                add_hook(core, facts->hook_invalid_instruction, (void *)on_invalid_instruction, 0) && watch_translations(core);
    for (int i = 0; i < 2; i++)
        added = added && add_hook(core, facts->hook_instruction, timestamps[i], facts->timestamp_instructions[i]);
    for (int i = 0; i < 4; i++)
        added = added && add_hook(core, facts->hook_instruction, refusals[i], facts->refused_instructions[i]);
    return added;
}

EXPORTED uint32_t core_layout(void) { return (uint32_t)(sizeof(struct state) << 16 | sizeof(struct engine_facts)); }

EXPORTED void core_destroy(struct core *core)
{
    free(core->watched);
    free(core->exact_hooks);
    free(core->blocks);
    free(core->block_changes);
    forget_plans(core->plans);
    recorder_destroy(core->recorder);
    free(core);
}

/* Returns NULL when memory runs out or the engine refuses a hook. `context` and `ram` stay the caller's. */
EXPORTED struct core *core_create(void *uc, struct engine const *engine, struct engine_facts const *facts,
                                  struct state *state, void *context, uint64_t unreachable, void *ram,
                                  uint64_t ram_size)
{
    struct core *core = calloc(1, sizeof *core);
    if (!core)
        return NULL;
    core->uc = uc;
    core->engine = *engine;
    core->facts = *facts;
    core->state = state;
    core->context = context;
    core->unreachable = core->until = unreachable;
    core->ram = ram;
    core->ram_size = ram_size;
    for (int i = 0; i < REGISTERS; i++) {
        core->ids[i] = facts->register_ids[i];
        core->values[i] = i < 16 ? &state->gpr[i] : i == 16 ? &state->rip : &state->rflags;
    }
    core->ids[REGISTERS] = facts->cr2_id;
    core->values[REGISTERS] = &state->cr2;
    core->ids[REGISTERS + 1] = facts->cr3_id;
    core->values[REGISTERS + 1] = &state->cr3;

    if (!add_hooks(core)) {
        core_destroy(core);
        return NULL;
    }
    return core;
}

static void serve_requests(struct core *core)
{
    uint32_t request = core->state->request;
    core->state->request = 0;
    if (request & REQUEST_WRITE_EXTENDED)
        write_extended(core);
    if (request & REQUEST_FLUSH_TLB)
        core->engine.reg_write(core->uc, core->facts.cr3_id, &core->state->cr3);
    if (request & REQUEST_FLUSH_CODE)
        core->engine.ctl(core->uc, core->facts.flush_translations);
}

static void start(struct core *core)
{
    struct state *state = core->state;
    state->reason = STOP_HALT;
    state->engine_error = (uint32_t)core->engine.emu_start(core->uc, state->rip, core->until, 0, 0);
}

/* What goes on is one block for the clock and the budget. */
static void go_on_in_another_block(struct core *core)
{
    core->begins_block = core->watched_at;
    core->state->blocks--;
    if (core->translations_reported)
        core->state->budget++;
    else
        core->withheld_budget++;
}

void run_to_stop(struct core *core)
{
    struct state *state = core->state;
    core->refused = 0;
    core->fault_kept = 0;
    core->begin_here = 0;
    core->begins_block = 0;
    if (!core->translations_reported || core->recorder) {
        core->withheld_budget = state->budget;
        state->budget = 0;
    }
    start(core);
    while (core->translate_again || core->begin_here) {
        core->engine.context_save(core->uc, core->context);
        clear_exception_in_flight(core);
        give_fault_back(core);
        if (core->translate_again)
            core->engine.ctl(core->uc, core->facts.flush_translations);
        else
            go_on_in_another_block(core);
        core->translate_again = core->begin_here = 0;
        core->engine.reg_read(core->uc, core->facts.register_ids[16], &state->rip);
        start(core);
    }
    if (!core->translations_reported || core->recorder)
        state->budget = core->withheld_budget;
}

void read_state(struct core *core)
{
    core->engine.reg_read_batch(core->uc, core->ids, core->values, REGISTERS + 2);
    read_extended(core);
}

static void finish(struct core *core)
{
    struct state *state = core->state;
    if (core->refused) {
        state->reason = STOP_REFUSED_INSTRUCTION;
        state->rip = core->refused_at;
    } else if (state->reason == STOP_HALT && state->engine_error) {
        state->reason = STOP_ENGINE_ERROR;
    } else if (state->reason == STOP_HALT && state->rip == core->unreachable) {
        state->reason = STOP_UNREACHABLE;
    }
}

/* Where the block begins that began last in the last run; 0: none did. */
EXPORTED uint64_t core_last_block(struct core const *core) { return core->last_block; }

EXPORTED void core_run(struct core *core)
{
    struct engine const *engine = &core->engine;
    uint32_t request = core->state->request;
    core->last_block = 0;
    if (request)
        serve_requests(core);
    engine->reg_write_batch(core->uc, core->ids, core->values, REGISTERS);
    if (core->recorder)
        recorder_leave(core, request);
    else
        core->runs++;
    exact_stop_leave(core);
    run_to_stop(core);
    read_state(core);
    if (runs_on_into_absent_code(core))
        run_up_to_absent_code(core);
    finish(core);
    if (core->recorder)
        recorder_arrive(core);
    else
        mend_watched_flags(core);
    exact_stop_arrive(core);
}

/* The whole processor, control and model-specific registers included, into and out of `context`. */
EXPORTED void core_save(struct core *core, void *context) { core->engine.context_save(core->uc, context); }

EXPORTED void core_restore(struct core *core, void *context)
{
    core->engine.context_restore(core->uc, context);
    core->stands_at_exact_stop = core->stands_at_recorder_stop = 0;
    /* The restore leaves the TLB as it is, even where CR0, CR3 or CR4 differ: the next run flushes it. */
    core->state->request |= REQUEST_FLUSH_TLB;
}
