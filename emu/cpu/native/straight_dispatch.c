/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both phases of a trap's dispatch where nothing of the guest's has to run between the trap and the landing: every
   frame's unwinding is known, its handler is __C_specific_handler, each filter in the way is a constant, and no
   __finally is. Of anything else, and of every error, emu/seh has the rules; then the dispatch begins again there. */
#include "trap_records.h"

#include <stdlib.h>
#include <string.h>

#define RAX 0
#define RSP 4
#define RIP_TARGET 32
#define XMM_TARGET 16

#define EHANDLER 1u
#define UHANDLER 2u

#define EXECUTE_HANDLER 1u
#define MOST_SCOPES 0x1000u
#define STATUS_UNWIND 0xC0000027u

enum result { NOT_STRAIGHT = 0, LANDED = 1, UNKNOWN_PC = 2 };

/* How to unwind from one pc: emu/seh/unwind_plan.py makes it, emu/kernel/native_dispatch.py lays it out. */
struct load {
    uint64_t offset, target; /* of the block; a register, 10h + an XMM register, 20h: RIP */
};

struct stage {
    int64_t base; /* a register; -1: the frame's base */
    int64_t start;
    uint64_t stack_register;
    int64_t stack_displacement;
    uint64_t load_count;
    struct load loads[];
};

struct plan {
    uint64_t pc, image_base;
    uint64_t frame_register;
    int64_t frame_displacement;
    uint64_t handler_flags, handler, handler_data;
    uint64_t is_c_specific;
    uint64_t frame_is_below_return;
    uint64_t is_leaf;
    uint64_t stage_count;
    /* the stages */
};

struct plans {
    struct plan **slots; /* open addressing */
    uint32_t count, room;
};

struct registers {
    uint64_t gpr[16], rip;
    uint8_t xmm[16][16];
};

static uint32_t slot_of(struct plans const *plans, uint64_t pc)
{
    uint32_t slot = (uint32_t)(pc * 0x9E3779B97F4A7C15ull >> 32) & (plans->room - 1);
    while (plans->slots[slot] && plans->slots[slot]->pc != pc)
        slot = (slot + 1) & (plans->room - 1);
    return slot;
}

static int make_room(struct plans *plans)
{
    if (plans->count * 2 < plans->room)
        return 1;
    struct plans larger = {NULL, plans->count, plans->room ? plans->room * 2 : 64};
    larger.slots = calloc(larger.room, sizeof *larger.slots);
    if (!larger.slots)
        return 0;
    for (uint32_t i = 0; i < plans->room; i++)
        if (plans->slots[i])
            larger.slots[slot_of(&larger, plans->slots[i]->pc)] = plans->slots[i];
    free(plans->slots);
    *plans = larger;
    return 1;
}

void forget_plans(struct plans *plans)
{
    if (!plans)
        return;
    for (uint32_t i = 0; i < plans->room; i++)
        free(plans->slots[i]);
    free(plans->slots);
    free(plans);
}

/* Keep a plan of so many bytes. Returns whether there was memory for it. */
EXPORTED uint32_t core_keep_plan(struct core *core, void const *plan, uint32_t size)
{
    if (!core->plans)
        core->plans = calloc(1, sizeof *core->plans);
    struct plan *kept = malloc(size);
    if (!core->plans || !kept || !make_room(core->plans)) {
        free(kept);
        return 0;
    }
    memcpy(kept, plan, size);
    uint32_t slot = slot_of(core->plans, kept->pc);
    if (core->plans->slots[slot])
        free(core->plans->slots[slot]);
    else
        core->plans->count++;
    core->plans->slots[slot] = kept;
    return 1;
}

EXPORTED void core_forget_plans(struct core *core)
{
    forget_plans(core->plans);
    core->plans = NULL;
}

static struct plan const *plan_of(struct core const *core, struct trap_records *records, uint64_t pc)
{
    struct plan const *plan = core->plans ? core->plans->slots[slot_of(core->plans, pc)] : NULL;
    if (!plan)
        records->unknown_pc = pc;
    return plan;
}

