// SPDX-License-Identifier: MIT
// Uses counted strings, sized copies and guarded mutexes as the headers declare them; 0, or the line that went wrong.

#include <ntifs.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return __LINE__;                                                                                           \
    } while (0)

ULONG convert(void)
{
    UNICODE_STRING wide = RTL_CONSTANT_STRING(L"Caf\u00e9 \u20ac"), upper, lower, other, digits;
    ANSI_STRING narrow, copy, expected = RTL_CONSTANT_STRING("Caf\xe9 ?");
    WCHAR room[16];
    CHAR bytes[16];
    ULONG value;

    CHECK(NT_SUCCESS(RtlUnicodeStringToAnsiString(&narrow, &wide, TRUE)));
    CHECK(narrow.Length == 6 && narrow.MaximumLength == 7 && RtlEqualString(&narrow, &expected, FALSE));
    CHECK(NT_SUCCESS(RtlUpcaseUnicodeString(&upper, &wide, TRUE)));
    CHECK(NT_SUCCESS(RtlDowncaseUnicodeString(&lower, &wide, TRUE)));
    CHECK(RtlCompareUnicodeString(&upper, &lower, FALSE) < 0 && RtlEqualUnicodeString(&upper, &lower, TRUE));
    CHECK(RtlPrefixUnicodeString(&upper, &wide, TRUE) && !RtlPrefixUnicodeString(&lower, &wide, FALSE));
    CHECK(NT_SUCCESS(RtlAnsiStringToUnicodeString(&other, &narrow, TRUE)));
    CHECK(other.Length == 12 && other.Buffer[3] == 0xe9 && other.Buffer[5] == '?' && other.Buffer[6] == 0);
    copy.Buffer = bytes;
    copy.MaximumLength = sizeof(bytes);
    RtlCopyString(&copy, &narrow);
    CHECK(RtlCompareString(&copy, &narrow, TRUE) == 0);
    CHECK(RtlUpperChar('x') == 'X');
    RtlUpperString(&copy, &copy);
    CHECK(copy.Buffer[0] == 'C' && copy.Buffer[1] == 'A' && (UCHAR)copy.Buffer[3] == 0xc9);
    digits.Buffer = room;
    digits.MaximumLength = sizeof(room);
    CHECK(NT_SUCCESS(RtlIntegerToUnicodeString(0xBEEF, 16, &digits)));
    CHECK(NT_SUCCESS(RtlUnicodeStringToInteger(&digits, 16, &value)) && value == 0xBEEF);
    CHECK(RtlUnicodeStringToInteger(&digits, 7, &value) == STATUS_INVALID_PARAMETER);
    RtlFreeAnsiString(&narrow);
    RtlFreeUnicodeString(&upper);
    RtlFreeUnicodeString(&lower);
    RtlFreeUnicodeString(&other);
    return narrow.Buffer || upper.Buffer ? __LINE__ : 0;
}

ULONG copy_with_sizes(void)
{
    char text[8];

    CHECK(strcpy_s(text, sizeof(text), "abc") == 0 && strcat_s(text, sizeof(text), "defg") == 0);
    CHECK(strcat_s(text, sizeof(text), "h") == 34 && text[0] == 0);
    CHECK(sprintf_s(text, sizeof(text), "%d-%s", 12, "ab") == 5 && text[4] == 'b');
    CHECK(sprintf(text, "%x", 0xabcdU) == 4 && text[3] == 'd');
    return 0;
}

ULONG guard(PKGUARDED_MUTEX mutex)
{
    KeInitializeGuardedMutex(mutex);
    KeAcquireGuardedMutex(mutex);
    CHECK(KeAreAllApcsDisabled() && KeAreApcsDisabled() && !KeTryToAcquireGuardedMutex(mutex));
    KeReleaseGuardedMutex(mutex);
    KeEnterCriticalRegion();
    CHECK(KeAreApcsDisabled() && !KeAreAllApcsDisabled());
    KeLeaveCriticalRegion();
    KeEnterGuardedRegion();
    CHECK(KeAreAllApcsDisabled());
    KeLeaveGuardedRegion();
    CHECK(!KeAreApcsDisabled());
    return sizeof(*mutex) == 0x38 ? 0 : __LINE__;
}
