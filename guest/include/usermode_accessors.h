/* SPDX-License-Identifier: MIT */
/*
 * User-mode accessors: the functions with which kernel code reads and writes user memory. Link umaccess.lib.
 *
 * Written from the signatures that Microsoft's documentation of usermode_accessors.h gives; C11 and C++17, x64.
 *
 * What holds for every name:
 *
 *   Failure     A call returns no status. It raises a structured exception where the memory is no user memory or cannot
 *               be accessed: STATUS_ACCESS_VIOLATION, STATUS_GUARD_PAGE_VIOLATION, STATUS_IN_PAGE_ERROR, as the page
 *               is. So each call belongs inside __try/__except.
 *   Probe       The function itself checks that the whole range lies below MmUserProbeAddress, before its first access.
 *               ProbeForRead and ProbeForWrite are not needed.
 *   IRQL        <= APC_LEVEL.
 *   Accesses    All of them happen inside the call. The compiler knows none of these names: it neither leaves a call
 *               out nor adds, merges or repeats an access.
 *   Order       Relaxed, unless the name says Acquire or Release; the interlocked functions are full barriers.
 *   Alignment   Not asked for, except by the Aligned macros and the interlocked functions, which raise
 *               STATUS_DATATYPE_MISALIGNMENT.
 *
 * Three forms of one access, by the end of the name:
 *
 *   User        The pointer is one to user memory, else the function raises.
 *   Mode        The last parameter says what the pointer is: UserMode, as the User form; KernelMode, one to kernel
 *               memory, which is accessed without a check. (In umaccess_dbg.lib a user pointer with KernelMode ends in a
 *               bugcheck.) Mode is that of the driver's caller (ExGetPreviousMode), never a value from user memory.
 *   Helper,     What the macros and the functions above stand on. Drivers do not call these themselves.
 *   Rtl...
 *
 * Where the types come from: from the Windows headers where they are included already or can be found; else they are
 * declared here. Define before the inclusion:
 *
 *   UMA_OWN_TYPES        to have the types declared here, for a source that includes no Windows header at all;
 *   UMA_TYPES_DECLARED   to have none declared, for a source that gets them from other headers.
 */
#ifndef UMACCESS_USERMODE_ACCESSORS_H
#define UMACCESS_USERMODE_ACCESSORS_H

#if defined(UMA_TYPES_DECLARED) || defined(_WDMDDK_)
/* The types are there. */
#elif defined(UMA_OWN_TYPES)
#define UMA_DECLARE_TYPES
#define UMA_DECLARE_MODE
#elif !defined(__has_include)
#include <wdm.h>
#elif __has_include(<wdm.h>)
#include <wdm.h>
#elif __has_include(<ntdef.h>)
/* The headers of Windows without those of its kernel. */
#include <ntdef.h>
#define UMA_DECLARE_MODE
#else
#define UMA_DECLARE_TYPES
#define UMA_DECLARE_MODE
#endif

#if defined(UMA_DECLARE_TYPES)
#include <stddef.h>
#endif

#if defined(__cplusplus)
#define UMA_STATIC_ASSERT(Condition, Message) static_assert(Condition, Message)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define UMA_STATIC_ASSERT(Condition, Message) _Static_assert(Condition, Message)
#else
#define UMA_STATIC_ASSERT(Condition, Message) extern char (*UmaStaticAssert(void))[(Condition) ? 1 : -1]
#endif