static int load_registers(struct kernel_memory const *memory, struct stage const *stage, uint64_t origin,
                          struct registers *registers)
{
    for (uint64_t i = 0; i < stage->load_count; i++) {
        uint64_t target = stage->loads[i].target, address = origin + (uint64_t)stage->start + stage->loads[i].offset;
        void *to = target == RIP_TARGET   ? (void *)&registers->rip
                   : target >= XMM_TARGET ? (void *)registers->xmm[target - XMM_TARGET]
                                          : (void *)&registers->gpr[target];
        if (!kernel_read(memory, address, to, target >= XMM_TARGET && target != RIP_TARGET ? 16 : 8))
            return 0;
    }
    return 1;
}

/* Turn registers into the caller's. Returns whether RSP has risen to a frame on the stack; else nothing is right. */
static int unwind(struct trap_records const *records, struct plan const *plan, struct registers *registers,
                  uint64_t *establisher)
{
    struct kernel_memory const *memory = &records->memory;
    uint64_t *gpr = registers->gpr, stack_pointer = gpr[RSP];
    uint64_t frame = gpr[plan->frame_register] + (uint64_t)plan->frame_displacement;
    if (plan->is_leaf) {
        uint64_t returns_to;
        if (!kernel_read(memory, stack_pointer, &returns_to, 8) || returns_to == registers->rip)
            return 0;
        registers->rip = returns_to;
        gpr[RSP] += 8;
    }
    struct stage const *stage = (struct stage const *)(plan + 1);
    for (uint64_t i = 0; i < plan->stage_count; i++) {
        uint64_t origin = stage->base < 0 ? frame : gpr[stage->base];
        gpr[RSP] = gpr[stage->stack_register] + (uint64_t)stage->stack_displacement;
        if (!load_registers(memory, stage, origin, registers))
            return 0;
        stage = (struct stage const *)(stage->loads + stage->load_count);
    }
    if (plan->frame_is_below_return)
        frame = gpr[RSP] - 8;
    *establisher = frame;
    return gpr[RSP] > stack_pointer && frame >= records->stack_low && frame < records->stack_high && !(frame & 7);
}

struct scope {
    uint32_t begin, end, handler, target;
};

static int holds(struct scope const *scope, uint64_t rva) { return scope->begin <= rva && rva < scope->end; }

/* Read a scope from a table; returns whether it is there. */
static int read_scope(struct kernel_memory const *memory, struct plan const *plan, uint32_t index, struct scope *scope)
{
    return kernel_read(memory, plan->handler_data + 4 + (uint64_t)index * sizeof *scope, scope, sizeof *scope);
}

static int read_scope_count(struct kernel_memory const *memory, struct plan const *plan, uint32_t *count)
{
    return kernel_read(memory, plan->handler_data, count, sizeof *count) && *count <= MOST_SCOPES;
}

enum answer { GOES_ON, ACCEPTS, HAS_TO_RUN };

/* What the scopes of a frame say to the search. */
static enum answer search_scopes(struct trap_records *records, struct plan const *plan)
{
    struct scope scope;
    uint32_t count;
    if (!read_scope_count(&records->memory, plan, &count))
        return HAS_TO_RUN;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_scope(&records->memory, plan, i, &scope))
            return HAS_TO_RUN;
        if (!holds(&scope, plan->pc - plan->image_base) || !scope.target)
            continue;
        if (scope.handler != EXECUTE_HANDLER)
            return HAS_TO_RUN;
        records->target_ip = plan->image_base + scope.target;
        return ACCEPTS;
    }
    return GOES_ON;
}

/* Whether a scope with this target and handler is around the landing, too. */
static int is_around_target(struct trap_records const *records, struct plan const *plan, uint32_t count,
                            struct scope const *wanted)
{
    for (uint32_t i = 0; i < count; i++) {
        struct scope scope;
        if (read_scope(&records->memory, plan, i, &scope) && holds(&scope, records->target_ip - plan->image_base) &&
            scope.target == wanted->target && scope.handler == wanted->handler)
            return 1;
    }
    return 0;
}

