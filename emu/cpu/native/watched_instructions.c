/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that the engine executes, but not as any processor would, and that no instruction hook covers. It refuses
   these: rdrand and rdseed give the host's randomness, rdmsr of a register that the engine does not know gives 0 and
   wrmsr of one is dropped, and a breakpoint of the debug registers outlives the restoring of a saved context.
   And it mends those that leave some of the flags alone, but take others for them than there are: cmpxchg8b and
   cmpxchg16b have to begin a block; bt and its like need no more than a hook, for which the engine computes the flags
   before (what it leaves without one is allowed, but differs from what it leaves where every instruction has a hook).
   A hook that the engine calls for every block it translates looks for their bytes, and puts a code hook on that
   one address. Code that was translated before runs as fast as without. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define CR0_PAGED 0x80000001u /* PG and PE */
#define LOCK 0xF0u
#define MAXIMUM_LENGTH 15u
#define LONGEST_OPCODE 3u /* bytes that classify looks at */
#define MAXIMUM_BLOCK (2 * PAGE) /* a block lies on two pages at most */

typedef void on_code(void *uc, uint64_t address, uint32_t size, void *user);

/* Code hooks: from an instruction's first possible prefix to its opcode. */
struct watched {
    uint64_t begin, end;
    uint64_t hook;
    on_code *hooked;
};

struct translated_block { /* uc_tb */
    uint64_t address;
    uint16_t instructions;
    uint16_t size;
};

/* The model-specific registers that the engine keeps (its helper_rdmsr), memory types and machine check left out. */
static uint32_t const known_registers[] = {
    0x1B, 0x174, 0x175, 0x176, 0x1A0, 0x277,                    /* APIC_BASE, SYSENTER_*, MISC_ENABLE, PAT */
    0xC0000080, 0xC0000081, 0xC0000082, 0xC0000083, 0xC0000084, /* EFER, STAR, LSTAR, CSTAR, FMASK */
    0xC0000100, 0xC0000101, 0xC0000102, 0xC0000103,             /* FS_BASE, GS_BASE, KERNEL_GS_BASE, TSC_AUX */
};

/* REX and the prefixes that leave the instruction what it is. */
static int is_prefix(uint8_t byte)
{
    return (byte & 0xF0) == 0x40 || byte == 0x66 || byte == 0x67 || byte == 0x64 || byte == 0x65 || byte == 0x26 ||
           byte == 0x2E || byte == 0x36 || byte == 0x3E;
}

enum kind { NEITHER, RANDOM, MODEL_SPECIFIC, CONTROL_REGISTER, DEBUG_REGISTER, WIDE_COMPARE, BIT_TEST };

int is_wide_compare(uint8_t const *opcode, uint64_t size)
{
    /* group 9, memory form, /1 */
    return size >= 3 && opcode[0] == 0x0F && opcode[1] == 0xC7 && opcode[2] < 0xC0 && (opcode[2] >> 3 & 7) == 1;
}

/* bt, bts, btr, btc */
static int is_bit_test(uint8_t const *opcode, uint64_t size)
{
    return size >= 3 && ((opcode[1] & 0xE7) == 0xA3 || (opcode[1] == 0xBA && (opcode[2] >> 3 & 7) >= 4));
}

static enum kind classify(uint8_t const *opcode, uint64_t size)
{
    if (size < 2 || opcode[0] != 0x0F)
        return NEITHER;
    if (opcode[1] == 0x30 || opcode[1] == 0x32)
        return MODEL_SPECIFIC;
    if (opcode[1] == 0x22)
        return CONTROL_REGISTER;
    if (opcode[1] == 0x23)
        return DEBUG_REGISTER;
    if (is_wide_compare(opcode, size))
        return WIDE_COMPARE;
    if (is_bit_test(opcode, size))
        return BIT_TEST;
    /* group 9, register form, /6 and /7 */
    return size >= 3 && opcode[1] == 0xC7 && opcode[2] >= 0xF0 ? RANDOM : NEITHER;
}

static int is_known_register(uint32_t number)
{
    for (size_t i = 0; i < sizeof known_registers / sizeof *known_registers; i++)
        if (known_registers[i] == number)
            return 1;
    return 0;
}

/* mov cr, r: whether its value for CR0 would leave protected mode or paging, which nothing here is made for. */
static int leaves_long_mode(struct core *core, uint8_t const *opcode, uint64_t size, int base)
{
    uint64_t value = 0;
    if (size < 3 || (opcode[2] >> 3 & 7) != 0)
        return 0;
    core->engine.reg_read(core->uc, core->facts.register_ids[(opcode[2] & 7) | base << 3], &value);
    return (value & CR0_PAGED) != CR0_PAGED;
}

/* The recorder has a way of its own, and has met the instruction already. */
static void begin_block_here(struct core *core, uint64_t address)
{
    int begins = core->begins_block == address;
    core->begins_block = 0;
    if (begins || core->recorder)
        return;
    keep_fault(core);
    core->begin_here = 1;
    core->engine.emu_stop(core->uc);
}

