/* SPDX-License-Identifier: MIT */
/* __try, __except and __finally as a driver's author writes them. Each routine takes a log, where it notes the way it
   went, and a pointer that it touches through touch(): a called function, so that both compiler targets catch it. */
#include <ntddk.h>

struct log {
    unsigned long long count;
    unsigned long long entries[31];
};

enum note {
    TRY = 1,
    FILTER = 2,
    EXCEPT = 3,
    FINALLY = 4,
    AFTER = 5,
};

#define AT(note, number) ((note) << 4 | (number))

static __attribute__((noinline)) void note(struct log *log, unsigned long long entry)
{
    if (log->count < 31)
        log->entries[log->count] = entry;
    log->count++;
}

__attribute__((noinline)) int touch(volatile char *pointer) { return *pointer; }

static int answer_with(struct log *log, int number, int answer)
{
    note(log, AT(FILTER, number));
    return answer;
}

int handled(struct log *log, char *pointer)
{
    __try {
        note(log, AT(TRY, 1));
        touch(pointer);
        note(log, AT(AFTER, 1));
    } __except (answer_with(log, 1, EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 1));
        return GetExceptionCode();
    }
    return 0;
}

int constant_filter(struct log *log, char *pointer)
{
    __try {
        touch(pointer);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        note(log, AT(EXCEPT, 1));
        return GetExceptionCode();
    }
    return 0;
}

/* Two __finally inside an __except, all in one function. */
int nested_scopes(struct log *log, char *pointer)
{
    __try {
        __try {
            __try {
                touch(pointer);
                note(log, AT(AFTER, 1));
            } __finally {
                note(log, AT(FINALLY, 1));
                note(log, (unsigned)AbnormalTermination());
            }
            note(log, AT(AFTER, 2));
        } __finally {
            note(log, AT(FINALLY, 2));
        }
        note(log, AT(AFTER, 3));
    } __except (answer_with(log, 3, EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 3));
    }
    return 7;
}

/* The inner filter does not want it; the outer one of the same function does. */
int outer_scope(struct log *log, char *pointer)
{
    __try {
        __try {
            touch(pointer);
        } __except (answer_with(log, 1, EXCEPTION_CONTINUE_SEARCH)) {
            note(log, AT(EXCEPT, 1));
        }
    } __except (answer_with(log, 2, EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 2));
    }
    return 7;
}

static __attribute__((noinline)) void with_finally(struct log *log, char *pointer, int depth)
{
    __try {
        if (depth > 1)
            with_finally(log, pointer, depth - 1);
        else
            touch(pointer);
        note(log, AT(AFTER, depth));
    } __finally {
        note(log, AT(FINALLY, depth));
    }
}

/* Three frames with a __finally each, then the handler. */
int nested_frames(struct log *log, char *pointer)
{
    __try {
        with_finally(log, pointer, 3);
    } __except (answer_with(log, 0, EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 0));
    }
    return 7;
}

/* The exception of an __except block goes to the next one out, not to its own. */
int except_faults(struct log *log, char *pointer)
{
    __try {
        __try {
            touch(pointer);
        } __except (answer_with(log, 1, EXCEPTION_EXECUTE_HANDLER)) {
            note(log, AT(EXCEPT, 1));
            touch(pointer + 1);
            note(log, AT(AFTER, 1));
        }
    } __except (answer_with(log, 2, EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 2));
    }
    return 7;
}

static __attribute__((noinline)) int careful_filter(struct log *log, char *pointer)
{
    note(log, AT(FILTER, 1));
    __try {
        touch(pointer + 2);
    } __except (answer_with(log, 2, EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 2));
    }
    return EXCEPTION_EXECUTE_HANDLER;
}

/* A filter that faults and handles it itself. */
int filter_handles(struct log *log, char *pointer)
{
    __try {
        touch(pointer);
    } __except (careful_filter(log, pointer)) {
        note(log, AT(EXCEPT, 1));
        return GetExceptionCode();
    }
    return 0;
}

static __attribute__((noinline)) int careless_filter(struct log *log, char *pointer, EXCEPTION_POINTERS *pointers)
{
    EXCEPTION_RECORD *record = pointers->ExceptionRecord;
    note(log, AT(FILTER, 1));
    note(log, record->ExceptionInformation[1] - (unsigned long long)pointer);
    note(log, record->ExceptionFlags);
    if (record->ExceptionInformation[1] == (unsigned long long)pointer)
        touch(pointer + 4);
    return EXCEPTION_EXECUTE_HANDLER;
}

/* A filter that faults the first time and not the second: the second exception is handled in its place. */
int filter_faults(struct log *log, char *pointer)
{
    __try {
        touch(pointer);
    } __except (careless_filter(log, pointer, GetExceptionInformation())) {
        note(log, AT(EXCEPT, 1));
        return GetExceptionCode();
    }
    return 0;
}

