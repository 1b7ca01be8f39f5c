/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The code that has run, numbered, and what the recorder has to know of an instruction. */
#include "ascending.h"
#include "recorder_state.h"

#include <stdlib.h>
#include <string.h>

#define MAXIMUM_LENGTH 15u

static uint32_t *find_slot(struct recorder *recorder, uint64_t rip)
{
    uint64_t mask = recorder->slot_count - 1;
    uint64_t at = rip * 0x9E3779B97F4A7C15ull >> 32 & mask;
    while (recorder->slots[at] != NO_CODE && recorder->code[recorder->slots[at]].rip != rip)
        at = (at + 1) & mask;
    return &recorder->slots[at];
}

int recorder_grow_code(struct recorder *recorder)
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

static uint32_t properties_of(struct code_record const *code)
{
    int at = 0, repeats = 0;
    while (at < 14 && is_prefix(code->bytes[at])) {
        repeats |= code->bytes[at] == 0xF2 || code->bytes[at] == 0xF3;
        at++;
    }
    uint8_t opcode = code->bytes[at], second = code->bytes[at + 1], extension = second >> 3 & 7;
    uint32_t properties = 0;
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
    /* pushf, retf, iret, a call or jump far away; verr and the like, lar, lsl, rdtsc, rdtscp, cmpxchg16b */
    if (opcode == 0x9C || opcode == 0xCA || opcode == 0xCB || opcode == 0xCF ||
        (opcode == 0xFF && (extension == 3 || extension == 5)) ||
        (opcode == 0x0F && (second <= 3 || second == 0x31)))
        properties |= CODE_FORGETS_FLAGS;
    if (is_wide_compare(code->bytes + at, sizeof code->bytes - (size_t)at))
        properties |= CODE_FORGETS_FLAGS | CODE_BEGINS_BLOCK;
    /* x87 with a memory operand; fxrstor and its group */
    if ((opcode >= 0xD8 && opcode <= 0xDF && second < 0xC0) || (opcode == 0x0F && second == 0xAE) ||
        is_wide_compare(code->bytes + at, sizeof code->bytes - (size_t)at))
        properties |= CODE_ENDS_ANYWAY;
    if (opcode == 0xA7 || (opcode == 0x0F && second == 0xAE)) /* cmps; fxsave, fxrstor */
        properties |= CODE_KEEPS_HALVES;
    if (opcode == 0x0F && second == 0x38 && (code->bytes[at + 2] & 0xFE) == 0xF0 &&
        memchr(code->bytes, 0xF2, (size_t)at) == NULL) /* with F2 it is crc32 */
        properties |= CODE_SWAPS_BYTES;
    return properties;
}

static int is_chosen(struct recording const *recording, uint64_t rip)
{
    uint64_t below = rows_below(recording->chosen, sizeof *recording->chosen, recording->chosen_count, rip);
    return below < recording->chosen_count && recording->chosen[below] == rip;
}

struct cached_code const *recorder_look_code_up(struct recorder *recorder, uint64_t rip, uint32_t size)
{
    struct cached_code *cached = &recorder->cache[rip % CODE_CACHE];
    struct code_record found = {.rip = rip, .size = (uint8_t)(size < MAXIMUM_LENGTH ? size : MAXIMUM_LENGTH)};
    read_memory(recorder->core, rip, found.bytes, found.size);
    found.properties = properties_of(&found);
    if (recorder->code_count == recorder->code_room && !recorder_grow_code(recorder)) {
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
    if (is_chosen(recorder->recording, rip))
        cached->properties |= CODE_IS_CHOSEN;
    /* A block lies on two pages at most. */
    if (recorder->core->state->paging_changed || may_be_written(recorder->core, rip) ||
        may_be_written(recorder->core, rip + PAGE))
        cached->properties |= CODE_MAY_CHANGE;
    return cached;
}

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