static void on_watched(void *uc, uint64_t address, uint32_t size, void *user)
{
    struct core *core = user;
    uint8_t code[MAXIMUM_LENGTH];
    uint64_t count = read_memory(core, address, code, sizeof code), at = 0;
    (void)size;
    if (core->state->reason != STOP_HALT)
        return;
    core->watched_at = address;
    core->engine.reg_read(uc, core->facts.register_ids[17], &core->watched_flags);
    int is_locked = 0;
    while (at < count && (is_prefix(code[at]) || code[at] == LOCK))
        is_locked |= code[at++] == LOCK;
    enum kind kind = classify(code + at, count - at);
    if (kind == WIDE_COMPARE)
        begin_block_here(core, address);
    if (is_locked)
        return;
    if (kind == MODEL_SPECIFIC) {
        uint64_t number = 0;
        core->engine.reg_read(uc, core->facts.rcx_id, &number);
        if (is_known_register((uint32_t)number) || is_user_mode(core))
            return;
    }
    if (kind == CONTROL_REGISTER) {
        uint8_t rex = at && (code[at - 1] & 0xF0) == 0x40 ? code[at - 1] : 0;
        if (rex & 4) /* CR8 */
            return;
        /* Noted, as by other page tables memory can be written whose dirty bits nobody looks at. */
        core->state->paging_changed = 1;
        if (is_user_mode(core) || !leaves_long_mode(core, code + at, count - at, rex & 1))
            return;
    }
    if (kind == DEBUG_REGISTER && is_user_mode(core))
        return;
    if (kind == MODEL_SPECIFIC || kind == CONTROL_REGISTER || kind == DEBUG_REGISTER || (kind == RANDOM && core->facts.has_rdrand))
        refuse(core);
}

/* That there is a hook is enough. */
static void on_register_bit_test(void *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc, (void)address, (void)size, (void)user;
}

/* What is noted is for mend_watched_flags. */
static void on_memory_bit_test(void *uc, uint64_t address, uint32_t size, void *user)
{
    struct core *core = user;
    (void)size;
    if (core->state->reason != STOP_HALT)
        return;
    core->watched_at = address;
    core->engine.reg_read(uc, core->facts.register_ids[17], &core->watched_flags);
}

/* What the engine computes for a hook it computes once more, of the result, where the instruction traps. */
void mend_watched_flags(struct core *core)
{
    struct state *state = core->state;
    int has_trapped = state->reason == STOP_INTERRUPT || state->reason == STOP_INVALID_INSTRUCTION;
    if (has_trapped && core->watched_at && state->rip == core->watched_at)
        state->rflags = (state->rflags & ~FLAGS_ARITHMETIC) | (core->watched_flags & FLAGS_ARITHMETIC);
    core->watched_at = 0;
}

static void watch(struct core *core, on_code *hooked, uint64_t begin, uint64_t end)
{
    for (uint32_t i = 0; i < core->watched_count; i++)
        if (core->watched[i].begin == begin && core->watched[i].end == end && core->watched[i].hooked == hooked)
            return;
    if (core->watched_count == core->watched_room) {
        uint32_t room = core->watched_room ? core->watched_room * 2 : 16;
        struct watched *grown = realloc(core->watched, room * sizeof *grown);
        if (!grown)
            return;
        core->watched = grown;
        core->watched_room = room;
    }
    struct watched *watched = &core->watched[core->watched_count++];
    *watched = (struct watched){begin, end, 0, hooked};
    core->engine.hook_add(core->uc, &watched->hook, core->facts.hook_code, (void *)hooked, core, begin, end);
    core->translate_again = 1;
}

static on_code *hook_of(enum kind kind, uint8_t const *opcode)
{
    if (kind != BIT_TEST)
        return on_watched;
    return opcode[2] >= 0xC0 ? on_register_bit_test : on_memory_bit_test;
}

/* Whether other code lies there by now. A hook on it would do harm: before `pushf` the engine loses flags for one. */
static int is_for_other_code(struct watched const *watched, uint8_t const *opcode, uint64_t size)
{
    if (opcode[0] == 0x0F && size < LONGEST_OPCODE)
        return 0; /* not all of it is in this block */
    enum kind kind = classify(opcode, size);
    return kind == NEITHER || hook_of(kind, opcode) != watched->hooked;
}

static void forget_other_code(struct core *core, uint64_t address, uint8_t const *code, uint64_t size)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < core->watched_count; i++) {
        struct watched const watched = core->watched[i];
        uint64_t at = watched.end - address;
        if (at < size && is_for_other_code(&watched, code + at, size - at)) {
            core->engine.hook_del(core->uc, watched.hook);
            core->translate_again = 1;
        } else {
            core->watched[kept++] = watched;
        }
    }
    core->watched_count = kept;
}

int watch_block(struct core *core, uint64_t address, uint64_t size)
{
    uint8_t code[MAXIMUM_BLOCK];
    note_block(core, address, size);
    size = read_memory(core, address, code, size < sizeof code ? size : sizeof code);
    forget_other_code(core, address, code, size);
    for (uint64_t at = 0; at < size; at++) {
        uint8_t const *next = memchr(code + at, 0x0F, size - at);
        if (!next)
            break;
        at = (uint64_t)(next - code);
        enum kind kind = classify(next, size - at);
        if (kind == NEITHER)
            continue;
        uint64_t begin = at;
        while (begin > 0 && at - begin < MAXIMUM_LENGTH &&
               (is_prefix(code[begin - 1]) || (kind >= WIDE_COMPARE && code[begin - 1] == LOCK)))
            begin--;
        watch(core, hook_of(kind, next), address + begin, address + at);
    }
    if (!core->translate_again)
        return 0;
    keep_fault(core);
    core->engine.emu_stop(core->uc);
    return 1;
}

/* Called before the block has run. Not called until some block has ended otherwise than by a trap or a stop (the
   engine has no edge to report before): until then the block hook searches. */
static void on_translated(void *uc, struct translated_block *block, struct translated_block *previous, void *user)
{
    struct core *core = user;
    (void)uc;
    (void)previous;
    if (!core->translations_reported) {
        core->translations_reported = 1;
        if (!core->recorder)
            core->state->budget = core->withheld_budget;
    }
    watch_block(core, block->address, block->size);
}

int watch_translations(struct core *core)
{
    uint64_t hook;
    return core->engine.hook_add(core->uc, &hook, core->facts.hook_translated, (void *)on_translated, core, 1, 0) == 0;
}
