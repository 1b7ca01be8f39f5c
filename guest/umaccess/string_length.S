// SPDX-License-Identifier: MIT
// size_t StringLengthFromUser(const char *String);
// size_t WideStringLengthFromUser(const wchar_t *String);
//      rcx = String; the length in characters, without the terminating one, in rax. IRQL <= APC_LEVEL. The Mode forms
//      have dl = Mode.

#include "umaccess.inc"

#define ROUTINE StringLengthFromUser
#define PRIMITIVE RtlStringLengthFromUser
#define SIZE 1
#include "string_length.inc"

#define ROUTINE StringLengthFromMode
#define USER_FORM StringLengthFromUser
#define SIZE 1
#include "string_length.inc"

#define ROUTINE WideStringLengthFromUser
#define PRIMITIVE RtlWideStringLengthFromUser
#define SIZE 2
#include "string_length.inc"

#define ROUTINE WideStringLengthFromMode
#define USER_FORM WideStringLengthFromUser
#define SIZE 2
#include "string_length.inc"
