// SPDX-License-Identifier: MIT
// Functions that all do the same, read the byte at rcx in a frame of 28h bytes, and whose unwind data is all wrong.
// It is written by hand here, as the assembler's directives would refuse to.

    .intel_syntax noprefix

    .set EHANDLER, 1 << 3
    .set UHANDLER, 2 << 3
    .set CHAININFO, 4 << 3

    .macro FUNCTION name
    .text
    .balign 16, 0xCC
    .globl  \name
\name:
    sub     rsp, 0x28
    movzx   eax, byte ptr [rcx]
    add     rsp, 0x28
    ret
\name\()_end:
    .section .pdata, "dr"
    .long   \name@IMGREL
    .long   \name\()_end@IMGREL
    .long   \name\()_unwind@IMGREL
    .section .xdata, "dr"
    .balign 4
\name\()_unwind:
    .endm

    .macro GOOD flags
    .byte   1 | \flags, 4, 1, 0
    .byte   4, 0x42                 // ALLOC_SMALL 28h
    .byte   0, 0
    .endm

    .macro SCOPES name, count, filter, target
    GOOD    EHANDLER | UHANDLER
    .long   __C_specific_handler@IMGREL
    .long   \count
    .long   \name@IMGREL
    .long   \name\()_end@IMGREL
    .long   \filter
    .long   \target
    .endm

    FUNCTION version_0
    .byte   0, 4, 1, 0, 4, 0x42, 0, 0

    FUNCTION version_3
    .byte   3, 4, 1, 0, 4, 0x42, 0, 0

    FUNCTION version_7
    .byte   7, 4, 1, 0, 4, 0x42, 0, 0

    FUNCTION unknown_operation
    .byte   1, 4, 1, 0, 4, 0x0F, 0, 0

    FUNCTION slots_past_the_count
    .byte   1, 4, 1, 0, 4, 0x11, 0, 0

    FUNCTION handler_and_chain
    .byte   1 | EHANDLER | CHAININFO, 4, 0, 0
    .long   0, 0, 0

    FUNCTION chained_to_itself
    .byte   1 | CHAININFO, 4, 0, 0
    .long   chained_to_itself@IMGREL
    .long   chained_to_itself_end@IMGREL
    .long   chained_to_itself_unwind@IMGREL

    FUNCTION chained_in_a_ring
    .byte   1 | CHAININFO, 4, 0, 0
    .long   chained_in_a_ring@IMGREL
    .long   chained_in_a_ring_end@IMGREL
    .long   1f@IMGREL
1:  .byte   1 | CHAININFO, 4, 0, 0
    .long   chained_in_a_ring@IMGREL
    .long   chained_in_a_ring_end@IMGREL
    .long   chained_in_a_ring_unwind@IMGREL

    FUNCTION chained_to_nowhere
    .byte   1 | CHAININFO, 4, 0, 0
    .long   chained_to_nowhere@IMGREL
    .long   chained_to_nowhere_end@IMGREL
    .long   0x7FFFFFF0

    FUNCTION allocates_too_much
    .byte   1, 4, 3, 0
    .byte   4, 0x11
    .long   0xFFFFFFF8
    .byte   0, 0

    FUNCTION allocates_the_whole_stack
    .byte   1, 4, 3, 0
    .byte   4, 0x11
    .long   0x8000
    .byte   0, 0

    FUNCTION allocates_by_odd_bytes
    .byte   1, 4, 3, 0
    .byte   4, 0x11
    .long   0x29
    .byte   0, 0

    FUNCTION frame_register_of_garbage
    .byte   1, 0, 1, 0x0B           // r11, never set up
    .byte   0, 0x03
    .byte   0, 0

    FUNCTION machine_frame_of_nothing
    .byte   1, 0, 1, 0
    .byte   0, 0x1A
    .byte   0, 0

    FUNCTION saves_outside_memory
    .byte   1, 4, 4, 0
    .byte   4, 0x35                 // SAVE_NONVOL_FAR rbx
    .long   0x7FFFFFF8
    .byte   4, 0x42

    FUNCTION handler_outside_the_image
    GOOD    EHANDLER | UHANDLER
    .long   0x7FFFFFF0

    FUNCTION handler_is_data
    GOOD    EHANDLER | UHANDLER
    .long   some_data@IMGREL

    FUNCTION handler_is_absent
    GOOD    EHANDLER | UHANDLER
    .long   0

    FUNCTION scopes_without_end
    SCOPES  scopes_without_end, 0xFFFFFFFF, 1, scopes_without_end_end@IMGREL - 1

    FUNCTION scopes_past_the_image
    SCOPES  scopes_past_the_image, 0xFFFF, 1, scopes_past_the_image_end@IMGREL - 1

    FUNCTION filter_outside_the_image
    SCOPES  filter_outside_the_image, 1, 0x7FFFFFF0, filter_outside_the_image_end@IMGREL - 1

    FUNCTION filter_is_data
    SCOPES  filter_is_data, 1, some_data@IMGREL, filter_is_data_end@IMGREL - 1

    FUNCTION filter_is_absent
    SCOPES  filter_is_absent, 1, 0, filter_is_absent_end@IMGREL - 1

    FUNCTION target_outside_the_image
    SCOPES  target_outside_the_image, 1, 1, 0x7FFFFFF0

    FUNCTION target_is_data
    SCOPES  target_is_data, 1, 1, some_data@IMGREL

    FUNCTION finally_outside_the_image
    SCOPES  finally_outside_the_image, 1, 0x7FFFFFF0, 0

    FUNCTION finally_is_data
    SCOPES  finally_is_data, 1, some_data@IMGREL, 0

    FUNCTION empty_scope_table
    SCOPES  empty_scope_table, 0, 1, 1

    .data
    .globl  some_data
some_data:
    .quad   0xC3C3C3C3C3C3C3C3
