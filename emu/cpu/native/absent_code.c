/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that runs on into a page that has none: the processor executes what lies before it. The engine finds the fault as
   it translates, and takes the whole block back: it is run once more, up to the page or to the instruction that lies
   across the border. */
#include "core.h"

#define PAGE_FAULT 14u
#define ERROR_FETCH 16u
#define PAGE_SHIFT 12
#define LONGEST_INSTRUCTION 15u /* Intel SDM Vol. 2, 2.3.11 */

int runs_on_into_absent_code(struct core const *core)
{
    struct state const *state = core->state;
    return state->reason == STOP_INTERRUPT && state->vector == PAGE_FAULT && (state->error_code & ERROR_FETCH) &&
           state->rip < state->cr2 && state->rip >> PAGE_SHIFT != state->cr2 >> PAGE_SHIFT;
}

/* Returns whether an instruction begins there; else the run has ended in some other way, or where it did before. */
static int reaches(struct core *core, uint64_t address)
{
    core->until = address;
    run_to_stop(core);
    read_state(core);
    core->until = core->unreachable;
    return core->state->reason == STOP_HALT && !core->refused && core->state->rip == address;
}

void run_up_to_absent_code(struct core *core)
{
    struct state *state = core->state;
    uint64_t const page = state->cr2;
    uint32_t const error_code = state->error_code;
    int is_there = 0;
    for (uint64_t back = 0; !is_there && back < LONGEST_INSTRUCTION; back++) {
        is_there = state->rip == page - back || reaches(core, page - back);
        if (!is_there && !(runs_on_into_absent_code(core) && state->cr2 == page))
            break; /* an instruction before it trapped */
    }
    core->engine.ctl(core->uc, core->facts.flush_translations); /* of blocks that end where they need not */
    if (!is_there)
        return;
    state->reason = STOP_INTERRUPT;
    state->vector = PAGE_FAULT;
    state->error_code = error_code;
    state->cr2 = page;
    core->engine.reg_write(core->uc, core->facts.cr2_id, &state->cr2);
}
