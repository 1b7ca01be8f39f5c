# SPDX-License-Identifier: GPL-2.0-or-later
"""The header stands before and behind the headers of Windows, and alone."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from emu.toolchain.compilation import TARGETS
from emu.toolchain.compiler import ToolFailed
from tests.guest.header.compilation import LANGUAGES, Configuration, compile_text

OWN = "<usermode_accessors.h>"

INCLUSIONS = (
    ("ddk", [OWN]),
    ("ddk", ["<wdm.h>", OWN]),
    ("ddk", ["<ntddk.h>", OWN]),
    ("ddk", ["<ntifs.h>", OWN]),
    ("ddk", ["<ntdef.h>", OWN]),
    ("ddk", [OWN, "<wdm.h>"]),
    ("ddk", [OWN, "<ntddk.h>"]),
    ("ddk", [OWN, "<ntifs.h>"]),
    ("ddk", [OWN, OWN]),
    ("windows", [OWN]),
    ("windows", ["<ntdef.h>", OWN]),
    ("windows", [OWN, "<ntdef.h>"]),
    ("windows", ["<windows.h>", OWN]),
    ("windows", [OWN, "<windows.h>"]),
    ("compiler", [OWN]),
    ("compiler", ["<stddef.h>", OWN]),
    ("compiler", [OWN, "<stdint.h>"]),
    ("own types", [OWN]),
)

_USE = """
ULONG Use(const volatile ULONG *Source, volatile UNICODE_STRING *Destination, KPROCESSOR_MODE Mode);
ULONG Use(const volatile ULONG *Source, volatile UNICODE_STRING *Destination, KPROCESSOR_MODE Mode)
{
    UNICODE_STRING Name = ReadUnicodeStringFromUser(Destination);
    LARGE_INTEGER Number;
    Number.QuadPart = Name.Length;
    WriteUnicodeStringToMode((UNICODE_STRING *)Destination, Name, UserMode);
    WriteLargeIntegerToMode((LARGE_INTEGER *)Name.Buffer, Number, Mode);
    CopyFromModeAligned(Name.Buffer, Destination, sizeof(Name), Mode, 8);
    return ReadULongFromMode(Source, KernelMode);
}
"""

_OTHER_HEADER = """
#define UMA_TYPES_DECLARED
#define VOID void
typedef char CHAR; typedef unsigned char UCHAR; typedef UCHAR BOOLEAN; typedef unsigned short WCHAR;
typedef short SHORT; typedef unsigned short USHORT; typedef long LONG; typedef unsigned long ULONG;
typedef signed char INT8; typedef short INT16; typedef int INT32; typedef long long INT64;
typedef unsigned char UINT8; typedef unsigned short UINT16; typedef unsigned UINT32; typedef unsigned long long UINT64;
typedef long long LONG64, LONGLONG, INT_PTR, LONG_PTR, SSIZE_T;
typedef unsigned long long ULONG64, ULONGLONG, UINT_PTR, ULONG_PTR, SIZE_T;
typedef void *PVOID; typedef void *HANDLE; typedef LONG NTSTATUS;
typedef union { LONGLONG QuadPart; } LARGE_INTEGER;
typedef union { ULONGLONG QuadPart; } ULARGE_INTEGER;
typedef struct { USHORT Length, MaximumLength; WCHAR *Buffer; } UNICODE_STRING;
typedef unsigned char KPROCESSOR_MODE;
typedef unsigned short wchar_t;
enum { KernelMode, UserMode };
"""


def _compile(directory: Path, configuration: Configuration, headers: Sequence[str], before: str = "") -> None:
    includes = "".join(f"#include {header}\n" for header in headers)
    compile_text(before + includes + _USE, directory / "use.obj", configuration)


@pytest.mark.parametrize("case", [*enumerate(INCLUSIONS)], ids=lambda case: " ".join([case[1][0], *case[1][1]]))
def test_compiles_in_any_order(tmp_path: Path, case: tuple[int, tuple[str, Sequence[str]]]) -> None:
    """As C for one target and as C++ for the other, by turns."""
    number, (headers, included) = case
    language = LANGUAGES[number % 2]
    _compile(tmp_path, Configuration(language, list(TARGETS)[number // 2 % 2], headers), included)


@pytest.mark.sweep
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("language", [*LANGUAGES, "c17", "c23", "c++20"])
@pytest.mark.parametrize(("headers", "included"), INCLUSIONS, ids=str)
def test_compiles_in_any_order_in_every_language(
    tmp_path: Path, headers: str, included: Sequence[str], language: str, target: str
) -> None:
    _compile(tmp_path, Configuration(language, target, headers), included)


def test_takes_the_types_of_other_headers(tmp_path: Path) -> None:
    _compile(tmp_path, Configuration(headers="compiler"), [OWN], _OTHER_HEADER)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (_OTHER_HEADER.replace("typedef unsigned short WCHAR", "typedef int WCHAR"), "not the types of Windows"),
        (_OTHER_HEADER.replace("KernelMode, UserMode", "UserMode, KernelMode"), "no processor modes"),
        (_OTHER_HEADER.replace("typedef long LONG;", "typedef long long LONG;"), "64-bit Windows"),
    ],
)
def test_refuses_types_that_are_not_those_of_windows(tmp_path: Path, types: str, message: str) -> None:
    assert types != _OTHER_HEADER
    with pytest.raises(ToolFailed, match=message):
        _compile(tmp_path, Configuration(headers="compiler"), [OWN], types)
