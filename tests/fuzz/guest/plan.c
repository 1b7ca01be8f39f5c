/* SPDX-License-Identifier: MIT */
/* What the code of an input's frames does, by a plan that the host writes before the call. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#define POKES 8
#define ANSWERS 4

struct plan {
    unsigned long long target, arguments[8];
    int answers[ANSWERS], dispositions[ANSWERS];
    unsigned long long own_code_is; /* bit 0: the filter, bit 1: the __finally block, bit 2: the handler */
    unsigned long long calls, poke_count;
    struct {
        unsigned long long call; /* the how many-th call of any of these functions; all ones: each */
        unsigned long long base, offset, value;
    } pokes[POKES];
};

__declspec(dllexport) struct plan plan;

/* Records, contexts, jump buffers and the like: see the target. */
__declspec(dllexport) unsigned char scratch[0x1000] __attribute__((aligned(16)));

__declspec(dllimport) void DbgPrint(char const *format, ...);

long own_code(void *, void *, void *, void *);

static void act(void *record, void *context, void *dispatcher, void *frame)
{
    unsigned long long call = plan.calls++;
    for (unsigned long long i = 0; i < plan.poke_count && i < POKES; i++) {
        char *bases[] = {0, record, context, dispatcher, frame, __builtin_frame_address(0), (char *)&plan,
                         (char *)scratch};
        if (plan.pokes[i].call == call || plan.pokes[i].call == ~0ull)
            *(volatile unsigned long long *)(bases[plan.pokes[i].base & 7] + plan.pokes[i].offset) =
                plan.pokes[i].value;
    }
}

long filter(EXCEPTION_POINTERS *pointers, void *frame)
{
    long answer = plan.answers[plan.calls % ANSWERS];
    act(pointers->ExceptionRecord, pointers->ContextRecord, pointers, frame);
    return plan.own_code_is & 1 ? own_code(pointers, frame, 0, 0) : answer;
}

void finally(unsigned long long abnormal, void *frame)
{
    act((void *)abnormal, frame, frame, frame);
    if (plan.own_code_is & 2)
        own_code((void *)abnormal, frame, 0, 0);
}

EXCEPTION_DISPOSITION __C_specific_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context,
                                           DISPATCHER_CONTEXT *dispatcher);

/* Disposition 4 passes the call on. */
int handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, DISPATCHER_CONTEXT *dispatcher)
{
    int disposition = plan.dispositions[plan.calls % ANSWERS];
    act(record, context, dispatcher, frame);
    if (plan.own_code_is & 4)
        return own_code(record, frame, context, dispatcher);
    return disposition == 4 ? __C_specific_handler(record, frame, context, dispatcher) : disposition;
}
