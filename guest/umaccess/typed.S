// SPDX-License-Identifier: MIT
// The typed accessors of the library:
//      T ReadTFromUser(const volatile T *Source);                  rcx; the value in rax, zero-extended
//      void WriteTToUser(volatile T *Destination, T Value);        rcx, rdx
// The Mode forms have the mode behind these. IRQL <= APC_LEVEL.

#include "umaccess.inc"
#include "typed.inc"

    READ       ReadBooleanFromUser, RtlReadUCharFromUser, 1
    READ       ReadBooleanFromUserAcquire, RtlReadUCharFromUserAcquire, 1
    READ_MODE  ReadBooleanFromMode, ReadBooleanFromUser, 1
    WRITE      WriteBooleanToUser, RtlWriteUCharToUser, 1
    WRITE      WriteBooleanToUserRelease, RtlWriteUCharToUserRelease, 1
    WRITE_MODE WriteBooleanToMode, WriteBooleanToUser, 1

    READ       ReadCharFromUser, RtlReadUCharFromUser, 1
    READ       ReadCharFromUserAcquire, RtlReadUCharFromUserAcquire, 1
    READ_MODE  ReadCharFromMode, ReadCharFromUser, 1
    WRITE      WriteCharToUser, RtlWriteUCharToUser, 1
    WRITE      WriteCharToUserRelease, RtlWriteUCharToUserRelease, 1
    WRITE_MODE WriteCharToMode, WriteCharToUser, 1

    READ       ReadUCharFromUser, RtlReadUCharFromUser, 1
    READ       ReadUCharFromUserAcquire, RtlReadUCharFromUserAcquire, 1
    READ_MODE  ReadUCharFromMode, ReadUCharFromUser, 1
    WRITE      WriteUCharToUser, RtlWriteUCharToUser, 1
    WRITE      WriteUCharToUserRelease, RtlWriteUCharToUserRelease, 1
    WRITE_MODE WriteUCharToMode, WriteUCharToUser, 1

    READ       ReadInt8FromUser, RtlReadUCharFromUser, 1
    READ       ReadInt8FromUserAcquire, RtlReadUCharFromUserAcquire, 1
    READ_MODE  ReadInt8FromMode, ReadInt8FromUser, 1
    WRITE      WriteInt8ToUser, RtlWriteUCharToUser, 1
    WRITE      WriteInt8ToUserRelease, RtlWriteUCharToUserRelease, 1
    WRITE_MODE WriteInt8ToMode, WriteInt8ToUser, 1

    READ       ReadUInt8FromUser, RtlReadUCharFromUser, 1
    READ       ReadUInt8FromUserAcquire, RtlReadUCharFromUserAcquire, 1
    READ_MODE  ReadUInt8FromMode, ReadUInt8FromUser, 1
    WRITE      WriteUInt8ToUser, RtlWriteUCharToUser, 1
    WRITE      WriteUInt8ToUserRelease, RtlWriteUCharToUserRelease, 1
    WRITE_MODE WriteUInt8ToMode, WriteUInt8ToUser, 1

    READ       ReadShortFromUser, RtlReadUShortFromUser, 2
    READ       ReadShortFromUserAcquire, RtlReadUShortFromUserAcquire, 2
    READ_MODE  ReadShortFromMode, ReadShortFromUser, 2
    WRITE      WriteShortToUser, RtlWriteUShortToUser, 2
    WRITE      WriteShortToUserRelease, RtlWriteUShortToUserRelease, 2
    WRITE_MODE WriteShortToMode, WriteShortToUser, 2

    READ       ReadUShortFromUser, RtlReadUShortFromUser, 2
    READ       ReadUShortFromUserAcquire, RtlReadUShortFromUserAcquire, 2
    READ_MODE  ReadUShortFromMode, ReadUShortFromUser, 2
    WRITE      WriteUShortToUser, RtlWriteUShortToUser, 2
    WRITE      WriteUShortToUserRelease, RtlWriteUShortToUserRelease, 2
    WRITE_MODE WriteUShortToMode, WriteUShortToUser, 2

    READ       ReadInt16FromUser, RtlReadUShortFromUser, 2
    READ       ReadInt16FromUserAcquire, RtlReadUShortFromUserAcquire, 2
    READ_MODE  ReadInt16FromMode, ReadInt16FromUser, 2
    WRITE      WriteInt16ToUser, RtlWriteUShortToUser, 2
    WRITE      WriteInt16ToUserRelease, RtlWriteUShortToUserRelease, 2
    WRITE_MODE WriteInt16ToMode, WriteInt16ToUser, 2

    READ       ReadUInt16FromUser, RtlReadUShortFromUser, 2
    READ       ReadUInt16FromUserAcquire, RtlReadUShortFromUserAcquire, 2
    READ_MODE  ReadUInt16FromMode, ReadUInt16FromUser, 2
    WRITE      WriteUInt16ToUser, RtlWriteUShortToUser, 2
    WRITE      WriteUInt16ToUserRelease, RtlWriteUShortToUserRelease, 2
    WRITE_MODE WriteUInt16ToMode, WriteUInt16ToUser, 2

    READ       ReadWCharFromUser, RtlReadUShortFromUser, 2
    READ       ReadWCharFromUserAcquire, RtlReadUShortFromUserAcquire, 2
    READ_MODE  ReadWCharFromMode, ReadWCharFromUser, 2
    WRITE      WriteWCharToUser, RtlWriteUShortToUser, 2
    WRITE      WriteWCharToUserRelease, RtlWriteUShortToUserRelease, 2
    WRITE_MODE WriteWCharToMode, WriteWCharToUser, 2

    READ       ReadLongFromUser, RtlReadULongFromUser, 4
    READ       ReadLongFromUserAcquire, RtlReadULongFromUserAcquire, 4
    READ_MODE  ReadLongFromMode, ReadLongFromUser, 4
    WRITE      WriteLongToUser, RtlWriteULongToUser, 4
    WRITE      WriteLongToUserRelease, RtlWriteULongToUserRelease, 4
    WRITE_MODE WriteLongToMode, WriteLongToUser, 4

    READ       ReadULongFromUser, RtlReadULongFromUser, 4
    READ       ReadULongFromUserAcquire, RtlReadULongFromUserAcquire, 4
    READ_MODE  ReadULongFromMode, ReadULongFromUser, 4
    WRITE      WriteULongToUser, RtlWriteULongToUser, 4
    WRITE      WriteULongToUserRelease, RtlWriteULongToUserRelease, 4
    WRITE_MODE WriteULongToMode, WriteULongToUser, 4

    READ       ReadInt32FromUser, RtlReadULongFromUser, 4
    READ       ReadInt32FromUserAcquire, RtlReadULongFromUserAcquire, 4
    READ_MODE  ReadInt32FromMode, ReadInt32FromUser, 4
    WRITE      WriteInt32ToUser, RtlWriteULongToUser, 4
    WRITE      WriteInt32ToUserRelease, RtlWriteULongToUserRelease, 4
    WRITE_MODE WriteInt32ToMode, WriteInt32ToUser, 4

    READ       ReadUInt32FromUser, RtlReadULongFromUser, 4
    READ       ReadUInt32FromUserAcquire, RtlReadULongFromUserAcquire, 4
    READ_MODE  ReadUInt32FromMode, ReadUInt32FromUser, 4
    WRITE      WriteUInt32ToUser, RtlWriteULongToUser, 4
    WRITE      WriteUInt32ToUserRelease, RtlWriteULongToUserRelease, 4
    WRITE_MODE WriteUInt32ToMode, WriteUInt32ToUser, 4

    READ       ReadNtStatusFromUser, RtlReadULongFromUser, 4
    READ       ReadNtStatusFromUserAcquire, RtlReadULongFromUserAcquire, 4
    READ_MODE  ReadNtStatusFromMode, ReadNtStatusFromUser, 4
    WRITE      WriteNtStatusToUser, RtlWriteULongToUser, 4
    WRITE      WriteNtStatusToUserRelease, RtlWriteULongToUserRelease, 4
    WRITE_MODE WriteNtStatusToMode, WriteNtStatusToUser, 4

    READ       ReadInt64FromUser, RtlReadULong64FromUser, 8
    READ       ReadInt64FromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadInt64FromMode, ReadInt64FromUser, 8
    WRITE      WriteInt64ToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteInt64ToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteInt64ToMode, WriteInt64ToUser, 8

    READ       ReadUInt64FromUser, RtlReadULong64FromUser, 8
    READ       ReadUInt64FromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadUInt64FromMode, ReadUInt64FromUser, 8
    WRITE      WriteUInt64ToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteUInt64ToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteUInt64ToMode, WriteUInt64ToUser, 8

    READ       ReadLong64FromUser, RtlReadULong64FromUser, 8
    READ       ReadLong64FromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadLong64FromMode, ReadLong64FromUser, 8
    WRITE      WriteLong64ToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteLong64ToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteLong64ToMode, WriteLong64ToUser, 8

    READ       ReadULong64FromUser, RtlReadULong64FromUser, 8
    READ       ReadULong64FromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadULong64FromMode, ReadULong64FromUser, 8
    WRITE      WriteULong64ToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteULong64ToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteULong64ToMode, WriteULong64ToUser, 8

    READ       ReadLonglongFromUser, RtlReadULong64FromUser, 8
    READ       ReadLonglongFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadLonglongFromMode, ReadLonglongFromUser, 8
    WRITE      WriteLonglongToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteLonglongToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteLonglongToMode, WriteLonglongToUser, 8

    READ       ReadULonglongFromUser, RtlReadULong64FromUser, 8
    READ       ReadULonglongFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadULonglongFromMode, ReadULonglongFromUser, 8
    WRITE      WriteULonglongToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteULonglongToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteULonglongToMode, WriteULonglongToUser, 8

    READ       ReadHandleFromUser, RtlReadULong64FromUser, 8
    READ       ReadHandleFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadHandleFromMode, ReadHandleFromUser, 8
    WRITE      WriteHandleToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteHandleToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteHandleToMode, WriteHandleToUser, 8

    READ       ReadPointerFromUser, RtlReadULong64FromUser, 8
    READ       ReadPointerFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadPointerFromMode, ReadPointerFromUser, 8
    WRITE      WritePointerToUser, RtlWriteULong64ToUser, 8
    WRITE      WritePointerToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WritePointerToMode, WritePointerToUser, 8

    READ       ReadSizeTFromUser, RtlReadULong64FromUser, 8
    READ       ReadSizeTFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadSizeTFromMode, ReadSizeTFromUser, 8
    WRITE      WriteSizeTToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteSizeTToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteSizeTToMode, WriteSizeTToUser, 8

    READ       ReadSSizeTFromUser, RtlReadULong64FromUser, 8
    READ       ReadSSizeTFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadSSizeTFromMode, ReadSSizeTFromUser, 8
    WRITE      WriteSSizeTToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteSSizeTToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteSSizeTToMode, WriteSSizeTToUser, 8

    READ       ReadIntPtrFromUser, RtlReadULong64FromUser, 8
    READ       ReadIntPtrFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadIntPtrFromMode, ReadIntPtrFromUser, 8
    WRITE      WriteIntPtrToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteIntPtrToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteIntPtrToMode, WriteIntPtrToUser, 8

    READ       ReadUIntPtrFromUser, RtlReadULong64FromUser, 8
    READ       ReadUIntPtrFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadUIntPtrFromMode, ReadUIntPtrFromUser, 8
    WRITE      WriteUIntPtrToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteUIntPtrToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteUIntPtrToMode, WriteUIntPtrToUser, 8

    READ       ReadLongPtrFromUser, RtlReadULong64FromUser, 8
    READ       ReadLongPtrFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadLongPtrFromMode, ReadLongPtrFromUser, 8
    WRITE      WriteLongPtrToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteLongPtrToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteLongPtrToMode, WriteLongPtrToUser, 8

    READ       ReadULongPtrFromUser, RtlReadULong64FromUser, 8
    READ       ReadULongPtrFromUserAcquire, RtlReadULong64FromUserAcquire, 8
    READ_MODE  ReadULongPtrFromMode, ReadULongPtrFromUser, 8
    WRITE      WriteULongPtrToUser, RtlWriteULong64ToUser, 8
    WRITE      WriteULongPtrToUserRelease, RtlWriteULong64ToUserRelease, 8
    WRITE_MODE WriteULongPtrToMode, WriteULongPtrToUser, 8

// Unions of eight bytes travel in one register, and so in one access.
    READ       ReadLargeIntegerFromUser, RtlReadULong64FromUser, 8
    READ_MODE  ReadLargeIntegerFromMode, ReadLargeIntegerFromUser, 8
    WRITE      WriteLargeIntegerToUser, RtlWriteULong64ToUser, 8
    WRITE_MODE WriteLargeIntegerToMode, WriteLargeIntegerToUser, 8

    READ       ReadULargeIntegerFromUser, RtlReadULong64FromUser, 8
    READ_MODE  ReadULargeIntegerFromMode, ReadULargeIntegerFromUser, 8
    WRITE      WriteULargeIntegerToUser, RtlWriteULong64ToUser, 8
    WRITE_MODE WriteULargeIntegerToMode, WriteULargeIntegerToUser, 8
