/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What in a call may go against what the calling convention says of the stack: emu/checks/call/stack_suspects.py. */
#include "call_tables.h"

#include <stdlib.h>

#define SLOT 8u /* bytes of a return address */
#define HOME_SPACE 32u
#define ALIGNMENT 16u
#define JUMPS_BY_RETURNING 8 /* calls from which none has returned, and whose callers are returned to */
#define NO_MEMORY UINT64_MAX

/* Of a code: emu/checks/call/stack_operands.py. */
enum stack_use { USE_CALL = 1, USE_RETURN = 2, USE_POPS_MORE = 4, USE_BELOW = 8, USE_ABOVE = 16 };

enum suspicion {
    RETURNS_ELSEWHERE = 1,
    POPS_MORE = 2,
    CALLS_OFF_ALIGNMENT = 4,
    CALLS_WITHOUT_HOME = 8,
    WRITES_BELOW = 16,
    WRITES_ABOVE = 32,
    READS_HOME = 64,
};

struct stack_suspect {
    uint64_t instruction, access; /* the access: the pushed or popped return address, or the write or read itself */
    uint64_t reasons;
};

struct search {
    struct call_tables const *call;
    struct stack_suspect *suspects;
    uint64_t room, count;    /* the count goes on where the room ends */
    uint64_t *lowest_called; /* of each activation the lowest slot of what it called; 0: it called nothing */
    uint8_t *seen;           /* of each code what it has been suspected of */
    uint64_t low, high;      /* the home space of all that was called lies between */
};

static struct activation const *owner_of(struct call_tables const *call, uint64_t instruction)
{
    int64_t owner = call->owner[instruction];
    return owner < 0 ? NULL : &call->activations[owner];
}

static void suspect(struct search *search, uint64_t instruction, uint64_t access, unsigned reasons)
{
    if (search->count < search->room)
        search->suspects[search->count] = (struct stack_suspect){instruction, access, reasons};
    search->count++;
}

static void suspect_code_once(struct search *search, uint64_t instruction, uint64_t access, unsigned reasons,
                              unsigned alike)
{
    uint8_t *seen = &search->seen[search->call->instructions[instruction].code];
    if (reasons && !(*seen & alike))
        suspect(search, instruction, access, reasons);
    if (reasons)
        *seen |= (uint8_t)alike;
}

/* Returns whether it is known of any activation where its return address stands. */
static int find_slots(struct search *search)
{
    struct call_tables const *call = search->call;
    int any_slot = 0;
    search->low = UINT64_MAX;
    for (uint64_t i = 0; i < call->activation_count; i++) {
        struct activation const *each = &call->activations[i];
        any_slot |= each->slot != 0;
        if (each->call_site < 0 || each->by == BY_JUMP || each->parent < 0)
            continue;
        uint64_t *lowest = &search->lowest_called[each->parent];
        if (!*lowest || each->slot < *lowest)
            *lowest = each->slot;
        if (each->slot + SLOT < search->low)
            search->low = each->slot + SLOT;
        if (each->slot + SLOT + HOME_SPACE > search->high)
            search->high = each->slot + SLOT + HOME_SPACE;
    }
    return any_slot;
}

/* It goes mostly back to the caller of its own activation; code that a `ret` has jumped to, as a retpoline does,
   returns for one further up. */
static int goes_back(struct call_tables const *call, struct activation const *owner, struct access_record const *popped)
{
    for (int jumps = 0; jumps <= JUMPS_BY_RETURNING; jumps++) {
        if (owner->slot == popped->address && owner->return_address == popped->low)
            return 1;
        if (owner->parent < 0)
            return 0;
        owner = &call->activations[owner->parent];
    }
    return 0;
}

static void look_at_return(struct search *search, uint64_t instruction, uint64_t popped, int64_t use)
{
    struct activation const *owner = owner_of(search->call, instruction);
    if (!owner || !owner->slot)
        return;
    if (!goes_back(search->call, owner, &search->call->accesses[popped]))
        suspect(search, instruction, popped, RETURNS_ELSEWHERE);
    if (use & USE_POPS_MORE)
        suspect_code_once(search, instruction, popped, POPS_MORE, POPS_MORE);
}

