/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records instructions and memory accesses, on a processor that runs again what another one has run (emu/trace/replay.py).
   Hooks of the engine on all code and all data; they stay as long as the processor. */
#include "core.h"
#include "recorder.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define TABLE_ENTRIES 512u
#define PRESENT 1u
#define USER_PAGE 4u
#define LARGE_PAGE 0x80u
#define LARGEST_PAGE_SHIFT 30
#define FRAME_MASK 0x000FFFFFFFFFF000ull
#define NO_EXECUTE 0x8000000000000000ull

#define MAXIMUM_LENGTH 15u
#define DEBUG_EXCEPTION 1u

/* Accesses of one instruction: fxsave makes the most, 63. */
#define ACCESSES_AT_MOST 128u

#define CODE_CACHE 8192u
#define NO_CODE 0xFFFFFFFFu

/* What is known of a frame: the address of its virtual page, and in the low bits: */
#define FRAME_IS_USER 1u
#define FRAME_IS_CODE 2u
#define FRAME_IS_MAPPED 4u

struct cached_code {
    uint64_t rip;
    uint32_t code, epoch;
    uint8_t properties;
};

struct recorder {
    struct core *core;
    struct recording *recording;

    struct instruction_record *current; /* NULL: the instruction under way is not recorded */
    uint64_t current_rip, current_size; /* recorded or not */
    uint64_t progress;                  /* progress_of it, before it began */
    uint64_t left;                      /* instructions for which there is room, before stop_position */
    int under_way;                      /* an instruction has begun in this run */
    int wrote_code;                     /* and it has written to a page of code */
    uint64_t flags;                     /* RFLAGS before it, where code may change */
    int looks;                          /* the engine has looked once more at the rep that was the last instruction */
    uint32_t changes;                   /* properties: what is executed next may run at another CPL, or in other tables */
    int is_user;

    uint64_t long_begin, long_end; /* the block under way, if it is a long one */
    int resumes;                   /* the next block goes on from a stop of the recorder's */

    uint64_t *frames;
    uint64_t frame_count;
    uint64_t tables_left; /* to be looked at by map_frames: the guest's own may lead in rings */

    struct code_record *code;
    uint32_t code_count, code_room;
    uint32_t *slots; /* hash of rip → the code there now */
    uint32_t slot_count;
    uint32_t epoch; /* raised when bytes of code may have changed */
    struct cached_code cache[CODE_CACHE];
};

/* Frames and pages */

static void map_page(struct recorder *recorder, uint64_t physical, uint64_t size, uint64_t mapped)
{
    for (uint64_t at = 0; at < size && (physical + at) / PAGE < recorder->frame_count; at += PAGE)
        recorder->frames[(physical + at) / PAGE] = mapped + at;
}

static void map_table(struct recorder *recorder, uint64_t table, int shift, uint64_t address, uint64_t flags)
{
    struct core const *core = recorder->core;
    if (table > core->ram_size - PAGE || !recorder->tables_left)
        return;
    recorder->tables_left--;
    uint64_t const *entries = (uint64_t const *)(core->ram + table);
    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t entry = entries[i];
        if (!(entry & PRESENT))
            continue;
        uint64_t at = address | i << shift, next = entry & FRAME_MASK;
        uint64_t rights = flags & ((entry & USER_PAGE ? FRAME_IS_USER : 0u) | (entry & NO_EXECUTE ? 0u : FRAME_IS_CODE));
        if (at >> 47 & 1)
            at |= 0xFFFF000000000000ull;
        if (shift == 12 || (shift <= LARGEST_PAGE_SHIFT && entry & LARGE_PAGE))
            map_page(recorder, next & ~((1ull << shift) - 1), 1ull << shift, at | rights | FRAME_IS_MAPPED);
        else
            map_table(recorder, next, shift - 9, at, rights);
    }
}

