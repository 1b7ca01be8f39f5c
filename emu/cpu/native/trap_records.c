/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes what a trap leaves on the guest's stack: KTRAP_FRAME, EXCEPTION_RECORD and CONTEXT (nt/*.py have them field by
   field, and the tests compare). */
#include "trap_records.h"

#include <string.h>

#define PAGE 4096u

#define TRAP_FRAME_SIZE 0x190
#define EXCEPTION_RECORD_SIZE 0x98
#define CONTEXT_SIZE 0x4D0

#define KERNEL_CODE_SELECTOR 0x10u
#define KERNEL_STACK_SELECTOR 0x18u

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

/* NULL: there never was a page. */
static uint8_t *kernel_page(struct kernel_memory const *memory, uint64_t address)
{
    uint64_t rights;
    uint8_t *page = walk_to_page(memory->ram, memory->ram_size, memory->root, address, &rights);
    return page == memory->ram ? NULL : page; /* frame 0 is nobody's */
}

int kernel_read(struct kernel_memory const *memory, uint64_t address, void *to, uint64_t size)
{
    for (uint64_t done = 0; done < size;) {
        uint64_t offset = (address + done) % PAGE, count = PAGE - offset;
        uint8_t const *page = kernel_page(memory, address + done);
        if (!page)
            return 0;
        if (count > size - done)
            count = size - done;
        memcpy((uint8_t *)to + done, page + offset, count);
        done += count;
    }
    return 1;
}

int kernel_write(struct kernel_memory *memory, uint64_t address, void const *from, uint64_t size)
{
    for (uint64_t done = 0; done < size;) {
        uint64_t offset = (address + done) % PAGE, count = PAGE - offset;
        uint8_t *page = kernel_page(memory, address + done);
        if (!page)
            return 0;
        if (count > size - done)
            count = size - done;
        memcpy(page + offset, (uint8_t const *)from + done, count);
        uint64_t frame = (uint64_t)(page - memory->ram) / PAGE;
        memory->host_written[frame] = 1;
        memory->code_changed |= memory->executable[frame];
        done += count;
    }
    return 1;
}

static void put(uint8_t *structure, size_t offset, void const *value, size_t size)
{
    memcpy(structure + offset, value, size);
}

static void put32(uint8_t *structure, size_t offset, uint32_t value) { put(structure, offset, &value, 4); }

static void put64(uint8_t *structure, size_t offset, uint64_t value) { put(structure, offset, &value, 8); }

static int write_trap_frame(struct trap_records *records, struct state const *state, uint32_t flags)
{
    static uint8_t const volatile_registers[] = {RAX, RCX, RDX, 8, 9, 10, 11}, others[] = {RBX, RDI, RSI, RBP};
    uint8_t frame[TRAP_FRAME_SIZE] = {0};
    put32(frame, 0x2C, state->mxcsr);
    for (size_t i = 0; i < sizeof volatile_registers; i++)
        put64(frame, 0x30 + 8 * i, state->gpr[volatile_registers[i]]);
    put(frame, 0x70, state->xmm, 6 * 16);
    put64(frame, 0xD0, records->fault_address);
    for (size_t i = 0; i < sizeof others; i++)
        put64(frame, 0x140 + 8 * i, state->gpr[others[i]]);
    put64(frame, 0x160, records->error_code);
    put64(frame, 0x168, records->rip);
    put64(frame, 0x170, KERNEL_CODE_SELECTOR);
    put64(frame, 0x178, flags);
    put64(frame, 0x180, state->gpr[RSP]);
    put64(frame, 0x188, KERNEL_STACK_SELECTOR);
    return kernel_write(&records->memory, records->frame, frame, sizeof frame);
}

static int write_exception_record(struct trap_records *records)
{
    uint8_t record[EXCEPTION_RECORD_SIZE] = {0};
    put32(record, 0x00, records->code);
    put32(record, 0x04, records->flags);
    put64(record, 0x10, records->rip);
    put32(record, 0x18, records->parameter_count);
    for (uint32_t i = 0; i < records->parameter_count; i++)
        put64(record, 0x20 + 8 * i, records->parameters[i]);
    return kernel_write(&records->memory, records->records + RECORDS_EXCEPTION, record, sizeof record);
}

static int write_context(struct trap_records *records, struct state const *state, uint32_t flags)
{
    uint8_t context[CONTEXT_SIZE];
    memcpy(context, records->context_template, sizeof context);
    put32(context, 0x34, state->mxcsr);
    put32(context, 0x44, flags);
    put(context, 0x78, state->gpr, sizeof state->gpr);
    put64(context, 0xF8, records->rip);
    put32(context, 0x118, state->mxcsr);
    put(context, 0x1A0, state->xmm, sizeof state->xmm);
    return kernel_write(&records->memory, records->records + RECORDS_CONTEXT, context, sizeof context);
}

/* Write the frames of a trap that the processor stands at. Returns whether there were pages for them. */
EXPORTED uint32_t core_write_trap(struct core const *core, struct trap_records *records)
{
    struct state const *state = core->state;
    uint32_t flags = (uint32_t)state->rflags | PENDING_FLAGS;
    records->memory.code_changed = 0;
    return write_trap_frame(records, state, flags) && write_exception_record(records) &&
           write_context(records, state, flags) &&
           kernel_write(&records->memory, records->records + RECORDS_SIZE, &records->returns_to, 8);
}

EXPORTED uint32_t trap_records_layout(void) { return (uint32_t)sizeof(struct trap_records); }
