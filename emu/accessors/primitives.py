# SPDX-License-Identifier: GPL-2.0-or-later
"""The names of the primitives beneath the accessors: every boot asks for them, so they are no part of the table."""

from __future__ import annotations

from typing import Final

_WIDTHS: Final = ("UChar", "UShort", "ULong", "ULong64")
_OPERATIONS: Final = ("And", "Or", "CompareExchange")

PRIMITIVES: Final = frozenset(
    {
        "RtlCopyFromUser",
        "RtlCopyFromUserNonTemporal",
        "RtlCopyToUser",
        "RtlCopyToUserNonTemporal",
        "RtlCopyToUserFromUser",
        "RtlMoveToUserFromUser",
        "RtlSetUserMemory",
        *(f"RtlRead{width}FromUser{order}" for width in _WIDTHS for order in ("", "Acquire")),
        *(f"RtlWrite{width}ToUser{order}" for width in _WIDTHS for order in ("", "Release")),
        *(f"RtlInterlocked{operation}{bits}ToUser" for operation in _OPERATIONS for bits in (32, 64)),
        "RtlStringLengthFromUser",
        "RtlWideStringLengthFromUser",
        "RtlFastFailIfUserPointer",
    }
)
"""The names of the primitives, which a kernel has all of or none."""
