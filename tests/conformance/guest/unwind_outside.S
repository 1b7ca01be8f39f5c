// SPDX-License-Identifier: MIT
// A function whose table entry names unwind data that is not in the image.

    .intel_syntax noprefix

    .text
    .globl  unwind_data_outside_the_image
unwind_data_outside_the_image:
    sub     rsp, 0x28
    movzx   eax, byte ptr [rcx]
    add     rsp, 0x28
    ret
unwind_data_outside_the_image_end:
    .section .pdata, "dr"
    .long   unwind_data_outside_the_image@IMGREL
    .long   unwind_data_outside_the_image_end@IMGREL
    .long   0x7FFFFFF0
