# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a driver that calls every accessor, in ways that tempt an optimiser to leave a call out."""

from emu.accessors import FAMILY, Accessor, Parameter
from tests.guest.header.compilation import Configuration

RECORD_SIZE = 64
CALLS = 2
"""How often a caller makes its call: the same one twice, which would be one for whoever knew what it does."""

_BEGIN = """\
#include <usermode_accessors.h>

#if defined(__cplusplus)
#define CALLER extern "C"
#else
#define CALLER extern
#endif

typedef struct {
    ULONG64 Numbers[6];
    UNICODE_STRING Name;
} RECORD;

static const RECORD Constant = {{1, 2, 3, 4, 5, 6}, {0, 0, 0}};
static LARGE_INTEGER LARGE_INTEGERValue;
static ULARGE_INTEGER ULARGE_INTEGERValue;
static UNICODE_STRING UNICODE_STRINGValue;
"""

TEXT = b"A\0" * 16 + bytes(RECORD_SIZE - 32)
"""What the callers expect to find: a string, of wide characters too."""

_VALUES = {"Mode": "Mode", "Alignment": "8", "Length": "sizeof(RECORD)", "Size": "sizeof(RECORD)"}


def caller_name(accessor: Accessor) -> str:
    """Return the name of the function that calls an accessor."""
    return f"Call{accessor.name}"


def driver_text(configuration: Configuration) -> str:
    """Return a source with a function for each name, which calls it and does nothing with what it gave."""
    include = "#include <ntddk.h>\n" if configuration.headers == "ddk" else ""
    return include + _BEGIN + "".join(_caller(accessor) for accessor in FAMILY.values())


def _caller(accessor: Accessor) -> str:
    """Return one of them. What the accessor accesses is First, and Second where it has two pointers to user memory."""
    words = ("First", "Second")
    accessed = {parameter.name: words[index] for index, parameter in enumerate(accessor.user_parameters)}
    arguments = [_argument(accessor, parameter, accessed) for parameter in accessor.parameters]
    call = f"{accessor.name}({', '.join(arguments)});"
    if accessor.returns not in ("", "VOID"):
        call = f"(VOID){call}"
    unused = [word for word in ("First", "Second", "Mode") if not any(word in argument for argument in arguments)]
    prototype = f"VOID {caller_name(accessor)}(RECORD *First, RECORD *Second, KPROCESSOR_MODE Mode)"
    lines = [
        *(["RECORD Local;"] if "&Local" in arguments else []),
        *(f"(VOID){word};" for word in unused),
        *[call] * CALLS,
    ]
    return "\n".join(["", f"CALLER {prototype};", prototype, "{", *(f"    {line}" for line in lines), "}", ""])


def _argument(accessor: Accessor, parameter: Parameter, accessed: dict[str, str]) -> str:
    if parameter.name in accessed:
        pointer = accessed[parameter.name]
        return f"({parameter.type}){pointer}" if parameter.type else pointer
    if parameter.side == "kernel":
        return "&Local" if parameter.direction == "out" else "&Constant"
    if parameter.type in ("LARGE_INTEGER", "ULARGE_INTEGER", "UNICODE_STRING"):
        return f"{parameter.type}Value"
    if parameter.type in ("PVOID", "HANDLE"):
        return f"({parameter.type})(ULONG_PTR)90"
    if parameter.name == "Comperand":
        return f"0x{int.from_bytes(TEXT[: accessor.width], 'little'):X}"
    return _VALUES.get(parameter.name, "90")