/* The engine's memory hooks give guest-physical addresses. Every virtual page has a frame of its own, but for guests
   with page tables of their own: there an address is one of those that the frame has. */
static void map_frames(struct recorder *recorder)
{
    struct core *core = recorder->core;
    uint64_t root = 0;
    core->engine.reg_read(core->uc, core->facts.cr3_id, &root);
    memset(recorder->frames, 0, recorder->frame_count * sizeof *recorder->frames);
    recorder->tables_left = recorder->frame_count;
    map_table(recorder, root & FRAME_MASK, 39, 0, FRAME_IS_USER | FRAME_IS_CODE);
}

/* A page may have become present since: the guest may edit its tables. What no table leads to any more, the TLB still
   may: there is no address left to be told but the physical one. */
static uint64_t frame_of(struct recorder *recorder, uint64_t physical)
{
    uint64_t frame = physical / PAGE;
    if (frame >= recorder->frame_count)
        return 0;
    if (!(recorder->frames[frame] & FRAME_IS_MAPPED)) {
        map_frames(recorder);
        if (!(recorder->frames[frame] & FRAME_IS_MAPPED))
            recorder->frames[frame] = frame * PAGE | FRAME_IS_MAPPED;
    }
    return recorder->frames[frame];
}

/* Code */

static uint32_t *find_slot(struct recorder *recorder, uint64_t rip)
{
    uint64_t mask = recorder->slot_count - 1;
    uint64_t at = rip * 0x9E3779B97F4A7C15ull >> 32 & mask;
    while (recorder->slots[at] != NO_CODE && recorder->code[recorder->slots[at]].rip != rip)
        at = (at + 1) & mask;
    return &recorder->slots[at];
}

static int grow_code(struct recorder *recorder)
{
    uint32_t room = recorder->code_room ? recorder->code_room * 2 : 1024;
    struct code_record *code = realloc(recorder->code, room * sizeof *code);
    if (code)
        recorder->code = code;
    uint32_t *slots = malloc((size_t)room * 2 * sizeof *slots);
    if (!code || !slots) {
        free(slots);
        return 0;
    }
    uint32_t *old = recorder->slots;
    uint32_t old_count = recorder->slot_count;
    recorder->code_room = room;
    recorder->slots = slots;
    recorder->slot_count = room * 2;
    memset(slots, 0xFF, (size_t)room * 2 * sizeof *slots);
    for (uint32_t i = 0; i < old_count; i++)
        if (old[i] != NO_CODE)
            *find_slot(recorder, code[old[i]].rip) = old[i];
    free(old);
    return 1;
}

static int is_prefix(uint8_t byte)
{
    return byte == 0x66 || byte == 0x67 || byte == 0xF0 || byte == 0xF2 || byte == 0xF3 || byte == 0x2E || byte == 0x36 ||
           byte == 0x3E || byte == 0x26 || byte == 0x64 || byte == 0x65 || (byte & 0xF0) == 0x40;
}

static int32_t displacement(struct code_record const *code)
{
    int32_t value;
    memcpy(&value, code->bytes + code->size - sizeof value, sizeof value);
    return value;
}

static uint8_t properties_of(struct code_record const *code)
{
    int at = 0, repeats = 0;
    while (at < 14 && is_prefix(code->bytes[at])) {
        repeats |= code->bytes[at] == 0xF2 || code->bytes[at] == 0xF3;
        at++;
    }
    uint8_t opcode = code->bytes[at], second = code->bytes[at + 1], extension = second >> 3 & 7;
    uint8_t properties = 0;
    /* ins, outs; movs, cmps; stos, lods, scas */
    if (repeats && ((opcode >= 0x6C && opcode <= 0x6F) || (opcode >= 0xA4 && opcode <= 0xA7) ||
                    (opcode >= 0xAA && opcode <= 0xAF)))
        properties |= CODE_REP;
    if (opcode == 0xCA || opcode == 0xCB || opcode == 0xCF) /* retf, iret */
        properties |= CODE_CHANGES_PRIVILEGE | CODE_KEEPS_HALVES;
    if (opcode == 0x0F && (second == 0x07 || second == 0x35)) /* sysret, sysexit */
        properties |= CODE_CHANGES_PRIVILEGE;
    if (opcode == 0x0F && (second == 0x22 || second == 0x01)) /* mov cr, invlpg */
        properties |= CODE_CHANGES_PAGING;
    if ((opcode == 0xE8 && at + 5 == code->size && displacement(code) == -code->size) ||
        (opcode == 0xFF && (extension == 2 || extension == 3)))
        properties |= CODE_CALLS_ITSELF;
    if (opcode == 0xA7 || (opcode == 0x0F && second == 0xAE)) /* cmps; fxsave, fxrstor */
        properties |= CODE_KEEPS_HALVES;
    return properties;
}