static int noting_filter(struct log *log, int number, EXCEPTION_POINTERS *pointers, int answer)
{
    note(log, AT(FILTER, number));
    note(log, pointers->ExceptionRecord->ExceptionFlags);
    return answer;
}

static __attribute__((noinline)) void inner_of_nested(struct log *log, char *pointer)
{
    __try {
        touch(pointer);
    } __except (careless_filter(log, pointer, GetExceptionInformation()) ? EXCEPTION_CONTINUE_SEARCH : 0) {
        note(log, AT(EXCEPT, 1));
    }
}

/* While the search for the second exception passes the frames that the first search has passed, the record says so. */
int nested_flag(struct log *log, char *pointer)
{
    __try {
        inner_of_nested(log, pointer);
    } __except (noting_filter(log, 2, GetExceptionInformation(), EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 2));
        return GetExceptionCode();
    }
    return 0;
}

/* A filter that always faults: each time one level deeper, until there is no stack left. */
int filter_always_faults(struct log *log, char *pointer)
{
    __try {
        touch(pointer);
    } __except (note(log, AT(FILTER, 1)), touch(pointer + 1)) {
        note(log, AT(EXCEPT, 1));
    }
    return 0;
}

static __attribute__((noinline)) void finally_that_faults(struct log *log, char *pointer)
{
    __try {
        __try {
            touch(pointer);
        } __finally {
            note(log, AT(FINALLY, 1));
            touch(pointer + 8);
            note(log, AT(AFTER, 1));
        }
    } __finally {
        note(log, AT(FINALLY, 2));
    }
}

/* The second exception takes the place of the first, and its unwind goes on where the first one stood. */
int collided_unwind(struct log *log, char *pointer)
{
    __try {
        finally_that_faults(log, pointer);
    } __except (noting_filter(log, 3, GetExceptionInformation(), EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 3));
        return GetExceptionCode();
    }
    return 0;
}

static __attribute__((noinline)) void finally_that_handles(struct log *log, char *pointer)
{
    __try {
        touch(pointer);
    } __finally {
        note(log, AT(FINALLY, 1));
        handled(log, pointer + 8);
        note(log, AT(AFTER, 1));
    }
}

/* A __finally with a __try of its own in what it calls. */
int finally_handles(struct log *log, char *pointer)
{
    __try {
        finally_that_handles(log, pointer);
    } __except (answer_with(log, 2, EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 2));
        return 7;
    }
    return 0;
}

static __attribute__((noinline)) void deep_finally(struct log *log, char *pointer)
{
    __try {
        finally_that_faults(log, pointer);
    } __finally {
        note(log, AT(FINALLY, 3));
    }
}

/* A collided unwind that has frames left to unwind above the one that it collided in. */
int collided_deep(struct log *log, char *pointer)
{
    __try {
        __try {
            deep_finally(log, pointer);
        } __except (answer_with(log, 4, EXCEPTION_CONTINUE_SEARCH)) {
            note(log, AT(EXCEPT, 4));
        }
    } __except (answer_with(log, 5, EXCEPTION_EXECUTE_HANDLER)) {
        note(log, AT(EXCEPT, 5));
        return 7;
    }
    return 0;
}

/* The stack and the host's list of what waits are the same after each. */
int many_times(struct log *log, char *pointer)
{
    int handled_count = 0;
    for (int i = 0; i < 50; i++) {
        __try {
            touch(pointer);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            handled_count++;
        }
    }
    note(log, (unsigned)handled_count);
    return handled_count;
}

/* Live values across the __try, in registers or wherever the compiler keeps them. */
long long keeps_its_values(struct log *log, char *pointer)
{
    volatile long long a = 3;
    long long b = (long long)log & 0xFF, c = 5;
    __try {
        a = 11;
        touch(pointer);
        a = 13;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return a * 1000 + b + c;
    }
    return -1;
}

struct big {
    char bytes[3000];
};

/* A frame of more than a page, with locals that the filter and the handler use. */
int big_frame(struct log *log, char *pointer)
{
    volatile struct big first, second;
    int seen = 0;
    first.bytes[2999] = 21;
    second.bytes[2999] = 22;
    __try {
        touch(pointer);
    } __except (seen = first.bytes[2999], answer_with(log, 1, EXCEPTION_EXECUTE_HANDLER)) {
        return seen * 100 + second.bytes[2999];
    }
    return 0;
}

/* The filter repairs the pointer that the faulting code uses: by an export that brings the page back. */
static int repair(struct log *log)
{
    note(log, AT(FILTER, 1));
    DbgPrint("repair");
    return EXCEPTION_CONTINUE_EXECUTION;
}

int repaired_page(struct log *log, char *pointer)
{
    __try {
        return touch(pointer);
    } __except (repair(log)) {
        note(log, AT(EXCEPT, 1));
    }
    return -1;
}
