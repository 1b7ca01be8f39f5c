/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's memory by its virtual addresses, as the page tables have it now. */
#include "core.h"

#include <string.h>

#define PAGE 4096u
#define PRESENT 1u
#define WRITABLE 2u
#define FRAME_MASK 0x000FFFFFFFFFF000ull

uint8_t *walk_to_page(uint8_t *ram, uint64_t ram_size, uint64_t table, uint64_t address, uint64_t *rights)
{
    *rights = ~0ull;
    for (int shift = 39; shift >= 12; shift -= 9) {
        uint64_t entry;
        table &= FRAME_MASK;
        if (!(*rights & PRESENT) || table > ram_size - PAGE)
            return NULL;
        memcpy(&entry, ram + table + (address >> shift & 511) * 8, sizeof entry);
        *rights &= entry;
        table = entry;
    }
    table &= FRAME_MASK;
    return table > ram_size - PAGE ? NULL : ram + table;
}

static uint8_t *page_at(struct core const *core, uint64_t table, uint64_t address, uint64_t *rights)
{
    uint8_t *page = walk_to_page(core->ram, core->ram_size, table, address, rights);
    return *rights & PRESENT ? page : NULL;
}

uint64_t read_memory(struct core *core, uint64_t address, uint8_t *to, uint64_t size)
{
    uint64_t root = 0, done = 0, rights;
    core->engine.reg_read(core->uc, core->facts.cr3_id, &root);
    while (done < size) {
        uint64_t offset = (address + done) % PAGE, count = PAGE - offset;
        uint8_t const *page = page_at(core, root, address + done, &rights);
        if (!page)
            break;
        if (count > size - done)
            count = size - done;
        memcpy(to + done, page + offset, count);
        done += count;
    }
    return done;
}

int may_be_written(struct core *core, uint64_t address)
{
    uint64_t root = 0, rights;
    core->engine.reg_read(core->uc, core->facts.cr3_id, &root);
    return page_at(core, root, address, &rights) && rights & WRITABLE;
}

void write_memory(struct core *core, uint64_t address, uint8_t const *from, uint64_t size)
{
    uint64_t root = 0, rights;
    core->engine.reg_read(core->uc, core->facts.cr3_id, &root);
    for (uint64_t i = 0; i < size; i++) {
        uint8_t *page = page_at(core, root, address + i, &rights);
        if (page)
            page[(address + i) % PAGE] = from[i];
    }
}