__attribute__((noinline)) static struct cached_code const *look_code_up(struct recorder *recorder, uint64_t rip,
                                                                        uint32_t size)
{
    struct cached_code *cached = &recorder->cache[rip % CODE_CACHE];
    struct code_record found = {.rip = rip, .size = (uint8_t)(size < MAXIMUM_LENGTH ? size : MAXIMUM_LENGTH)};
    read_code(recorder->core, rip, found.bytes, found.size);
    found.properties = properties_of(&found);
    if (recorder->code_count == recorder->code_room && !grow_code(recorder)) {
        recorder->recording->failed = 1;
        *cached = (struct cached_code){0};
        return cached;
    }
    uint32_t *slot = find_slot(recorder, rip);
    if (*slot == NO_CODE || memcmp(&recorder->code[*slot], &found, sizeof found) != 0) {
        recorder->code[recorder->code_count] = found;
        *slot = recorder->code_count++;
    }
    *cached = (struct cached_code){rip, *slot, recorder->epoch, found.properties};
    /* A block lies on two pages at most. */
    if (recorder->core->state->paging_changed || may_be_written(recorder->core, rip) ||
        may_be_written(recorder->core, rip + PAGE))
        cached->properties |= CODE_MAY_CHANGE;
    return cached;
}

static struct cached_code const *code_at(struct recorder *recorder, uint64_t rip, uint32_t size)
{
    struct cached_code const *cached = &recorder->cache[rip % CODE_CACHE];
    return cached->rip == rip && cached->epoch == recorder->epoch ? cached : look_code_up(recorder, rip, size);
}

/* Instructions */

static void take_back(struct recorder *recorder)
{
    struct recording *recording = recorder->recording;
    recording->position--;
    recorder->left++;
    recorder->under_way = 0;
    if (!recorder->current)
        return;
    recording->instruction_count--;
    recording->access_count = recorder->current->first_access - recording->first_access;
    recorder->current = NULL;
}

#define SHOWS_PROGRESS (CODE_REP | CODE_CALLS_ITSELF)

/* What another value of shows that an instruction which is about to begin has been done since: RCX of a rep, RSP of a
   call. No other one writes to memory and goes on with itself. */
static uint64_t progress_of(struct recorder *recorder, uint8_t properties)
{
    struct core *core = recorder->core;
    uint64_t value = 0;
    if (properties & CODE_REP)
        core->engine.reg_read(core->uc, core->facts.rcx_id, &value);
    else if (properties & CODE_CALLS_ITSELF)
        core->engine.reg_read(core->uc, core->facts.register_ids[4], &value);
    return value;
}

/* The engine has gone back to before a store into its own block. It computes RFLAGS for a hook and forgets when it goes
   back that it did: it would compute them once more, of the result. */
static void begin_anew(struct recorder *recorder, uint8_t properties)
{
    struct core *core = recorder->core;
    if (properties & CODE_MAY_CHANGE)
        core->engine.reg_write(core->uc, core->facts.register_ids[17], &recorder->flags);
    take_back(recorder);
}

