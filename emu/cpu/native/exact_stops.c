/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exact stops: before every instruction of some ranges of code, each iteration of a rep included. They are code hooks
   on those addresses alone, so that other code runs as fast as without, and the guest sees nothing of them: TF stays
   the guest's own, and blocks are counted as if the run had not been cut into pieces. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* Whether the registers are those of the stop that the run went on from. */
static int is_untouched(struct core *core)
{
    uint64_t values[16];
    void *to[16];
    for (int i = 0; i < 16; i++)
        to[i] = &values[i];
    core->engine.reg_read_batch(core->uc, core->facts.register_ids, to, 16);
    return memcmp(values, core->registers_at_stop, sizeof values) == 0;
}

/* The instruction that the run goes on with is let pass; and once more where nothing has changed: a store into its own
   block makes the engine begin with it anew, in a block that holds nothing else, which a stop would make it forget. */
static int is_let_pass(struct core *core, uint64_t address)
{
    if (!core->let_pass)
        return 0;
    if (address != core->stopped_at || (core->has_passed && !is_untouched(core))) {
        core->let_pass = 0;
        return 0;
    }
    core->has_passed = 1;
    return 1;
}

static void on_instruction(void *uc, uint64_t address, uint32_t size, void *user)
{
    struct core *core = user;
    struct state *state = core->state;
    (void)size;
    if (is_let_pass(core, address))
        return;
    /* The hooks of a block whose own hook has stopped the run are still called. */
    if (state->reason != STOP_HALT || core->refused || core->translate_again)
        return;
    keep_fault(core);
    state->reason = STOP_EXACT;
    core->stopped_at = address;
    core->engine.emu_stop(uc);
}

void exact_stop_leave(struct core *core)
{
    struct state *state = core->state;
    int goes_on = core->stands_at_exact_stop && state->rip == core->stopped_at;
    if (core->stands_at_recorder_stop) {
        goes_on = state->rip == core->recorder_stopped_at;
    } else {
        core->let_pass = goes_on;
        core->has_passed = 0;
        memcpy(core->registers_at_stop, state->gpr, sizeof core->registers_at_stop);
    }
    core->stands_at_exact_stop = core->stands_at_recorder_stop = 0;
    if (!goes_on)
        return;
    /* The engine starts with a new block in the middle of one that has been counted. */
    core->blocks_at_stop = state->blocks--;
    state->budget++;
}

void exact_stop_arrive(struct core *core)
{
    struct state *state = core->state;
    if (core->blocks_at_stop == state->blocks + 1) { /* that block never started: its fetch faulted */
        state->blocks++;
        state->budget--;
    }
    core->blocks_at_stop = 0;
    core->stands_at_recorder_stop = state->reason == STOP_RECORDER;
    if (core->stands_at_recorder_stop)
        return;
    core->let_pass = 0;
    core->stands_at_exact_stop = state->reason == STOP_EXACT;
}

static void remove_hooks(struct core *core)
{
    while (core->exact_hook_count)
        core->engine.hook_del(core->uc, core->exact_hooks[--core->exact_hook_count]);
}

/* Stop before the instructions of these ranges, `ends` exclusive, and of no others; with a count of 0 nowhere.
   Returns whether the engine took the hooks; if not, there are none. Translated code has to be dropped. */
EXPORTED int core_stop_in(struct core *core, uint64_t const *begins, uint64_t const *ends, uint32_t count)
{
    remove_hooks(core);
    core->stands_at_exact_stop = 0;
    core->state->request |= REQUEST_FLUSH_CODE;
    if (!count)
        return 1;
    uint64_t *hooks = realloc(core->exact_hooks, count * sizeof *hooks);
    if (!hooks)
        return 0;
    core->exact_hooks = hooks;
    for (uint32_t i = 0; i < count; i++) {
        if (core->engine.hook_add(core->uc, &hooks[i], core->facts.hook_code, (void *)on_instruction, core, begins[i],
                                  ends[i] - 1)) {
            remove_hooks(core);
            return 0;
        }
        core->exact_hook_count++;
    }
    return 1;
}
