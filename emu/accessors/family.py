# SPDX-License-Identifier: GPL-2.0-or-later
"""The family as a table: `documented.json`, and what follows from the names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from emu.accessors.accessor import Accessor, Kind, Mode, Parameter, Side
from emu.accessors.clauses import clauses_of

_DOCUMENTED: Final = Path(__file__).with_name("documented.json")

FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "typed": "one value of a C type, in one access",
        "aggregate": "LARGE_INTEGER, ULARGE_INTEGER and UNICODE_STRING",
        "copy": "a range of bytes, copied or moved",
        "fill": "a range of bytes, filled",
        "interlocked": "read, changed and written as one operation",
        "string length": "characters up to a terminator",
        "struct": "a structure, its size from its type",
        "filter": "for __except",
        "primitive": "beneath the others; a kernel may have them itself",
    }
)
"""Each part of the family and what it accesses."""

TYPE_SIZES: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("BOOLEAN", "CHAR", "UCHAR", "INT8", "UINT8"), 1),
        **dict.fromkeys(("SHORT", "USHORT", "INT16", "UINT16", "WCHAR"), 2),
        **dict.fromkeys(("LONG", "ULONG", "INT32", "UINT32", "NTSTATUS"), 4),
        **dict.fromkeys(("INT64", "UINT64", "LONG64", "ULONG64", "LONGLONG", "ULONGLONG", "HANDLE", "PVOID"), 8),
        **dict.fromkeys(("SIZE_T", "SSIZE_T", "INT_PTR", "UINT_PTR", "LONG_PTR", "ULONG_PTR"), 8),
        **dict.fromkeys(("LARGE_INTEGER", "ULARGE_INTEGER"), 8),
        "UNICODE_STRING": 16,
    }
)
"""The C types that are read and written as one value, and their sizes in bytes."""

_UNSIGNED: Final = {1: "UChar", 2: "UShort", 4: "ULong", 8: "ULong64"}
_POINTER_NAMES: Final = ("Destination", "Source", "Address", "String", "Pointer")


@cache
def load_family() -> Mapping[str, Accessor]:
    """Return every accessor by its name: typed ones first, primitives last."""
    rows: list[dict[str, Any]] = json.loads(_DOCUMENTED.read_bytes())
    names = {row["name"] for row in rows}
    return MappingProxyType({row["name"]: _accessor(row, names) for row in rows})


def _accessor(row: Mapping[str, Any], names: set[str]) -> Accessor:
    name, family = row["name"], row["family"]
    mode: Mode = "kernel" if name == "RtlFastFailIfUserPointer" else "user"
    if any(parameter == "Mode" for parameter, _, _ in row["parameters"]):
        mode = "mode"
    parameters = tuple(
        Parameter(parameter, c_type, direction, _side(name, mode, parameter))
        for parameter, c_type, direction in row["parameters"]
    )
    type_name = _accessed_type(parameters)
    width = TYPE_SIZES.get(type_name)
    order = row.get("order") or _order_by_name(name)
    one_access = width in _UNSIGNED
    user_form = _user_form(name) if mode == "mode" else None
    return Accessor(
        name=name,
        kind=cast(Kind, row["kind"]),
        family=family,
        mode=mode,
        returns=row["returns"],
        parameters=parameters,
        summary=row["summary"],
        irql=row.get("irql"),
        order=order,
        type=type_name if width else "",
        width=width,
        one_access=one_access,
        primitive=name if family == "primitive" else _primitive(name, width, one_access),
        kernel_mode_primitive="RtlCopyFromUser" if name == "CopyFromUserToMode" else None,
        user_form=user_form if user_form in names - {name} else None,
        calls=_calls(name) if row["kind"] == "macro" else (),
        clauses=clauses_of(row, takes_mode=mode == "mode", order=order, one_access=one_access),
        notes=tuple(row.get("notes", ())),
    )


def _side(name: str, mode: Mode, parameter: str) -> Side:
    """Tell whose memory a parameter points to, by the accessor's name."""
    if parameter not in _POINTER_NAMES:
        return "value"
    if mode == "kernel":
        return "kernel"
    if parameter == "Source":
        return _named_side(name, "From")
    # Fill, Set and Zero have no To in their names: User or Mode stands before Memory.
    return _named_side(name, "From|To|Fill|Set|Zero" if parameter in ("String", "Address") else "To|Fill|Set|Zero")


def _named_side(name: str, preposition: str) -> Side:
    found = re.search(rf"(?:{preposition})(User|Mode)", name)
    if not found:
        return "kernel"
    return "user" if found[1] == "User" else "mode"


def _accessed_type(parameters: tuple[Parameter, ...]) -> str:
    """Return what the user-side pointer points to, without its qualifiers."""
    for parameter in parameters:
        if parameter.name in ("Destination", "Source", "Address") and parameter.side in ("user", "mode"):
            words = parameter.type.removesuffix("*").split()
            return " ".join(word for word in words if word not in ("const", "volatile"))
    return ""


def _order_by_name(name: str) -> str:
    """Return the order of an accessor whose documentation names none: that of the ones above it."""
    if name in ("UmaExceptionFilter", "RtlFastFailIfUserPointer"):
        return ""
    if "Interlocked" in name:
        return "full barrier"
    return {"Acquire": "acquire", "Release": "release"}.get(name[-7:], "relaxed")


def _user_form(name: str) -> str:
    if name == "CopyFromUserToMode":
        return "CopyToUserFromUser"
    return re.sub(r"(From|To)Mode|ModeMemory", lambda at: at[0].replace("Mode", "User"), name)


def _primitive(name: str, width: int | None, one_access: bool) -> str | None:
    name = _user_form(name)
    if name == "UmaExceptionFilter":
        return None
    if "Struct" in name or (width and not one_access):
        return "RtlCopyFromUser" if name.startswith("Read") else "RtlCopyToUser"
    if name.endswith("Memory"):
        return "RtlSetUserMemory"
    if name.startswith("Interlocked"):
        bare = name.removesuffix("ToUser").removesuffix("64")
        return f"Rtl{bare}{32 if width == 4 else 64}ToUser"
    if width is None:
        return f"Rtl{name.removesuffix('Aligned')}"
    order = name[-7:] if name.endswith(("Acquire", "Release")) else ""
    unsigned = _UNSIGNED[width]
    return f"RtlRead{unsigned}FromUser{order}" if name.startswith("Read") else f"RtlWrite{unsigned}ToUser{order}"


def _calls(name: str) -> tuple[str, ...]:
    plain = name.removesuffix("Aligned")
    return (f"{plain}Helper",) if "Struct" in name else (plain,)