/* The engine is at the same instruction again: returns whether it only looks once more at a rep whose count has come
   to 0. A store into its own block makes it begin the instruction anew, without having done it: that is taken back. */
__attribute__((noinline)) static int is_no_iteration(struct recorder *recorder, uint8_t properties)
{
    if (!(properties & CODE_REP) && !recorder->wrote_code)
        return 0;
    uint64_t progress = progress_of(recorder, properties);
    if (recorder->wrote_code && progress == recorder->progress)
        begin_anew(recorder, properties);
    else if (properties & CODE_REP && progress == 0)
        return 1;
    recorder->progress = progress;
    return 0;
}

static int is_in_ranges(struct recording const *recording, uint64_t rip)
{
    for (uint64_t i = 0; i < recording->range_count; i++)
        if (rip >= recording->ranges[i].begin && rip < recording->ranges[i].end)
            return 1;
    return 0;
}

__attribute__((noinline)) static int passes_filter(struct recording *recording, uint64_t rip)
{
    if (rip == recording->begin_at)
        recording->active = 1;
    else if (rip == recording->end_before)
        recording->active = 0;
    return recording->active && (!recording->range_count || is_in_ranges(recording, rip));
}

static void stop_here(struct recorder *recorder, uint64_t rip)
{
    struct core *core = recorder->core;
    keep_fault(core);
    core->state->reason = STOP_RECORDER;
    core->recorder_stopped_at = rip;
    core->engine.emu_stop(core->uc);
}

static void read_registers(struct core *core, uint64_t *row)
{
    void *to[REGISTERS];
    for (int i = 0; i < REGISTERS; i++)
        to[i] = &row[i];
    core->engine.reg_read_batch(core->uc, core->facts.register_ids, to, REGISTERS);
}

__attribute__((noinline)) static void take_changes(struct recorder *recorder)
{
    if (recorder->changes & CODE_CHANGES_PRIVILEGE)
        recorder->is_user = is_user_mode(recorder->core);
    if (recorder->changes & CODE_CHANGES_PAGING) {
        recorder->epoch++;
        map_frames(recorder);
    }
    recorder->changes = 0;
}

/* The hooks make the engine cut long blocks into shorter ones than the processor had that is run again, and so let it
   go on in one block where that one began another. */
static void begin_long_block(struct recorder *recorder, uint64_t address)
{
    uint64_t size = long_block_that_begins(recorder->core, address);
    recorder->long_begin = address;
    recorder->long_end = size ? address + size : 0;
}

static void on_instruction(void *uc, uint64_t rip, uint32_t size, void *user)
{
    struct recorder *recorder = user;
    struct core *core = recorder->core;
    struct recording *recording = recorder->recording;
    (void)uc;
    /* The hooks of a block whose own hook has stopped the run are still called. */
    if (core->state->reason != STOP_HALT || core->refused || core->translate_again)
        return;
    if (rip == recorder->long_end) {
        begin_long_block(recorder, rip);
        count_block(core);
        if (core->state->reason != STOP_HALT)
            return;
    }
    if (recorder->changes)
        take_changes(recorder);
    struct cached_code const *code = code_at(recorder, rip, size);
    if (rip == recorder->current_rip && recorder->under_way) {
        if (is_no_iteration(recorder, code->properties)) {
            recorder->looks = 1;
            return;
        }
    } else {
        recorder->progress = code->properties & SHOWS_PROGRESS ? progress_of(recorder, code->properties) : 0;
    }
    if (rip == recording->end_rip && core->state->blocks >= recording->end_blocks) {
        stop_here(recorder, rip);
        return;
    }
    if (!recorder->left || recording->access_room - recording->access_count < ACCESSES_AT_MOST || recording->failed) {
        stop_here(recorder, rip);
        return;
    }
    if (code->properties & CODE_MAY_CHANGE)
        core->engine.reg_read(core->uc, core->facts.register_ids[17], &recorder->flags);
    recorder->left--;
    recorder->changes = code->properties & (CODE_CHANGES_PRIVILEGE | CODE_CHANGES_PAGING);
    recorder->current_rip = rip;
    recorder->current_size = size;
    recorder->under_way = 1;
    recorder->wrote_code = recorder->looks = 0;
    uint64_t position = recording->position++;
    if (recording->filtered && !passes_filter(recording, rip)) {
        recorder->current = NULL;
        return;
    }
    struct instruction_record *record = &recording->instructions[recording->instruction_count];
    *record = (struct instruction_record){
        .rip = rip,
        .position = position,
        .first_access = recording->first_access + recording->access_count,
        .code = code->code,
        .size = (uint8_t)size,
        .flags = (uint8_t)((recorder->is_user ? INSTRUCTION_USER : 0u) |
                           (code->properties & CODE_REP ? INSTRUCTION_REP : 0u)),
    };
    if (recording->registers)
        read_registers(core, recording->registers[recording->instruction_count]);
    recording->instruction_count++;
    recorder->current = record;
}