/* Whether the unwind leaves a frame without a __finally of it. */
static int leaves_at_once(struct trap_records const *records, struct plan const *plan, int at_target)
{
    uint32_t count;
    if (!read_scope_count(&records->memory, plan, &count))
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        struct scope scope;
        if (!read_scope(&records->memory, plan, i, &scope))
            return 0;
        if (!holds(&scope, plan->pc - plan->image_base))
            continue;
        if (at_target && is_around_target(records, plan, count, &scope))
            return 1;
        if (!scope.target)
            return 0;
        if (at_target && records->target_ip - plan->image_base == scope.target)
            return 1;
    }
    return 1;
}

static int is_on_stack(struct trap_records const *records, struct registers const *registers)
{
    return records->stack_low <= registers->gpr[RSP] && registers->gpr[RSP] < records->stack_high;
}

static enum result search(struct core const *core, struct trap_records *records, struct registers *registers)
{
    while (is_on_stack(records, registers) && records->searched_count < MOST_FRAMES) {
        struct passed_frame *searched = &records->passed[records->searched_count];
        struct plan const *plan = plan_of(core, records, searched->pc = registers->rip);
        if (!plan)
            return UNKNOWN_PC;
        if (!unwind(records, plan, registers, &searched->establisher))
            return NOT_STRAIGHT;
        searched->handler = plan->handler_flags & EHANDLER ? plan->handler : 0;
        records->searched_count++;
        if (!searched->handler)
            continue;
        enum answer answer = plan->is_c_specific ? search_scopes(records, plan) : HAS_TO_RUN;
        if (answer != GOES_ON) {
            records->target_frame = searched->establisher;
            return answer == ACCEPTS ? LANDED : NOT_STRAIGHT;
        }
    }
    return NOT_STRAIGHT;
}

/* Leaves the registers of the target frame. */
static enum result unwind_to_target(struct core const *core, struct trap_records *records, struct registers *registers)
{
    struct registers caller = *registers;
    while (records->unwound_count < MOST_FRAMES) {
        struct passed_frame *unwound = &records->passed[records->searched_count + records->unwound_count];
        struct plan const *plan = plan_of(core, records, unwound->pc = registers->rip);
        if (!plan)
            return UNKNOWN_PC;
        if (!unwind(records, plan, &caller, &unwound->establisher) || unwound->establisher > records->target_frame)
            return NOT_STRAIGHT;
        int at_target = unwound->establisher == records->target_frame;
        unwound->handler = plan->handler_flags & UHANDLER ? plan->handler : 0;
        records->unwound_count++;
        if (unwound->handler && !(plan->is_c_specific && leaves_at_once(records, plan, at_target)))
            return NOT_STRAIGHT;
        if (at_target)
            return LANDED;
        *registers = caller;
    }
    return NOT_STRAIGHT;
}

static void land(struct core *core, struct trap_records *records, struct registers const *registers)
{
    struct state *state = core->state;
    memcpy(state->gpr, registers->gpr, sizeof state->gpr);
    state->gpr[RAX] = records->code;
    state->rip = records->target_ip;
    state->rflags = (state->rflags & FLAG_INTERRUPTS) | records->entry_flags;
    if (memcmp(state->xmm, registers->xmm, sizeof state->xmm)) {
        memcpy(state->xmm, registers->xmm, sizeof state->xmm);
        state->request |= REQUEST_WRITE_EXTENDED;
    }
}

/* Dispatch the exception whose frames core_write_trap has written. Where it is LANDED the registers are those of the
   __except block, and else as they were. */
EXPORTED uint32_t core_dispatch_straight(struct core *core, struct trap_records *records)
{
    struct registers thrown, registers;
    uint32_t status = STATUS_UNWIND;
    memcpy(thrown.gpr, core->state->gpr, sizeof thrown.gpr);
    memcpy(thrown.xmm, core->state->xmm, sizeof thrown.xmm);
    thrown.rip = records->rip;
    records->searched_count = records->unwound_count = 0;
    registers = thrown;
    enum result result = search(core, records, &registers);
    if (result != LANDED)
        return result;
    registers = thrown;
    result = unwind_to_target(core, records, &registers);
    if (result != LANDED)
        return result;
    if (!kernel_write(&records->memory, records->records + RECORDS_EXCEPTION, &status, sizeof status))
        return NOT_STRAIGHT;
    land(core, records, &registers);
    return LANDED;
}