static void look_at_call(struct search *search, uint64_t instruction, uint64_t pushed)
{
    struct activation const *owner = owner_of(search->call, instruction);
    uint64_t slot = owner ? owner->slot : 0, address = search->call->accesses[pushed].address;
    unsigned reasons = 0;
    int called_aligned = !slot || slot % ALIGNMENT == SLOT; /* else RSP is off for what its caller did */
    if (address % ALIGNMENT != SLOT && called_aligned)
        reasons |= CALLS_OFF_ALIGNMENT;
    if (slot > address && slot - address < SLOT + HOME_SPACE)
        reasons |= CALLS_WITHOUT_HOME;
    suspect_code_once(search, instruction, pushed, reasons, CALLS_OFF_ALIGNMENT | CALLS_WITHOUT_HOME);
}

static void look_at_write(struct search *search, uint64_t instruction, uint64_t access, int64_t use)
{
    if (use & USE_BELOW)
        suspect_code_once(search, instruction, access, WRITES_BELOW, WRITES_BELOW);
    if (!(use & USE_ABOVE))
        return;
    struct activation const *owner = owner_of(search->call, instruction);
    if (owner && owner->slot && search->call->accesses[access].address >= owner->slot + SLOT + HOME_SPACE)
        suspect_code_once(search, instruction, access, WRITES_ABOVE, WRITES_ABOVE);
}

static void look_at_read(struct search *search, uint64_t instruction, uint64_t access)
{
    int64_t owner = search->call->owner[instruction];
    uint64_t slot = owner < 0 ? 0 : search->lowest_called[owner];
    uint64_t address = search->call->accesses[access].address;
    if (slot && address >= slot + SLOT && address - slot < SLOT + HOME_SPACE)
        suspect_code_once(search, instruction, access, READS_HOME, READS_HOME);
}

static void look_at_transfers(struct search *search, int64_t const *uses)
{
    struct call_tables const *call = search->call;
    for (uint64_t at = 0; at < call->instruction_count; at++) {
        int64_t use = uses[call->instructions[at].code];
        if (!(use & (USE_CALL | USE_RETURN)))
            continue;
        uint64_t first = first_access_from(call, at), behind = first;
        while (behind < call->access_count && instruction_of(call, &call->accesses[behind]) == at)
            behind++;
        if (first == behind)
            continue;
        if (use & USE_RETURN)
            look_at_return(search, at, first, use);
        if (use & USE_CALL && !(call->instructions[at].flags & INSTRUCTION_TRAPPED))
            look_at_call(search, at, behind - 1);
    }
}

static void look_at_accesses(struct search *search, int64_t const *uses, int any_writes)
{
    struct call_tables const *call = search->call;
    uint64_t const low = search->low, size = search->high > low ? search->high - low : 0;
    uint64_t const count = call->access_count;
    for (uint64_t i = 0; i < count; i++) {
        struct access_record const *access = &call->accesses[i];
        if (access->kind == ACCESS_READ) {
            if (access->address - low < size)
                look_at_read(search, instruction_of(call, access), i);
        } else if (any_writes) {
            uint64_t at = instruction_of(call, access);
            look_at_write(search, at, i, uses[call->instructions[at].code]);
        }
    }
}

/* Find what is suspect: each return that does not go back, of all else the first of each code. `uses` are by the
   numbers of the codes. Returns how many there are, of which as many are written as there is room for: what returns and
   calls, then what accesses, each in order of the instructions; NO_MEMORY. */
EXPORTED uint64_t checks_stack_suspects(struct call_tables const *call, int64_t const *uses, uint64_t code_count,
                                 struct stack_suspect *suspects, uint64_t room)
{
    int64_t any_use = 0;
    for (uint64_t i = 0; i < code_count; i++)
        any_use |= uses[i];
    struct search search = {.call = call, .suspects = suspects, .room = room};
    search.lowest_called = calloc(call->activation_count + 1, sizeof *search.lowest_called);
    search.seen = calloc(code_count + 1, 1);
    int has_memory = search.lowest_called && search.seen;
    if (has_memory && find_slots(&search)) {
        look_at_transfers(&search, uses);
        look_at_accesses(&search, uses, (any_use & (USE_BELOW | USE_ABOVE)) != 0);
    }
    free(search.lowest_called);
    free(search.seen);
    return has_memory ? search.count : NO_MEMORY;
}