/* Accesses */

static uint64_t keep_low_bytes(int64_t value, int size)
{
    return size >= 8 ? (uint64_t)value : (uint64_t)value & ((1ull << size * 8) - 1);
}

/* The engine makes two accesses of one that is wider than eight bytes. */
static int is_second_half(struct recorder *recorder, struct access_record const *first, uint64_t address, int size,
                          uint8_t kind)
{
    return first->kind == kind && first->size == 8 && first->address + 8 == address && (size == 8 || size == 2) &&
           !(code_at(recorder, recorder->current_rip, (uint32_t)recorder->current_size)->properties & CODE_KEEPS_HALVES);
}

static void record_access(struct recorder *recorder, uint64_t physical, int size, int64_t value, uint8_t kind)
{
    struct recording *recording = recorder->recording;
    struct instruction_record *instruction = recorder->current;
    uint64_t frame = frame_of(recorder, physical);
    if (kind && frame & FRAME_IS_CODE) {
        recorder->wrote_code = 1;
        recorder->epoch++;
    }
    if (!instruction || recording->access_count == recording->access_room)
        return;
    if (recording->user_only && !(frame & FRAME_IS_USER))
        return;
    uint64_t address = (frame & ~(uint64_t)(PAGE - 1)) | physical % PAGE;
    struct access_record *access = &recording->accesses[recording->access_count];
    if (instruction->accesses && is_second_half(recorder, access - 1, address, size, kind)) {
        access[-1].high = keep_low_bytes(value, size);
        access[-1].size = (uint8_t)(8 + size);
        return;
    }
    *access = (struct access_record){
        .instruction = recording->first_instruction + recording->instruction_count - 1,
        .address = address,
        .low = keep_low_bytes(value, size),
        .size = (uint8_t)size,
        .kind = kind,
        .flags = frame & FRAME_IS_USER ? ACCESS_USER : 0,
    };
    instruction->accesses++;
    recording->access_count++;
}

static void on_read(void *uc, int type, uint64_t physical, int size, int64_t value, void *user)
{
    (void)uc, (void)type;
    record_access(user, physical, size, value, 0);
}

static void on_write(void *uc, int type, uint64_t physical, int size, int64_t value, void *user)
{
    (void)uc, (void)type;
    record_access(user, physical, size, value, 1);
}

/* Runs */

void recorder_leave(struct core *core)
{
    struct recorder *recorder = core->recorder;
    struct recording const *recording = recorder->recording;
    uint64_t until_stop = recording->stop_position - recording->position;
    recorder->left = recording->instruction_room - recording->instruction_count;
    if (until_stop < recorder->left)
        recorder->left = until_stop;
    recorder->resumes = core->stands_at_recorder_stop;
    if (recorder->resumes)
        return;
    recorder->long_begin = recorder->long_end = 0;
    core->runs++;
    recorder->current = NULL;
    /* An exact stop may come before such a look. */
    recorder->under_way = recorder->looks && core->stands_at_exact_stop;
    recorder->changes = CODE_CHANGES_PRIVILEGE | CODE_CHANGES_PAGING;
    recorder->epoch++;
}

