/* SPDX-License-Identifier: MIT */
/* The macros of usermode_accessors.h as functions, so that they can be called one by one. */

#include <usermode_accessors.h>

VOID UseCopyFromUserAligned(VOID *Destination, const volatile VOID *Source, SIZE_T Length, ULONG Alignment)
{
    CopyFromUserAligned(Destination, Source, Length, Alignment);
}

VOID UseCopyFromModeAligned(
    VOID *Destination, const volatile VOID *Source, SIZE_T Length, KPROCESSOR_MODE Mode, ULONG Alignment)
{
    CopyFromModeAligned(Destination, Source, Length, Mode, Alignment);
}

#define FOR_A_STRUCTURE(Size) \
    struct structure_##Size { \
        UCHAR Bytes[Size]; \
    }; \
    VOID UseReadStructFromUser_##Size(struct structure_##Size *Destination, struct structure_##Size *Source) \
    { \
        ReadStructFromUser(Destination, Source); \
    } \
    VOID UseReadStructFromMode_##Size( \
        struct structure_##Size *Destination, struct structure_##Size *Source, KPROCESSOR_MODE Mode) \
    { \
        ReadStructFromMode(Destination, Source, Mode); \
    } \
    VOID UseReadStructFromUserAligned_##Size( \
        struct structure_##Size *Destination, struct structure_##Size *Source, ULONG Alignment) \
    { \
        ReadStructFromUserAligned(Destination, Source, Alignment); \
    } \
    VOID UseReadStructFromModeAligned_##Size( \
        struct structure_##Size *Destination, struct structure_##Size *Source, KPROCESSOR_MODE Mode, ULONG Alignment) \
    { \
        ReadStructFromModeAligned(Destination, Source, Mode, Alignment); \
    } \
    VOID UseWriteStructToUser_##Size(struct structure_##Size *Destination, struct structure_##Size *Source) \
    { \
        WriteStructToUser(Destination, Source); \
    } \
    VOID UseWriteStructToMode_##Size( \
        struct structure_##Size *Destination, struct structure_##Size *Source, KPROCESSOR_MODE Mode) \
    { \
        WriteStructToMode(Destination, Source, Mode); \
    } \
    VOID UseWriteStructToUserAligned_##Size( \
        struct structure_##Size *Destination, struct structure_##Size *Source, ULONG Alignment) \
    { \
        WriteStructToUserAligned(Destination, Source, Alignment); \
    } \
    VOID UseWriteStructToModeAligned_##Size( \
        struct structure_##Size *Destination, struct structure_##Size *Source, KPROCESSOR_MODE Mode, ULONG Alignment) \
    { \
        WriteStructToModeAligned(Destination, Source, Mode, Alignment); \
    }

/* STRUCT_SIZES of tests/conformance/accessors/cases.py. */
FOR_A_STRUCTURE(1)
FOR_A_STRUCTURE(8)
FOR_A_STRUCTURE(24)
FOR_A_STRUCTURE(100)
