/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which function called which: goes through a trace, chunk by chunk, and says what begins and what ends.
   emu/trace/activations.py has the rules in words. */
#include "activations.h"
#include "../../cpu/native/core.h"
#include "../../cpu/native/recorder.h"

#include <stddef.h>
#include <string.h>

enum flow { FLOW_NEXT, FLOW_JUMP, FLOW_CALL, FLOW_RETURN, FLOW_STOP }; /* emu/trace/control_flow.py */

/* emu/trace/layout.py, EventKind */
#define FRAME_SEARCHED 4
#define FRAME_UNWOUND 6
#define FINALLY_RUN 7
#define LANDED 9
#define EXECUTION_CONTINUED 10
#define NO_EVENT 0xFFu

/* A row of emu/trace/layout.py, EVENT, which is packed. */
#define EVENT_SIZE 37
#define EVENT_RIP 8
#define EVENT_CALL 32
#define EVENT_KIND 36

#define MOST_STEPS_AT_ONCE 2

struct open_activation {
    uint64_t return_address;
    uint64_t by_host; /* the host knows alone where it returns to */
};

struct executed {
    uint64_t rip, behind;
    uint32_t code, trapped;
};

#define ANSWERS 64

struct answer {
    uint32_t before, reached;
    uint32_t is_known, is_resumed;
};

struct activation_walk {
    struct open_activation *open; /* of those that have not ended */
    uint64_t open_count, deepest;

    /* The chunk. */
    struct instruction_record const *instructions;
    uint64_t instruction_count, first;
    uint8_t const *events;
    uint64_t event_count, first_event;
    int8_t const *flows; /* by the number of a code */
    uint64_t flow_count;
    uint64_t const *call_ends;
    uint64_t call_count;
    struct step *steps;
    uint64_t step_room, step_count;

    /* How far it has come. */
    uint64_t next_instruction, next_event; /* in the chunk */
    uint64_t calls_ended;
    uint64_t moved_at;
    uint32_t moved_by; /* the kind of the last event that says how execution goes on */
    uint32_t has_last;
    struct executed last; /* the last instruction */
    uint64_t stub_length;
    uint32_t asked_before, asked_reached; /* two codes: are they of one symbol? */
    struct answer answers[ANSWERS];
};

enum status { WALK_DONE, WALK_IS_FULL, WALK_ASKS, WALK_HAS_UNKNOWN_CODE };

EXPORTED uint32_t trace_walk_layout(void)
{
    return (uint32_t)sizeof(struct activation_walk) << 8 | (uint32_t)sizeof(struct step);
}

static void add(struct activation_walk *walk, uint64_t at, uint32_t kind, uint64_t number, uint32_t by)
{
    walk->steps[walk->step_count++] = (struct step){at, number, kind, by};
}

static void end(struct activation_walk *walk, uint64_t at, uint64_t count)
{
    if (!count)
        return;
    walk->open_count -= count;
    add(walk, at, STEP_ENDED, count, 0);
}

static void begin(struct activation_walk *walk, uint64_t at, uint32_t code, uint32_t by, uint64_t return_address)
{
    if (walk->open_count == walk->deepest)
        end(walk, at, walk->open_count);
    walk->open[walk->open_count++] = (struct open_activation){return_address, by != BY_CALL};
    add(walk, at, STEP_BEGAN, code, by);
}

/* How many are to end for one to return to an address; 0 for none. */
static uint64_t returning_to(struct activation_walk const *walk, uint64_t address)
{
    for (uint64_t i = walk->open_count; i-- > 0;)
        if (!walk->open[i].by_host && walk->open[i].return_address == address)
            return walk->open_count - i;
    return 0;
}

static uint64_t returning_to_host(struct activation_walk const *walk)
{
    for (uint64_t i = walk->open_count; i-- > 0;)
        if (walk->open[i].by_host)
            return walk->open_count - i;
    return 0;
}