/* Whether the instruction that began last is the one at which the run has ended. */
void recorder_arrive(struct core *core)
{
    struct recorder *recorder = core->recorder;
    struct state const *state = core->state;
    memcpy(&recorder->recording->last_flags, core->context + core->facts.last_flags, sizeof(uint64_t));
    if (!recorder->under_way || recorder->current_rip != state->rip)
        return;
    switch (state->reason) {
    case STOP_EXACT: /* it was about to begin */
        if (!recorder->looks)
            take_back(recorder);
        break;
    case STOP_INTERRUPT:
        if (state->vector == DEBUG_EXCEPTION)
            break;
        /* fall through */
    case STOP_INVALID_INSTRUCTION:
    case STOP_ENGINE_ERROR:
    case STOP_REFUSED_INSTRUCTION: {
        struct recording *recording = recorder->recording;
        struct instruction_record *trapped = recorder->current;
        if (!trapped)
            break;
        trapped->flags |= INSTRUCTION_TRAPPED;
        for (uint64_t i = trapped->first_access - recording->first_access; i < recording->access_count; i++)
            recording->accesses[i].flags |= ACCESS_NOT_PERFORMED;
        break;
    }
    default:
        break;
    }
}

/* Whether a block that begins is only a part of one that has begun already. */
int recorder_is_cut(struct core *core, uint64_t address)
{
    struct recorder *recorder = core->recorder;
    if (recorder->resumes) {
        recorder->resumes = 0;
        return 0;
    }
    if (address > recorder->long_begin && address < recorder->long_end &&
        address == recorder->current_rip + recorder->current_size)
        return 1;
    begin_long_block(recorder, address);
    return 0;
}

void recorder_destroy(struct recorder *recorder)
{
    if (!recorder)
        return;
    free(recorder->frames);
    free(recorder->code);
    free(recorder->slots);
    free(recorder);
}

/* Record from now on. Returns whether the engine took the hooks. */
EXPORTED int core_record(struct core *core, struct recording *recording)
{
    struct recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder)
        return 0;
    core->recorder = recorder;
    recorder->core = core;
    recorder->recording = recording;
    recorder->epoch = 1;
    recorder->frame_count = core->ram_size / PAGE;
    recorder->frames = calloc(recorder->frame_count, sizeof *recorder->frames);
    if (!recorder->frames || !grow_code(recorder))
        return 0;
    struct engine const *engine = &core->engine;
    struct engine_facts const *facts = &core->facts;
    uint64_t hook;
    core->state->request |= REQUEST_FLUSH_CODE;
    return engine->hook_add(core->uc, &hook, facts->hook_code, (void *)on_instruction, recorder, 1, 0) == 0 &&
           engine->hook_add(core->uc, &hook, facts->hook_memory_read, (void *)on_read, recorder, 1, 0) == 0 &&
           engine->hook_add(core->uc, &hook, facts->hook_memory_write, (void *)on_write, recorder, 1, 0) == 0;
}

/* What stopped before an instruction does not go on there. */
EXPORTED void core_end_run(struct core *core) { core->stands_at_recorder_stop = 0; }

/* Number the code anew: another trace begins. */
EXPORTED void core_forget_code(struct core *core)
{
    struct recorder *recorder = core->recorder;
    recorder->code_count = 0;
    memset(recorder->slots, 0xFF, recorder->slot_count * sizeof *recorder->slots);
    recorder->epoch++;
}

/* The code that was recorded, by its number. */
EXPORTED uint32_t core_recorded_code(struct core const *core, struct code_record const **code)
{
    *code = core->recorder->code;
    return core->recorder->code_count;
}
