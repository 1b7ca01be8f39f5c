/* SPDX-License-Identifier: MIT */
/* RtlRestoreContext with the record of a long jump goes where the jump's buffer says; the context that it is given is
   overruled. */
#include "jumps.h"

static JUMP_POINT point;

static __attribute__((noinline)) void jump(void)
{
    EXCEPTION_RECORD record = {.ExceptionCode = STATUS_LONGJUMP,
                               .NumberParameters = 1,
                               .ExceptionInformation = {(unsigned long long)&point}};
    CONTEXT context;
    RtlCaptureContext(&context);
    context.Rax = 6;
    context.Rip = 0x10;
    RtlRestoreContext(&context, &record);
}

long restore_context_to_jump_point(void)
{
    int volatile local = 1;
    int const arrived = _setjmp(&point, NULL);
    note("arrived with %d, local %d", arrived, local);
    local += 1;
    if (arrived == 0)
        jump();
    return arrived;
}

/* expect
arrived with 0, local 1
arrived with 6, local 2
returned 6
*/