static uint64_t quadword(uint8_t const *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void take_event(struct activation_walk *walk)
{
    uint8_t const *event = walk->events + walk->next_event * EVENT_SIZE;
    uint64_t at = quadword(event);
    uint8_t kind = event[EVENT_KIND];
    if (kind == FRAME_UNWOUND)
        end(walk, at, returning_to(walk, quadword(event + EVENT_RIP)));
    if (kind == FRAME_SEARCHED || kind == FINALLY_RUN || kind == LANDED || kind == EXECUTION_CONTINUED) {
        walk->moved_at = at;
        walk->moved_by = kind;
    }
    add(walk, at, STEP_HAPPENED, walk->first_event + walk->next_event, 0);
    walk->next_event++;
}

/* What comes next between instructions: the events of a call, then its end. */
struct mark {
    uint64_t at; /* NO_MARK: none in this chunk */
    int is_event;
};

#define NO_MARK (~0ull)

static struct mark next_mark(struct activation_walk const *walk)
{
    struct mark mark = {NO_MARK, 0};
    if (walk->calls_ended < walk->call_count && walk->call_ends[walk->calls_ended] < walk->first + walk->instruction_count)
        mark.at = walk->call_ends[walk->calls_ended];
    if (walk->next_event < walk->event_count) {
        uint8_t const *event = walk->events + walk->next_event * EVENT_SIZE;
        uint64_t at = quadword(event);
        uint32_t call;
        memcpy(&call, event + EVENT_CALL, sizeof call);
        if (at < mark.at || (at == mark.at && call <= walk->calls_ended))
            mark = (struct mark){at, 1};
    }
    return mark;
}

static void take_mark(struct activation_walk *walk, struct mark mark)
{
    if (mark.is_event) {
        take_event(walk);
    } else {
        end(walk, mark.at, walk->open_count);
        walk->calls_ended++;
    }
}

/* Whether code goes on where the host skipped a few bytes: an export's stub behind its `hlt`. -1: that is asked. */
static int is_resumed(struct activation_walk *walk, struct executed const *reached)
{
    if (!walk->has_last || reached->rip <= walk->last.rip || reached->rip - walk->last.rip > walk->stub_length)
        return 0;
    struct answer const *answer = &walk->answers[(walk->last.code * 31 + reached->code) % ANSWERS];
    if (answer->is_known && answer->before == walk->last.code && answer->reached == reached->code)
        return (int)answer->is_resumed;
    walk->asked_before = walk->last.code;
    walk->asked_reached = reached->code;
    return -1;
}

EXPORTED void trace_answer_walk(struct activation_walk *walk, uint32_t is_resumed)
{
    walk->answers[(walk->asked_before * 31 + walk->asked_reached) % ANSWERS] =
        (struct answer){walk->asked_before, walk->asked_reached, 1, is_resumed};
}

/* Takes an instruction that execution did not just go on to. */
static enum status move(struct activation_walk *walk, uint64_t at, struct executed const *reached)
{
    uint32_t moved_by = walk->moved_at == at ? walk->moved_by : NO_EVENT;
    enum flow flow = FLOW_STOP; /* behind an event, whatever came before: a call may have led to no code */
    if (moved_by == NO_EVENT && walk->has_last)
        flow = walk->last.trapped ? FLOW_NEXT : (enum flow)walk->flows[walk->last.code];
    if (flow == FLOW_JUMP)
        return WALK_DONE;
    if (flow == FLOW_CALL) {
        begin(walk, at, reached->code, BY_CALL, walk->last.behind);
    } else if (flow == FLOW_RETURN) {
        uint64_t count = returning_to(walk, reached->rip);
        if (!count && walk->flows[reached->code] == FLOW_STOP)
            count = returning_to_host(walk);
        end(walk, at, count);
    } else if (moved_by == FRAME_SEARCHED) {
        begin(walk, at, reached->code, BY_FILTER, 0);
    } else if (moved_by == FINALLY_RUN) {
        begin(walk, at, reached->code, BY_FINALLY, 0);
    } else if (moved_by == NO_EVENT) {
        int resumed = is_resumed(walk, reached);
        if (resumed < 0)
            return WALK_ASKS;
        if (!resumed)
            begin(walk, at, reached->code, BY_HOST, 0);
    }
    return WALK_DONE;
}

/* Goes on through the chunk. */
EXPORTED uint32_t trace_walk(struct activation_walk *walk)
{
    struct mark mark = next_mark(walk);
    while (walk->next_instruction < walk->instruction_count) {
        uint64_t at = walk->first + walk->next_instruction;
        struct instruction_record const *row = &walk->instructions[walk->next_instruction];
        struct executed reached = {row->rip, row->rip + row->size, row->code, row->flags & INSTRUCTION_TRAPPED};
        int goes_on = walk->has_last && (reached.rip == walk->last.behind || reached.rip == walk->last.rip);
        if (mark.at <= at || !goes_on) {
            if (walk->step_room - walk->step_count < MOST_STEPS_AT_ONCE)
                return WALK_IS_FULL;
            if (mark.at <= at) {
                take_mark(walk, mark);
                mark = next_mark(walk);
                continue;
            }
            if (reached.code >= walk->flow_count || (walk->has_last && walk->last.code >= walk->flow_count))
                return WALK_HAS_UNKNOWN_CODE;
            enum status status = move(walk, at, &reached);
            if (status != WALK_DONE)
                return status;
        }
        walk->last = reached;
        walk->has_last = 1;
        walk->next_instruction++;
    }
    for (; mark.at != NO_MARK; mark = next_mark(walk)) {
        if (walk->step_room - walk->step_count < MOST_STEPS_AT_ONCE)
            return WALK_IS_FULL;
        take_mark(walk, mark);
    }
    return WALK_DONE;
}
