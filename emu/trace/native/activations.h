/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps that activations.c makes of a trace; emu/trace/activations.py declares the same layouts. */
#ifndef EMU_ACTIVATIONS_H
#define EMU_ACTIVATIONS_H

#include <stdint.h>

enum step_kind { STEP_BEGAN, STEP_ENDED, STEP_HAPPENED };
enum began_by { BY_CALL, BY_JUMP, BY_FILTER, BY_FINALLY, BY_HOST };

struct step {
    uint64_t at;     /* the index of an instruction in the trace: it comes before that */
    uint64_t number; /* of what began the code, of what ended how many, of what happened the event */
    uint32_t kind;   /* enum step_kind */
    uint32_t by;     /* enum began_by */
};

#endif
