/* SPDX-License-Identifier: MIT */
/* What filters, __finally blocks and language handlers see, written down for the test. The structures are those of
   the Windows headers, not ours. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

__declspec(dllimport) void RtlRaiseException(EXCEPTION_RECORD *record);

#define POKES 16
#define ENTRIES 8

struct poke {
    unsigned long long call; /* in which call of the handler; all ones: in every one */
    unsigned long long base; /* 0: an address, 1: the record, 2: the context, 3: the dispatcher context, 4: its context */
    unsigned long long offset;
    unsigned long long value;
};

struct seen {
    void *record_address, *frame, *context_address, *dispatcher_address;
    unsigned long long stack_pointer;
    EXCEPTION_RECORD record;
    DISPATCHER_CONTEXT dispatcher;
    CONTEXT context __attribute__((aligned(16)));
    CONTEXT dispatcher_context __attribute__((aligned(16)));
};

struct report {
    unsigned long answers[2]; /* of the first filter call, and of later ones */
    unsigned long long filter_calls;
    void *pointers, *frame;
    unsigned long long stack_pointer, flags;
    unsigned long long landing[12], body_stack_pointer, unused;
    unsigned char landing_xmm[160];
    EXCEPTION_RECORD record;
    unsigned long long unused_too;
    CONTEXT context __attribute__((aligned(16)));
    unsigned long long poke_count;
    unsigned char unused_three[0x148];
    unsigned long long inputs[8];
    unsigned char inputs_xmm[160];
    unsigned long long result;
    unsigned long long finally_calls, finally_argument[2];
    void *finally_frame[2];
    unsigned long long handler_calls;
    unsigned long dispositions[ENTRIES];
    struct poke pokes[POKES];
    struct seen seen[ENTRIES];
};

_Static_assert(__builtin_offsetof(struct report, landing) == 0x30, "");
_Static_assert(__builtin_offsetof(struct report, body_stack_pointer) == 0x90, "");
_Static_assert(__builtin_offsetof(struct report, landing_xmm) == 0xA0, "");
_Static_assert(__builtin_offsetof(struct report, context) == 0x1E0, "");
_Static_assert(__builtin_offsetof(struct report, inputs) == 0x800, "");
_Static_assert(__builtin_offsetof(struct report, inputs_xmm) == 0x840, "");
_Static_assert(__builtin_offsetof(struct report, result) == 0x8E0, "");

void *memcpy(void *to, void const *from, size_t size)
{
    void *result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

static unsigned long long flags_now(void)
{
    unsigned long long flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    return flags;
}

static void poke(struct report *report, unsigned long long call, EXCEPTION_RECORD *record, CONTEXT *context,
                 DISPATCHER_CONTEXT *dispatcher)
{
    for (unsigned long long i = 0; i < report->poke_count; i++) {
        struct poke const *each = &report->pokes[i];
        char *base = 0;
        if (each->call != call && each->call != ~0ull)
            continue;
        switch (each->base) {
        case 1: base = (char *)record; break;
        case 2: base = (char *)context; break;
        case 3: base = (char *)dispatcher; break;
        case 4: base = (char *)dispatcher->ContextRecord; break;
        }
        *(volatile unsigned long long *)(base + each->offset) = each->value;
    }
}

long observed_filter(EXCEPTION_POINTERS *pointers, void *frame)
{
    struct report *report = *(struct report **)((char *)frame + 0x20);
    unsigned long long call = report->filter_calls++;
    report->flags = flags_now();
    report->pointers = pointers;
    report->frame = frame;
    report->stack_pointer = (unsigned long long)__builtin_frame_address(0);
    report->record = *pointers->ExceptionRecord;
    report->context = *pointers->ContextRecord;
    poke(report, call, pointers->ExceptionRecord, pointers->ContextRecord, 0);
    return (long)report->answers[call != 0];
}

void observed_finally(unsigned long long abnormal, void *frame)
{
    struct report *report = *(struct report **)((char *)frame + 0x20);
    unsigned long long call = report->finally_calls++;
    report->finally_argument[call & 1] = abnormal;
    report->finally_frame[call & 1] = frame;
}

EXCEPTION_DISPOSITION recording_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context,
                                        DISPATCHER_CONTEXT *dispatcher)
{
    struct report *report = *(struct report **)((char *)frame + 0x20);
    unsigned long long call = report->handler_calls++;
    struct seen *seen = &report->seen[call % ENTRIES];
    seen->record_address = record;
    seen->frame = frame;
    seen->context_address = context;
    seen->dispatcher_address = dispatcher;
    seen->stack_pointer = (unsigned long long)__builtin_frame_address(0);
    seen->record = *record;
    seen->dispatcher = *dispatcher;
    seen->context = *context;
    seen->dispatcher_context = *dispatcher->ContextRecord;
    poke(report, call, record, context, dispatcher);
    return (EXCEPTION_DISPOSITION)report->dispositions[call % ENTRIES];
}

EXCEPTION_DISPOSITION __C_specific_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context,
                                           DISPATCHER_CONTEXT *dispatcher);

EXCEPTION_DISPOSITION passing_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context,
                                      DISPATCHER_CONTEXT *dispatcher)
{
    struct report *report = *(struct report **)((char *)frame + 0x20);
    EXCEPTION_DISPOSITION answer;
    report->handler_calls++;
    answer = __C_specific_handler(record, frame, context, dispatcher);
    report->handler_calls += 0x100;
    return answer;
}

/* Raises what `record` says, and returns 0x7AC4 where that is continued. */
unsigned long long raise(EXCEPTION_RECORD *record)
{
    RtlRaiseException(record);
    return 0x7AC4;
}
