/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who called whom in a call. */
#include "call_tables.h"

EXPORTED uint32_t call_tables_layout(void)
{
    return (uint32_t)sizeof(struct call_tables);
}
