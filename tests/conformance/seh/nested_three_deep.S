// SPDX-License-Identifier: MIT
// Exceptions three deep: the filter of each is where the next one arises and is handled, so that three searches are
// under way at once. Each goes on undisturbed where it was.
#include "program.inc"

    .macro  LEVEL name, code, callee
    FUNCTION \name, __C_specific_handler
    ENTER   0x28
.L\name\()_begin:
    RAISE   \code
    nop
.L\name\()_end:
    int3
.L\name\()_except:
    NOTE    "except \name"
    mov     eax, 1
    LEAVE   0x28
    SCOPES
    EXCEPT  .L\name\()_begin, .L\name\()_end, filter_of_\name, .L\name\()_except
    END

    FUNCTION filter_of_\name
    ENTER   0x28, rbx, rsi
    mov     rbx, [rcx]
    NOTE    "filter \name %08lX", [rbx+RECORD_CODE]
    .ifnb   \callee
    call    \callee
    nop
    .endif
    NOTE    "filter \name %08lX accepts", [rbx+RECORD_CODE]
    mov     eax, 1
    LEAVE   0x28, rsi, rbx
    END
    .endm

    LEVEL   nested_three_deep, 0xE0000001, second
    LEVEL   second, 0xE0000002, third
    LEVEL   third, 0xE0000003

/* expect
filter nested_three_deep E0000001
filter second E0000002
filter third E0000003
filter third E0000003 accepts
except third
filter second E0000002 accepts
except second
filter nested_three_deep E0000001 accepts
except nested_three_deep
returned 1
*/