#if defined(__cplusplus)
extern "C" {
#endif

#if defined(UMA_DECLARE_TYPES)
#undef UMA_DECLARE_TYPES
#define VOID void
typedef char CHAR;
typedef unsigned char UCHAR;
typedef UCHAR BOOLEAN;
typedef wchar_t WCHAR;
typedef short SHORT;
typedef unsigned short USHORT;
typedef long LONG;
typedef unsigned long ULONG;
typedef signed char INT8;
typedef unsigned char UINT8;
typedef signed short INT16;
typedef unsigned short UINT16;
typedef signed int INT32;
typedef unsigned int UINT32;
typedef signed long long INT64;
typedef unsigned long long UINT64;
typedef long long LONG64;
typedef unsigned long long ULONG64;
typedef long long LONGLONG;
typedef unsigned long long ULONGLONG;
typedef long long INT_PTR;
typedef unsigned long long UINT_PTR;
typedef long long LONG_PTR;
typedef unsigned long long ULONG_PTR;
typedef ULONG_PTR SIZE_T;
typedef LONG_PTR SSIZE_T;
typedef void *PVOID;
typedef PVOID HANDLE;
typedef LONG NTSTATUS;

typedef union _LARGE_INTEGER {
    struct {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    struct {
        ULONG LowPart;
        ULONG HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER;

typedef struct _UNICODE_STRING {
    USHORT Length;        /* bytes, without a terminator */
    USHORT MaximumLength; /* bytes that Buffer has room for */
    WCHAR *Buffer;
} UNICODE_STRING;
#endif

#if defined(UMA_DECLARE_MODE)
#undef UMA_DECLARE_MODE
typedef char KPROCESSOR_MODE;

typedef enum _MODE {
    KernelMode,
    UserMode,
    MaximumMode
} MODE;
#endif

UMA_STATIC_ASSERT(sizeof(void *) == 8 && sizeof(LONG) == 4, "umaccess.lib is for drivers of 64-bit Windows");
UMA_STATIC_ASSERT(sizeof(WCHAR) == 2 && sizeof(UNICODE_STRING) == 16, "these are not the types of Windows");
UMA_STATIC_ASSERT(sizeof(KPROCESSOR_MODE) == 1 && KernelMode == 0 && UserMode == 1, "these are no processor modes");

/*
 * Exception filter, for a block that accesses memory by Mode:
 *
 *     __try {
 *         ReadStructFromMode(&Request, UserRequest, Mode);
 *     } __except (UmaExceptionFilter(Mode)) {
 *         return GetExceptionCode();
 *     }
 *
 * EXCEPTION_EXECUTE_HANDLER for UserMode, EXCEPTION_CONTINUE_SEARCH for KernelMode; it looks at nothing else. So a fault
 * of a kernel pointer stays the bug that it is.
 */

/** Answers what a filter expression should: handle the exception of a user's pointer, pass on that of the kernel's. */
LONG UmaExceptionFilter(KPROCESSOR_MODE Mode);

/*
 * Values of one type
 *
 * Each call is one access of exactly the type's width, aligned or not (a misaligned one that crosses a cache line may
 * tear). Read returns the value at Source, Write stores Value at Destination. Acquire: no later access moves before the
 * read. Release: no earlier access moves behind the write.
 */

/** Reads a BOOLEAN from user memory. */
BOOLEAN ReadBooleanFromUser(const volatile BOOLEAN *Source);
/** Reads a BOOLEAN from user memory; no later access moves before it. */
BOOLEAN ReadBooleanFromUserAcquire(const volatile BOOLEAN *Source);
/** Reads a BOOLEAN from the memory that Mode says. */
BOOLEAN ReadBooleanFromMode(const volatile BOOLEAN *Source, KPROCESSOR_MODE Mode);
/** Writes a BOOLEAN to user memory. */
VOID WriteBooleanToUser(volatile BOOLEAN *Destination, BOOLEAN Value);
/** Writes a BOOLEAN to user memory; no earlier access moves behind it. */
VOID WriteBooleanToUserRelease(volatile BOOLEAN *Destination, BOOLEAN Value);
/** Writes a BOOLEAN to the memory that Mode says. */
VOID WriteBooleanToMode(volatile BOOLEAN *Destination, BOOLEAN Value, KPROCESSOR_MODE Mode);

/** Reads a CHAR from user memory. */
CHAR ReadCharFromUser(const volatile CHAR *Source);
/** Reads a CHAR from user memory; no later access moves before it. */
CHAR ReadCharFromUserAcquire(const volatile CHAR *Source);
/** Reads a CHAR from the memory that Mode says. */
CHAR ReadCharFromMode(const volatile CHAR *Source, KPROCESSOR_MODE Mode);
/** Writes a CHAR to user memory. */
VOID WriteCharToUser(volatile CHAR *Destination, CHAR Value);
/** Writes a CHAR to user memory; no earlier access moves behind it. */
VOID WriteCharToUserRelease(volatile CHAR *Destination, CHAR Value);
/** Writes a CHAR to the memory that Mode says. */
VOID WriteCharToMode(volatile CHAR *Destination, CHAR Value, KPROCESSOR_MODE Mode);

/** Reads a UCHAR from user memory. */
UCHAR ReadUCharFromUser(const volatile UCHAR *Source);
/** Reads a UCHAR from user memory; no later access moves before it. */
UCHAR ReadUCharFromUserAcquire(const volatile UCHAR *Source);
/** Reads a UCHAR from the memory that Mode says. */
UCHAR ReadUCharFromMode(const volatile UCHAR *Source, KPROCESSOR_MODE Mode);
/** Writes a UCHAR to user memory. */
VOID WriteUCharToUser(volatile UCHAR *Destination, UCHAR Value);
/** Writes a UCHAR to user memory; no earlier access moves behind it. */
VOID WriteUCharToUserRelease(volatile UCHAR *Destination, UCHAR Value);
/** Writes a UCHAR to the memory that Mode says. */
VOID WriteUCharToMode(volatile UCHAR *Destination, UCHAR Value, KPROCESSOR_MODE Mode);

/** Reads an INT8 from user memory. */
INT8 ReadInt8FromUser(const volatile INT8 *Source);
/** Reads an INT8 from user memory; no later access moves before it. */
INT8 ReadInt8FromUserAcquire(const volatile INT8 *Source);
/** Reads an INT8 from the memory that Mode says. */
INT8 ReadInt8FromMode(const volatile INT8 *Source, KPROCESSOR_MODE Mode);
/** Writes an INT8 to user memory. */
VOID WriteInt8ToUser(volatile INT8 *Destination, INT8 Value);
/** Writes an INT8 to user memory; no earlier access moves behind it. */
VOID WriteInt8ToUserRelease(volatile INT8 *Destination, INT8 Value);
/** Writes an INT8 to the memory that Mode says. */
VOID WriteInt8ToMode(volatile INT8 *Destination, INT8 Value, KPROCESSOR_MODE Mode);

/** Reads a UINT8 from user memory. */
UINT8 ReadUInt8FromUser(const volatile UINT8 *Source);
/** Reads a UINT8 from user memory; no later access moves before it. */
UINT8 ReadUInt8FromUserAcquire(const volatile UINT8 *Source);
/** Reads a UINT8 from the memory that Mode says. */
UINT8 ReadUInt8FromMode(const volatile UINT8 *Source, KPROCESSOR_MODE Mode);
/** Writes a UINT8 to user memory. */
VOID WriteUInt8ToUser(volatile UINT8 *Destination, UINT8 Value);
/** Writes a UINT8 to user memory; no earlier access moves behind it. */
VOID WriteUInt8ToUserRelease(volatile UINT8 *Destination, UINT8 Value);
/** Writes a UINT8 to the memory that Mode says. */
VOID WriteUInt8ToMode(volatile UINT8 *Destination, UINT8 Value, KPROCESSOR_MODE Mode);

/** Reads a SHORT from user memory. */
SHORT ReadShortFromUser(const volatile SHORT *Source);
/** Reads a SHORT from user memory; no later access moves before it. */
SHORT ReadShortFromUserAcquire(const volatile SHORT *Source);
/** Reads a SHORT from the memory that Mode says. */
SHORT ReadShortFromMode(const volatile SHORT *Source, KPROCESSOR_MODE Mode);
/** Writes a SHORT to user memory. */
VOID WriteShortToUser(volatile SHORT *Destination, SHORT Value);
/** Writes a SHORT to user memory; no earlier access moves behind it. */
VOID WriteShortToUserRelease(volatile SHORT *Destination, SHORT Value);
/** Writes a SHORT to the memory that Mode says. */
VOID WriteShortToMode(volatile SHORT *Destination, SHORT Value, KPROCESSOR_MODE Mode);

/** Reads a USHORT from user memory. */
USHORT ReadUShortFromUser(const volatile USHORT *Source);
/** Reads a USHORT from user memory; no later access moves before it. */
USHORT ReadUShortFromUserAcquire(const volatile USHORT *Source);
/** Reads a USHORT from the memory that Mode says. */
USHORT ReadUShortFromMode(const volatile USHORT *Source, KPROCESSOR_MODE Mode);
/** Writes a USHORT to user memory. */
VOID WriteUShortToUser(volatile USHORT *Destination, USHORT Value);
/** Writes a USHORT to user memory; no earlier access moves behind it. */
VOID WriteUShortToUserRelease(volatile USHORT *Destination, USHORT Value);
/** Writes a USHORT to the memory that Mode says. */
VOID WriteUShortToMode(volatile USHORT *Destination, USHORT Value, KPROCESSOR_MODE Mode);

/** Reads an INT16 from user memory. */
INT16 ReadInt16FromUser(const volatile INT16 *Source);
/** Reads an INT16 from user memory; no later access moves before it. */
INT16 ReadInt16FromUserAcquire(const volatile INT16 *Source);
/** Reads an INT16 from the memory that Mode says. */
INT16 ReadInt16FromMode(const volatile INT16 *Source, KPROCESSOR_MODE Mode);
/** Writes an INT16 to user memory. */
VOID WriteInt16ToUser(volatile INT16 *Destination, INT16 Value);
/** Writes an INT16 to user memory; no earlier access moves behind it. */
VOID WriteInt16ToUserRelease(volatile INT16 *Destination, INT16 Value);
/** Writes an INT16 to the memory that Mode says. */
VOID WriteInt16ToMode(volatile INT16 *Destination, INT16 Value, KPROCESSOR_MODE Mode);

/** Reads a UINT16 from user memory. */
UINT16 ReadUInt16FromUser(const volatile UINT16 *Source);
/** Reads a UINT16 from user memory; no later access moves before it. */
UINT16 ReadUInt16FromUserAcquire(const volatile UINT16 *Source);
/** Reads a UINT16 from the memory that Mode says. */
UINT16 ReadUInt16FromMode(const volatile UINT16 *Source, KPROCESSOR_MODE Mode);
/** Writes a UINT16 to user memory. */
VOID WriteUInt16ToUser(volatile UINT16 *Destination, UINT16 Value);
/** Writes a UINT16 to user memory; no earlier access moves behind it. */
VOID WriteUInt16ToUserRelease(volatile UINT16 *Destination, UINT16 Value);
/** Writes a UINT16 to the memory that Mode says. */
VOID WriteUInt16ToMode(volatile UINT16 *Destination, UINT16 Value, KPROCESSOR_MODE Mode);

/** Reads a WCHAR from user memory. */
WCHAR ReadWCharFromUser(const volatile WCHAR *Source);
/** Reads a WCHAR from user memory; no later access moves before it. */
WCHAR ReadWCharFromUserAcquire(const volatile WCHAR *Source);
/** Reads a WCHAR from the memory that Mode says. */
WCHAR ReadWCharFromMode(const volatile WCHAR *Source, KPROCESSOR_MODE Mode);
/** Writes a WCHAR to user memory. */
VOID WriteWCharToUser(volatile WCHAR *Destination, WCHAR Value);
/** Writes a WCHAR to user memory; no earlier access moves behind it. */
VOID WriteWCharToUserRelease(volatile WCHAR *Destination, WCHAR Value);
/** Writes a WCHAR to the memory that Mode says. */
VOID WriteWCharToMode(volatile WCHAR *Destination, WCHAR Value, KPROCESSOR_MODE Mode);

/** Reads a LONG from user memory. */
LONG ReadLongFromUser(const volatile LONG *Source);
/** Reads a LONG from user memory; no later access moves before it. */
LONG ReadLongFromUserAcquire(const volatile LONG *Source);
/** Reads a LONG from the memory that Mode says. */
LONG ReadLongFromMode(const volatile LONG *Source, KPROCESSOR_MODE Mode);
/** Writes a LONG to user memory. */
VOID WriteLongToUser(volatile LONG *Destination, LONG Value);
/** Writes a LONG to user memory; no earlier access moves behind it. */
VOID WriteLongToUserRelease(volatile LONG *Destination, LONG Value);
/** Writes a LONG to the memory that Mode says. */
VOID WriteLongToMode(volatile LONG *Destination, LONG Value, KPROCESSOR_MODE Mode);

/** Reads a ULONG from user memory. */
ULONG ReadULongFromUser(const volatile ULONG *Source);
/** Reads a ULONG from user memory; no later access moves before it. */
ULONG ReadULongFromUserAcquire(const volatile ULONG *Source);
/** Reads a ULONG from the memory that Mode says. */
ULONG ReadULongFromMode(const volatile ULONG *Source, KPROCESSOR_MODE Mode);
/** Writes a ULONG to user memory. */
VOID WriteULongToUser(volatile ULONG *Destination, ULONG Value);
/** Writes a ULONG to user memory; no earlier access moves behind it. */
VOID WriteULongToUserRelease(volatile ULONG *Destination, ULONG Value);
/** Writes a ULONG to the memory that Mode says. */
VOID WriteULongToMode(volatile ULONG *Destination, ULONG Value, KPROCESSOR_MODE Mode);

/** Reads an INT32 from user memory. */
INT32 ReadInt32FromUser(const volatile INT32 *Source);
/** Reads an INT32 from user memory; no later access moves before it. */
INT32 ReadInt32FromUserAcquire(const volatile INT32 *Source);
/** Reads an INT32 from the memory that Mode says. */
INT32 ReadInt32FromMode(const volatile INT32 *Source, KPROCESSOR_MODE Mode);
/** Writes an INT32 to user memory. */
VOID WriteInt32ToUser(volatile INT32 *Destination, INT32 Value);
/** Writes an INT32 to user memory; no earlier access moves behind it. */
VOID WriteInt32ToUserRelease(volatile INT32 *Destination, INT32 Value);
/** Writes an INT32 to the memory that Mode says. */
VOID WriteInt32ToMode(volatile INT32 *Destination, INT32 Value, KPROCESSOR_MODE Mode);

/** Reads a UINT32 from user memory. */
UINT32 ReadUInt32FromUser(const volatile UINT32 *Source);
/** Reads a UINT32 from user memory; no later access moves before it. */
UINT32 ReadUInt32FromUserAcquire(const volatile UINT32 *Source);
/** Reads a UINT32 from the memory that Mode says. */
UINT32 ReadUInt32FromMode(const volatile UINT32 *Source, KPROCESSOR_MODE Mode);
/** Writes a UINT32 to user memory. */
VOID WriteUInt32ToUser(volatile UINT32 *Destination, UINT32 Value);
/** Writes a UINT32 to user memory; no earlier access moves behind it. */
VOID WriteUInt32ToUserRelease(volatile UINT32 *Destination, UINT32 Value);
/** Writes a UINT32 to the memory that Mode says. */
VOID WriteUInt32ToMode(volatile UINT32 *Destination, UINT32 Value, KPROCESSOR_MODE Mode);

/** Reads an NTSTATUS from user memory. */
NTSTATUS ReadNtStatusFromUser(const volatile NTSTATUS *Source);
/** Reads an NTSTATUS from user memory; no later access moves before it. */
NTSTATUS ReadNtStatusFromUserAcquire(const volatile NTSTATUS *Source);
/** Reads an NTSTATUS from the memory that Mode says. */
NTSTATUS ReadNtStatusFromMode(const volatile NTSTATUS *Source, KPROCESSOR_MODE Mode);
/** Writes an NTSTATUS to user memory. */
VOID WriteNtStatusToUser(volatile NTSTATUS *Destination, NTSTATUS Value);
/** Writes an NTSTATUS to user memory; no earlier access moves behind it. */
VOID WriteNtStatusToUserRelease(volatile NTSTATUS *Destination, NTSTATUS Value);
/** Writes an NTSTATUS to the memory that Mode says. */
VOID WriteNtStatusToMode(volatile NTSTATUS *Destination, NTSTATUS Value, KPROCESSOR_MODE Mode);

/** Reads an INT64 from user memory. */
INT64 ReadInt64FromUser(const volatile INT64 *Source);
/** Reads an INT64 from user memory; no later access moves before it. */
INT64 ReadInt64FromUserAcquire(const volatile INT64 *Source);
/** Reads an INT64 from the memory that Mode says. */
INT64 ReadInt64FromMode(const volatile INT64 *Source, KPROCESSOR_MODE Mode);
/** Writes an INT64 to user memory. */
VOID WriteInt64ToUser(volatile INT64 *Destination, INT64 Value);
/** Writes an INT64 to user memory; no earlier access moves behind it. */
VOID WriteInt64ToUserRelease(volatile INT64 *Destination, INT64 Value);
/** Writes an INT64 to the memory that Mode says. */
VOID WriteInt64ToMode(volatile INT64 *Destination, INT64 Value, KPROCESSOR_MODE Mode);

/** Reads a UINT64 from user memory. */
UINT64 ReadUInt64FromUser(const volatile UINT64 *Source);
/** Reads a UINT64 from user memory; no later access moves before it. */
UINT64 ReadUInt64FromUserAcquire(const volatile UINT64 *Source);
/** Reads a UINT64 from the memory that Mode says. */
UINT64 ReadUInt64FromMode(const volatile UINT64 *Source, KPROCESSOR_MODE Mode);
/** Writes a UINT64 to user memory. */
VOID WriteUInt64ToUser(volatile UINT64 *Destination, UINT64 Value);
/** Writes a UINT64 to user memory; no earlier access moves behind it. */
VOID WriteUInt64ToUserRelease(volatile UINT64 *Destination, UINT64 Value);
/** Writes a UINT64 to the memory that Mode says. */
VOID WriteUInt64ToMode(volatile UINT64 *Destination, UINT64 Value, KPROCESSOR_MODE Mode);

/** Reads a LONG64 from user memory. */
LONG64 ReadLong64FromUser(const volatile LONG64 *Source);
/** Reads a LONG64 from user memory; no later access moves before it. */
LONG64 ReadLong64FromUserAcquire(const volatile LONG64 *Source);
/** Reads a LONG64 from the memory that Mode says. */
LONG64 ReadLong64FromMode(const volatile LONG64 *Source, KPROCESSOR_MODE Mode);
/** Writes a LONG64 to user memory. */
VOID WriteLong64ToUser(volatile LONG64 *Destination, LONG64 Value);
/** Writes a LONG64 to user memory; no earlier access moves behind it. */
VOID WriteLong64ToUserRelease(volatile LONG64 *Destination, LONG64 Value);
/** Writes a LONG64 to the memory that Mode says. */
VOID WriteLong64ToMode(volatile LONG64 *Destination, LONG64 Value, KPROCESSOR_MODE Mode);

/** Reads a ULONG64 from user memory. */
ULONG64 ReadULong64FromUser(const volatile ULONG64 *Source);
/** Reads a ULONG64 from user memory; no later access moves before it. */
ULONG64 ReadULong64FromUserAcquire(const volatile ULONG64 *Source);
/** Reads a ULONG64 from the memory that Mode says. */
ULONG64 ReadULong64FromMode(const volatile ULONG64 *Source, KPROCESSOR_MODE Mode);
/** Writes a ULONG64 to user memory. */
VOID WriteULong64ToUser(volatile ULONG64 *Destination, ULONG64 Value);
/** Writes a ULONG64 to user memory; no earlier access moves behind it. */
VOID WriteULong64ToUserRelease(volatile ULONG64 *Destination, ULONG64 Value);
/** Writes a ULONG64 to the memory that Mode says. */
VOID WriteULong64ToMode(volatile ULONG64 *Destination, ULONG64 Value, KPROCESSOR_MODE Mode);

/** Reads a LONGLONG from user memory. */
LONGLONG ReadLonglongFromUser(const volatile LONGLONG *Source);
/** Reads a LONGLONG from user memory; no later access moves before it. */
LONGLONG ReadLonglongFromUserAcquire(const volatile LONGLONG *Source);
/** Reads a LONGLONG from the memory that Mode says. */
LONGLONG ReadLonglongFromMode(const volatile LONGLONG *Source, KPROCESSOR_MODE Mode);
/** Writes a LONGLONG to user memory. */
VOID WriteLonglongToUser(volatile LONGLONG *Destination, LONGLONG Value);
/** Writes a LONGLONG to user memory; no earlier access moves behind it. */
VOID WriteLonglongToUserRelease(volatile LONGLONG *Destination, LONGLONG Value);
/** Writes a LONGLONG to the memory that Mode says. */
VOID WriteLonglongToMode(volatile LONGLONG *Destination, LONGLONG Value, KPROCESSOR_MODE Mode);

/** Reads a ULONGLONG from user memory. */
ULONGLONG ReadULonglongFromUser(const volatile ULONGLONG *Source);
/** Reads a ULONGLONG from user memory; no later access moves before it. */
ULONGLONG ReadULonglongFromUserAcquire(const volatile ULONGLONG *Source);
/** Reads a ULONGLONG from the memory that Mode says. */
ULONGLONG ReadULonglongFromMode(const volatile ULONGLONG *Source, KPROCESSOR_MODE Mode);
/** Writes a ULONGLONG to user memory. */
VOID WriteULonglongToUser(volatile ULONGLONG *Destination, ULONGLONG Value);
/** Writes a ULONGLONG to user memory; no earlier access moves behind it. */
VOID WriteULonglongToUserRelease(volatile ULONGLONG *Destination, ULONGLONG Value);
/** Writes a ULONGLONG to the memory that Mode says. */
VOID WriteULonglongToMode(volatile ULONGLONG *Destination, ULONGLONG Value, KPROCESSOR_MODE Mode);

/** Reads a HANDLE from user memory. */
HANDLE ReadHandleFromUser(const volatile HANDLE *Source);
/** Reads a HANDLE from user memory; no later access moves before it. */
HANDLE ReadHandleFromUserAcquire(const volatile HANDLE *Source);
/** Reads a HANDLE from the memory that Mode says. */
HANDLE ReadHandleFromMode(const volatile HANDLE *Source, KPROCESSOR_MODE Mode);
/** Writes a HANDLE to user memory. */
VOID WriteHandleToUser(volatile HANDLE *Destination, HANDLE Value);
/** Writes a HANDLE to user memory; no earlier access moves behind it. */
VOID WriteHandleToUserRelease(volatile HANDLE *Destination, HANDLE Value);
/** Writes a HANDLE to the memory that Mode says. */
VOID WriteHandleToMode(volatile HANDLE *Destination, HANDLE Value, KPROCESSOR_MODE Mode);

/** Reads a PVOID from user memory. */
PVOID ReadPointerFromUser(const volatile PVOID *Source);
/** Reads a PVOID from user memory; no later access moves before it. */
PVOID ReadPointerFromUserAcquire(const volatile PVOID *Source);
/** Reads a PVOID from the memory that Mode says. */
PVOID ReadPointerFromMode(const volatile PVOID *Source, KPROCESSOR_MODE Mode);
/** Writes a PVOID to user memory. */
VOID WritePointerToUser(volatile PVOID *Destination, PVOID Value);
/** Writes a PVOID to user memory; no earlier access moves behind it. */
VOID WritePointerToUserRelease(volatile PVOID *Destination, PVOID Value);
/** Writes a PVOID to the memory that Mode says. */
VOID WritePointerToMode(volatile PVOID *Destination, PVOID Value, KPROCESSOR_MODE Mode);

/** Reads a SIZE_T from user memory. */
SIZE_T ReadSizeTFromUser(const volatile SIZE_T *Source);
/** Reads a SIZE_T from user memory; no later access moves before it. */
SIZE_T ReadSizeTFromUserAcquire(const volatile SIZE_T *Source);
/** Reads a SIZE_T from the memory that Mode says. */
SIZE_T ReadSizeTFromMode(const volatile SIZE_T *Source, KPROCESSOR_MODE Mode);
/** Writes a SIZE_T to user memory. */
VOID WriteSizeTToUser(volatile SIZE_T *Destination, SIZE_T Value);
/** Writes a SIZE_T to user memory; no earlier access moves behind it. */
VOID WriteSizeTToUserRelease(volatile SIZE_T *Destination, SIZE_T Value);
/** Writes a SIZE_T to the memory that Mode says. */
VOID WriteSizeTToMode(volatile SIZE_T *Destination, SIZE_T Value, KPROCESSOR_MODE Mode);

/** Reads an SSIZE_T from user memory. */
SSIZE_T ReadSSizeTFromUser(const volatile SSIZE_T *Source);
/** Reads an SSIZE_T from user memory; no later access moves before it. */
SSIZE_T ReadSSizeTFromUserAcquire(const volatile SSIZE_T *Source);
/** Reads an SSIZE_T from the memory that Mode says. */
SSIZE_T ReadSSizeTFromMode(const volatile SSIZE_T *Source, KPROCESSOR_MODE Mode);
/** Writes an SSIZE_T to user memory. */
VOID WriteSSizeTToUser(volatile SSIZE_T *Destination, SSIZE_T Value);
/** Writes an SSIZE_T to user memory; no earlier access moves behind it. */
VOID WriteSSizeTToUserRelease(volatile SSIZE_T *Destination, SSIZE_T Value);
/** Writes an SSIZE_T to the memory that Mode says. */
VOID WriteSSizeTToMode(volatile SSIZE_T *Destination, SSIZE_T Value, KPROCESSOR_MODE Mode);

/** Reads an INT_PTR from user memory. */
INT_PTR ReadIntPtrFromUser(const volatile INT_PTR *Source);
/** Reads an INT_PTR from user memory; no later access moves before it. */
INT_PTR ReadIntPtrFromUserAcquire(const volatile INT_PTR *Source);
/** Reads an INT_PTR from the memory that Mode says. */
INT_PTR ReadIntPtrFromMode(const volatile INT_PTR *Source, KPROCESSOR_MODE Mode);
/** Writes an INT_PTR to user memory. */
VOID WriteIntPtrToUser(volatile INT_PTR *Destination, INT_PTR Value);
/** Writes an INT_PTR to user memory; no earlier access moves behind it. */
VOID WriteIntPtrToUserRelease(volatile INT_PTR *Destination, INT_PTR Value);
/** Writes an INT_PTR to the memory that Mode says. */
VOID WriteIntPtrToMode(volatile INT_PTR *Destination, INT_PTR Value, KPROCESSOR_MODE Mode);

/** Reads a UINT_PTR from user memory. */
UINT_PTR ReadUIntPtrFromUser(const volatile UINT_PTR *Source);
/** Reads a UINT_PTR from user memory; no later access moves before it. */
UINT_PTR ReadUIntPtrFromUserAcquire(const volatile UINT_PTR *Source);
/** Reads a UINT_PTR from the memory that Mode says. */
UINT_PTR ReadUIntPtrFromMode(const volatile UINT_PTR *Source, KPROCESSOR_MODE Mode);
/** Writes a UINT_PTR to user memory. */
VOID WriteUIntPtrToUser(volatile UINT_PTR *Destination, UINT_PTR Value);
/** Writes a UINT_PTR to user memory; no earlier access moves behind it. */
VOID WriteUIntPtrToUserRelease(volatile UINT_PTR *Destination, UINT_PTR Value);
/** Writes a UINT_PTR to the memory that Mode says. */
VOID WriteUIntPtrToMode(volatile UINT_PTR *Destination, UINT_PTR Value, KPROCESSOR_MODE Mode);

/** Reads a LONG_PTR from user memory. */
LONG_PTR ReadLongPtrFromUser(const volatile LONG_PTR *Source);
/** Reads a LONG_PTR from user memory; no later access moves before it. */
LONG_PTR ReadLongPtrFromUserAcquire(const volatile LONG_PTR *Source);
/** Reads a LONG_PTR from the memory that Mode says. */
LONG_PTR ReadLongPtrFromMode(const volatile LONG_PTR *Source, KPROCESSOR_MODE Mode);
/** Writes a LONG_PTR to user memory. */
VOID WriteLongPtrToUser(volatile LONG_PTR *Destination, LONG_PTR Value);
/** Writes a LONG_PTR to user memory; no earlier access moves behind it. */
VOID WriteLongPtrToUserRelease(volatile LONG_PTR *Destination, LONG_PTR Value);
/** Writes a LONG_PTR to the memory that Mode says. */
VOID WriteLongPtrToMode(volatile LONG_PTR *Destination, LONG_PTR Value, KPROCESSOR_MODE Mode);

/** Reads a ULONG_PTR from user memory. */
ULONG_PTR ReadULongPtrFromUser(const volatile ULONG_PTR *Source);
/** Reads a ULONG_PTR from user memory; no later access moves before it. */
ULONG_PTR ReadULongPtrFromUserAcquire(const volatile ULONG_PTR *Source);
/** Reads a ULONG_PTR from the memory that Mode says. */
ULONG_PTR ReadULongPtrFromMode(const volatile ULONG_PTR *Source, KPROCESSOR_MODE Mode);
/** Writes a ULONG_PTR to user memory. */
VOID WriteULongPtrToUser(volatile ULONG_PTR *Destination, ULONG_PTR Value);
/** Writes a ULONG_PTR to user memory; no earlier access moves behind it. */
VOID WriteULongPtrToUserRelease(volatile ULONG_PTR *Destination, ULONG_PTR Value);
/** Writes a ULONG_PTR to the memory that Mode says. */
VOID WriteULongPtrToMode(volatile ULONG_PTR *Destination, ULONG_PTR Value, KPROCESSOR_MODE Mode);

/*
 * LARGE_INTEGER, ULARGE_INTEGER and UNICODE_STRING
 *
 * The integers are one access of 8 bytes; the 16 bytes of a UNICODE_STRING are copied as a range is, and only these: the
 * Buffer in it stays a user pointer, and Length and MaximumLength are what the user wrote. Check the three, then copy
 * the characters with CopyFromUser.
 */

/** Reads a LARGE_INTEGER from user memory. */
LARGE_INTEGER ReadLargeIntegerFromUser(const volatile LARGE_INTEGER *Source);
/** Reads a LARGE_INTEGER from the memory that Mode says. */
LARGE_INTEGER ReadLargeIntegerFromMode(const volatile LARGE_INTEGER *Source, KPROCESSOR_MODE Mode);
/** Writes a LARGE_INTEGER to user memory. */
VOID WriteLargeIntegerToUser(volatile LARGE_INTEGER *Destination, LARGE_INTEGER Value);
/** Writes a LARGE_INTEGER to the memory that Mode says. */
VOID WriteLargeIntegerToMode(volatile LARGE_INTEGER *Destination, LARGE_INTEGER Value, KPROCESSOR_MODE Mode);

/** Reads a ULARGE_INTEGER from user memory. */
ULARGE_INTEGER ReadULargeIntegerFromUser(const volatile ULARGE_INTEGER *Source);
/** Reads a ULARGE_INTEGER from the memory that Mode says. */
ULARGE_INTEGER ReadULargeIntegerFromMode(const volatile ULARGE_INTEGER *Source, KPROCESSOR_MODE Mode);
/** Writes a ULARGE_INTEGER to user memory. */
VOID WriteULargeIntegerToUser(volatile ULARGE_INTEGER *Destination, ULARGE_INTEGER Value);
/** Writes a ULARGE_INTEGER to the memory that Mode says. */
VOID WriteULargeIntegerToMode(volatile ULARGE_INTEGER *Destination, ULARGE_INTEGER Value, KPROCESSOR_MODE Mode);

/** Reads a UNICODE_STRING descriptor from user memory. */
UNICODE_STRING ReadUnicodeStringFromUser(const volatile UNICODE_STRING *Source);
/** Reads a UNICODE_STRING descriptor from the memory that Mode says. */
UNICODE_STRING ReadUnicodeStringFromMode(const UNICODE_STRING *Source, KPROCESSOR_MODE Mode);
/** Writes a UNICODE_STRING descriptor to user memory. */
VOID WriteUnicodeStringToUser(volatile UNICODE_STRING *Destination, UNICODE_STRING Value);
/** Writes a UNICODE_STRING descriptor to the memory that Mode says. */
VOID WriteUnicodeStringToMode(UNICODE_STRING *Destination, UNICODE_STRING Value, KPROCESSOR_MODE Mode);

/*
 * What the macros below are made of. Each of them is a statement, not an expression, and evaluates every argument once.
 */

#if defined(__GNUC__) || defined(__clang__)
#if defined(__cplusplus)
#define UMA_HOLDS_IF_CONSTANT(Value, Condition) (__builtin_constant_p(Value) ? (Condition) : 1)
#else
#define UMA_HOLDS_IF_CONSTANT(Value, Condition) __builtin_choose_expr(__builtin_constant_p(Value), (Condition), 1)
#endif
#define UMA_CHECK_ALIGNMENT(Alignment) \
    UMA_STATIC_ASSERT(UMA_HOLDS_IF_CONSTANT(Alignment, (Alignment) > 0 && ((Alignment) & ((Alignment) - 1)) == 0), \
                      "Alignment must be a power of two")
#define UMA_CHECK_MODE(Mode) \
    UMA_STATIC_ASSERT(UMA_HOLDS_IF_CONSTANT(Mode, (Mode) == KernelMode || (Mode) == UserMode), \
                      "Mode must be KernelMode or UserMode; it stands before Alignment")
#else
#define UMA_CHECK_ALIGNMENT(Alignment) ((VOID)0)
#define UMA_CHECK_MODE(Mode) ((VOID)0)
#endif

#if !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
/* GNU C calculates with pointers to void. */
#define UMA_POINTS_TO_VOID(Pointer) \
    _Generic((Pointer), VOID *: 1, const VOID *: 1, volatile VOID *: 1, const volatile VOID *: 1, default: 0)
#else
#define UMA_POINTS_TO_VOID(Pointer) 0
#endif

/* Only pointers to one complete type, qualifiers aside, can be subtracted. */
#define UMA_CHECK_TYPES(Destination, Source) \
    UMA_STATIC_ASSERT(sizeof((Destination) - (Source)) != 0 && !UMA_POINTS_TO_VOID(Destination), \
                      "Destination and Source must point to the same complete type")

#if defined(NTKERNELAPI)
NTKERNELAPI __declspec(noreturn) VOID ExRaiseDatatypeMisalignment(VOID);
#else
__declspec(dllimport) __declspec(noreturn) VOID ExRaiseDatatypeMisalignment(VOID);
#endif

static inline VOID UmaProbeAlignment(const volatile VOID *Address, SIZE_T Length, SIZE_T Alignment)
{
    if (Length != 0 && ((ULONG_PTR)Address & (Alignment - 1)) != 0) {
        ExRaiseDatatypeMisalignment();
    }
}

static inline VOID UmaProbeModeAlignment(
    const volatile VOID *Address, SIZE_T Length, KPROCESSOR_MODE Mode, SIZE_T Alignment)
{
    if (Mode != KernelMode) {
        UmaProbeAlignment(Address, Length, Alignment);
    }
}

/*
 * Ranges of bytes
 *
 * Length bytes from Source to Destination; the ranges must not overlap, except for MoveToUserFromUser. A byte may be
 * accessed more than once during the call: what was captured is what lies in Destination, and nothing else. After an
 * exception, bytes before the one that faulted may have been written. A Length of 0 accesses and checks nothing.
 *
 * NonTemporal: by stores that go past the cache, and that are done when the call returns.
 *
 * Aligned: raises STATUS_DATATYPE_MISALIGNMENT where Source is no multiple of Alignment, a power of two (clang and GCC
 * check a constant one as they compile); CopyFromModeAligned only where Mode is not KernelMode.
 */

/** Copies from user memory to kernel memory. */
VOID CopyFromUser(VOID *Destination, const volatile VOID *Source, SIZE_T Length);
/** Copies from user memory to kernel memory with stores that go past the cache. */
VOID CopyFromUserNonTemporal(VOID *Destination, const volatile VOID *Source, SIZE_T Length);
/** Probes the source's alignment, then copies from user memory to kernel memory. */
#define CopyFromUserAligned(Destination, Source, Length, Alignment) \
    do { \
        const volatile VOID *UmaSource = (Source); \
        SIZE_T UmaLength = (Length); \
        UMA_CHECK_ALIGNMENT(Alignment); \
        UmaProbeAlignment(UmaSource, UmaLength, (Alignment)); \
        CopyFromUser((Destination), UmaSource, UmaLength); \
    } while (0)
/** Copies to kernel memory from the memory that Mode says. */
VOID CopyFromMode(VOID *Destination, const volatile VOID *Source, SIZE_T Length, KPROCESSOR_MODE Mode);
/** Copies to kernel memory from the memory that Mode says with stores that go past the cache. */
VOID CopyFromModeNonTemporal(VOID *Destination, const volatile VOID *Source, SIZE_T Length, KPROCESSOR_MODE Mode);
/** Probes the source's alignment unless Mode is KernelMode, then copies from the memory that Mode says. */
#define CopyFromModeAligned(Destination, Source, Length, Mode, Alignment) \
    do { \
        const volatile VOID *UmaSource = (Source); \
        SIZE_T UmaLength = (Length); \
        KPROCESSOR_MODE UmaMode = (Mode); \
        UMA_CHECK_MODE(Mode); \
        UMA_CHECK_ALIGNMENT(Alignment); \
        UmaProbeModeAlignment(UmaSource, UmaLength, UmaMode, (Alignment)); \
        CopyFromMode((Destination), UmaSource, UmaLength, UmaMode); \
    } while (0)
/** Copies from kernel memory to user memory. */
VOID CopyToUser(volatile VOID *Destination, const VOID *Source, SIZE_T Length);
/** Copies from kernel memory to user memory with stores that go past the cache. */
VOID CopyToUserNonTemporal(volatile VOID *Destination, const VOID *Source, SIZE_T Length);
/** Copies from kernel memory to the memory that Mode says. */
VOID CopyToMode(volatile VOID *Destination, const VOID *Source, SIZE_T Length, KPROCESSOR_MODE Mode);
/** Copies from kernel memory to the memory that Mode says with stores that go past the cache. */
VOID CopyToModeNonTemporal(volatile VOID *Destination, const VOID *Source, SIZE_T Length, KPROCESSOR_MODE Mode);
/** Copies from user memory to the memory that Mode says. */
VOID CopyFromUserToMode(volatile VOID *Destination, const volatile VOID *Source, SIZE_T Length, KPROCESSOR_MODE Mode);
/** Copies from user memory to user memory. */
VOID CopyToUserFromUser(volatile VOID *Destination, const volatile VOID *Source, SIZE_T Length);
/** Copies from user memory to user memory, also where the ranges overlap. */
VOID MoveToUserFromUser(volatile VOID *Destination, const volatile VOID *Source, SIZE_T Length);

/*
 * Filling
 *
 * Mind the order of the arguments: FillUserMemory takes Length, Fill, as RtlFillMemory does; SetUserMemory takes Fill,
 * Length, as memset does.
 */

/** Fills user memory with a byte. */
VOID FillUserMemory(volatile VOID *Destination, SIZE_T Length, UCHAR Fill);
/** Fills the memory that Mode says with a byte. */
VOID FillModeMemory(volatile VOID *Destination, SIZE_T Length, UCHAR Fill, KPROCESSOR_MODE Mode);
/** Fills user memory with a byte. */
VOID SetUserMemory(volatile VOID *Destination, UCHAR Fill, SIZE_T Length);
/** Fills the memory that Mode says with a byte. */
VOID SetModeMemory(volatile VOID *Destination, UCHAR Fill, SIZE_T Length, KPROCESSOR_MODE Mode);
/** Fills user memory with zeros. */
VOID ZeroUserMemory(volatile VOID *Destination, SIZE_T Length);
/** Fills the memory that Mode says with zeros. */
VOID ZeroModeMemory(volatile VOID *Destination, SIZE_T Length, KPROCESSOR_MODE Mode);

/*
 * Interlocked operations
 *
 * Each is atomic and a full barrier, and returns the value from before it. Destination must be aligned to its size, else
 * STATUS_DATATYPE_MISALIGNMENT; it must be writable, also where nothing is to be exchanged.
 */

/** Ands a value into a LONG in user memory, atomically. */
LONG InterlockedAndToUser(LONG volatile *Destination, LONG Value);
/** Ands a value into a LONG in the memory that Mode says, atomically. */
LONG InterlockedAndToMode(LONG volatile *Destination, LONG Value, KPROCESSOR_MODE Mode);
/** Ands a value into a LONG64 in user memory, atomically. */
LONG64 InterlockedAnd64ToUser(LONG64 volatile *Destination, LONG64 Value);
/** Ands a value into a LONG64 in the memory that Mode says, atomically. */
LONG64 InterlockedAnd64ToMode(LONG64 volatile *Destination, LONG64 Value, KPROCESSOR_MODE Mode);
/** Ors a value into a LONG in user memory, atomically. */
LONG InterlockedOrToUser(LONG volatile *Destination, LONG Value);
/** Ors a value into a LONG in the memory that Mode says, atomically. */
LONG InterlockedOrToMode(LONG volatile *Destination, LONG Value, KPROCESSOR_MODE Mode);
/** Ors a value into a LONG64 in user memory, atomically. */
LONG64 InterlockedOr64ToUser(LONG64 volatile *Destination, LONG64 Value);
/** Ors a value into a LONG64 in the memory that Mode says, atomically. */
LONG64 InterlockedOr64ToMode(LONG64 volatile *Destination, LONG64 Value, KPROCESSOR_MODE Mode);
/** Replaces a LONG in user memory where it equals the comperand, atomically. */
LONG InterlockedCompareExchangeToUser(LONG volatile *Destination, LONG ExChange, LONG Comperand);
/** Replaces a LONG in the memory that Mode says where it equals the comperand, atomically. */
LONG InterlockedCompareExchangeToMode(LONG volatile *Destination, LONG ExChange, LONG Comperand, KPROCESSOR_MODE Mode);
/** Replaces a LONG64 in user memory where it equals the comperand, atomically. */
LONG64 InterlockedCompareExchange64ToUser(LONG64 volatile *Destination, LONG64 ExChange, LONG64 Comperand);
/** Replaces a LONG64 in the memory that Mode says where it equals the comperand, atomically. */
LONG64 InterlockedCompareExchange64ToMode(
    LONG64 volatile *Destination, LONG64 ExChange, LONG64 Comperand, KPROCESSOR_MODE Mode);

/*
 * Lengths of strings
 *
 * Characters up to the terminator, which is not counted. There is no maximum: the scan ends at the terminator, or raises.
 * The string may change afterwards: copy by the returned length, and terminate the copy.
 */

/** Counts the characters of a string in user memory. */
SIZE_T StringLengthFromUser(const CHAR *String);
/** Counts the characters of a string in the memory that Mode says. */
SIZE_T StringLengthFromMode(volatile const CHAR *String, KPROCESSOR_MODE Mode);
/** Counts the wide characters of a string in user memory. */
SIZE_T WideStringLengthFromUser(const WCHAR *String);
/** Counts the wide characters of a string in the memory that Mode says. */
SIZE_T WideStringLengthFromMode(volatile const WCHAR *String, KPROCESSOR_MODE Mode);

/*
 * Structures
 *
 * Destination and Source point to the same type, qualifiers aside, and the type is complete; its size is what is copied.
 * Any other pair does not compile (Microsoft's compiler may give warning C4133 instead in C: make it an error). Else as
 * the copies of ranges: to read a structure with these is to capture it, once. No macro has a value.
 *
 * Aligned: as CopyFromUserAligned, of the structure on the user's side.
 */

/** Reads the bytes of a structure from user memory: what ReadStructFromUser calls. */
VOID ReadStructFromUserHelper(VOID *Destination, const volatile VOID *Source, SIZE_T Size);
/** Reads the bytes of a structure from the memory that Mode says: what ReadStructFromMode calls. */
VOID ReadStructFromModeHelper(VOID *Destination, const volatile VOID *Source, SIZE_T Size, KPROCESSOR_MODE Mode);
/** Writes the bytes of a structure to user memory: what WriteStructToUser calls. */
VOID WriteStructToUserHelper(volatile VOID *Destination, const VOID *Source, SIZE_T Size);
/** Writes the bytes of a structure to the memory that Mode says: what WriteStructToMode calls. */
VOID WriteStructToModeHelper(volatile VOID *Destination, const VOID *Source, SIZE_T Size, KPROCESSOR_MODE Mode);

/** Reads a structure from user memory. */
#define ReadStructFromUser(Destination, Source) \
    do { \
        UMA_CHECK_TYPES(Destination, Source); \
        ReadStructFromUserHelper((Destination), (Source), sizeof(*(Destination))); \
    } while (0)

/** Probes the source's alignment, then reads a structure from user memory. */
#define ReadStructFromUserAligned(Destination, Source, Alignment) \
    do { \
        const volatile VOID *UmaSource = (Source); \
        UMA_CHECK_TYPES(Destination, Source); \
        UMA_CHECK_ALIGNMENT(Alignment); \
        UmaProbeAlignment(UmaSource, sizeof(*(Destination)), (Alignment)); \
        ReadStructFromUserHelper((Destination), UmaSource, sizeof(*(Destination))); \
    } while (0)

/** Reads a structure from the memory that Mode says. */
#define ReadStructFromMode(Destination, Source, Mode) \
    do { \
        UMA_CHECK_TYPES(Destination, Source); \
        ReadStructFromModeHelper((Destination), (Source), sizeof(*(Destination)), (Mode)); \
    } while (0)

/** Probes the source's alignment unless Mode is KernelMode, then reads a structure from the memory that Mode says. */
#define ReadStructFromModeAligned(Destination, Source, Mode, Alignment) \
    do { \
        const volatile VOID *UmaSource = (Source); \
        KPROCESSOR_MODE UmaMode = (Mode); \
        UMA_CHECK_TYPES(Destination, Source); \
        UMA_CHECK_MODE(Mode); \
        UMA_CHECK_ALIGNMENT(Alignment); \
        UmaProbeModeAlignment(UmaSource, sizeof(*(Destination)), UmaMode, (Alignment)); \
        ReadStructFromModeHelper((Destination), UmaSource, sizeof(*(Destination)), UmaMode); \
    } while (0)

/** Writes a structure to user memory. */
#define WriteStructToUser(Destination, Source) \
    do { \
        UMA_CHECK_TYPES(Destination, Source); \
        WriteStructToUserHelper((Destination), (Source), sizeof(*(Destination))); \
    } while (0)

/** Probes the destination's alignment, then writes a structure to user memory. */
#define WriteStructToUserAligned(Destination, Source, Alignment) \
    do { \
        volatile VOID *UmaDestination = (Destination); \
        UMA_CHECK_TYPES(Destination, Source); \
        UMA_CHECK_ALIGNMENT(Alignment); \
        UmaProbeAlignment(UmaDestination, sizeof(*(Destination)), (Alignment)); \
        WriteStructToUserHelper(UmaDestination, (Source), sizeof(*(Destination))); \
    } while (0)

/** Writes a structure to the memory that Mode says. */
#define WriteStructToMode(Destination, Source, Mode) \
    do { \
        UMA_CHECK_TYPES(Destination, Source); \
        WriteStructToModeHelper((Destination), (Source), sizeof(*(Destination)), (Mode)); \
    } while (0)

/**
 * Probes the destination's alignment unless Mode is KernelMode, then writes a structure to the memory that Mode says.
 */
#define WriteStructToModeAligned(Destination, Source, Mode, Alignment) \
    do { \
        volatile VOID *UmaDestination = (Destination); \
        KPROCESSOR_MODE UmaMode = (Mode); \
        UMA_CHECK_TYPES(Destination, Source); \
        UMA_CHECK_MODE(Mode); \
        UMA_CHECK_ALIGNMENT(Alignment); \
        UmaProbeModeAlignment(UmaDestination, sizeof(*(Destination)), UmaMode, (Alignment)); \
        WriteStructToModeHelper(UmaDestination, (Source), sizeof(*(Destination)), UmaMode); \
    } while (0)

/*
 * Primitives
 *
 * What the others stand on. A kernel may have these itself (all of them, or none): the library then calls the kernel's.
 * Drivers use the names above; these are for those who write or test such a library.
 */

/** Copies from user memory to kernel memory. */
VOID RtlCopyFromUser(volatile VOID *Destination, const volatile VOID *Source, SIZE_T Length);
/** Copies from user memory to kernel memory with stores that go past the cache. */
VOID RtlCopyFromUserNonTemporal(volatile VOID *Destination, const volatile VOID *Source, SIZE_T Length);
/** Copies from kernel memory to user memory. */
VOID RtlCopyToUser(volatile VOID *Destination, const volatile VOID *Source, SIZE_T Length);
/** Copies from kernel memory to user memory with stores that go past the cache. */
VOID RtlCopyToUserNonTemporal(volatile VOID *Destination, const volatile VOID *Source, SIZE_T Length);
/** Copies from user memory to user memory. */
VOID RtlCopyToUserFromUser(volatile VOID *Destination, const volatile VOID *Source, SIZE_T Length);
/** Copies from user memory to user memory, also where the ranges overlap. */
VOID RtlMoveToUserFromUser(volatile VOID *Destination, const volatile VOID *Source, SIZE_T Length);
/** Fills user memory with a byte. */
VOID RtlSetUserMemory(volatile VOID *Destination, UCHAR Fill, SIZE_T Length);
/** Reads a UCHAR from user memory. */
UCHAR RtlReadUCharFromUser(const volatile UCHAR *Address);
/** Reads a UCHAR from user memory; no later access moves before it. */
UCHAR RtlReadUCharFromUserAcquire(const volatile UCHAR *Address);
/** Writes a UCHAR to user memory. */
VOID RtlWriteUCharToUser(volatile UCHAR *Address, UCHAR Value);
/** Writes a UCHAR to user memory; no earlier access moves behind it. */
VOID RtlWriteUCharToUserRelease(volatile UCHAR *Address, UCHAR Value);
/** Reads a USHORT from user memory. */
USHORT RtlReadUShortFromUser(const volatile USHORT *Address);
/** Reads a USHORT from user memory; no later access moves before it. */
USHORT RtlReadUShortFromUserAcquire(const volatile USHORT *Address);
/** Writes a USHORT to user memory. */
VOID RtlWriteUShortToUser(volatile USHORT *Address, USHORT Value);
/** Writes a USHORT to user memory; no earlier access moves behind it. */
VOID RtlWriteUShortToUserRelease(volatile USHORT *Address, USHORT Value);
/** Reads a ULONG from user memory. */
ULONG RtlReadULongFromUser(const volatile ULONG *Address);
/** Reads a ULONG from user memory; no later access moves before it. */
ULONG RtlReadULongFromUserAcquire(const volatile ULONG *Address);
/** Writes a ULONG to user memory. */
VOID RtlWriteULongToUser(volatile ULONG *Address, ULONG Value);
/** Writes a ULONG to user memory; no earlier access moves behind it. */
VOID RtlWriteULongToUserRelease(volatile ULONG *Address, ULONG Value);
/** Reads a ULONG64 from user memory. */
ULONG64 RtlReadULong64FromUser(const volatile ULONG64 *Address);
/** Reads a ULONG64 from user memory; no later access moves before it. */
ULONG64 RtlReadULong64FromUserAcquire(const volatile ULONG64 *Address);
/** Writes a ULONG64 to user memory. */
VOID RtlWriteULong64ToUser(volatile ULONG64 *Address, ULONG64 Value);
/** Writes a ULONG64 to user memory; no earlier access moves behind it. */
VOID RtlWriteULong64ToUserRelease(volatile ULONG64 *Address, ULONG64 Value);
/** Ands a value into a LONG in user memory, atomically. */
LONG RtlInterlockedAnd32ToUser(LONG volatile *Destination, LONG Value);
/** Ands a value into a LONG64 in user memory, atomically. */
LONG64 RtlInterlockedAnd64ToUser(LONG64 volatile *Destination, LONG64 Value);
/** Ors a value into a LONG in user memory, atomically. */
LONG RtlInterlockedOr32ToUser(LONG volatile *Destination, LONG Value);
/** Ors a value into a LONG64 in user memory, atomically. */
LONG64 RtlInterlockedOr64ToUser(LONG64 volatile *Destination, LONG64 Value);
/** Replaces a LONG in user memory where it equals the comperand, atomically. */
LONG RtlInterlockedCompareExchange32ToUser(LONG volatile *Destination, LONG ExChange, LONG Comperand);
/** Replaces a LONG64 in user memory where it equals the comperand, atomically. */
LONG64 RtlInterlockedCompareExchange64ToUser(LONG64 volatile *Destination, LONG64 ExChange, LONG64 Comperand);
/** Counts the characters of a string in user memory. */
SIZE_T RtlStringLengthFromUser(const volatile char *String);
/** Counts the wide characters of a string in user memory. */
SIZE_T RtlWideStringLengthFromUser(const volatile wchar_t *String);
/** Stops the machine where a pointer is a user address: what a DBG build's Mode forms call with KernelMode. */
VOID RtlFastFailIfUserPointer(const void *Pointer);

#if defined(__cplusplus)
}
#endif

#endif
