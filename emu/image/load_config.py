# SPDX-License-Identifier: GPL-2.0-or-later
"""The load configuration directory: the security cookie and the control-flow-guard pointers that a loader fills in.

Layout: Microsoft, "PE Format", The Load Configuration Structure, and winnt.h IMAGE_LOAD_CONFIG_DIRECTORY64. The
structure grew with the years: its own Size field says which fields an image has.
"""

import struct
from typing import NamedTuple

from emu.image.errors import ImageError

DEFAULT_COOKIE = 0x0000_2B99_2DDF_A232
"""What `__security_cookie` holds until a loader replaces it (Microsoft Learn, /GS)."""

_DWORD = struct.Struct("<I")
_QWORD = struct.Struct("<Q")

_SECURITY_COOKIE = 0x58
_CHECK_POINTERS = {"GuardCFCheckFunctionPointer": 0x70, "GuardXFGCheckFunctionPointer": 0x118}
_DISPATCH_POINTERS = {
    "GuardCFDispatchFunctionPointer": 0x78,
    "GuardXFGDispatchFunctionPointer": 0x120,
    "GuardXFGTableDispatchFunctionPointer": 0x128,
}


class LoadConfig(NamedTuple):
    """Where a loader has to write, by RVA."""

    security_cookie: int | None = None
    guard_checks: tuple[int, ...] = ()
    """Pointers to a function that checks the target in RCX."""
    guard_dispatches: tuple[int, ...] = ()
    """Pointers to a function that checks the target in RAX and jumps to it."""


def read_load_config(image: bytes, rva: int, size: int, preferred_base: int, name: str) -> LoadConfig:
    """Read the directory of an image, mapped at its preferred base; raises ImageError.

    `size` is the directory entry's, which linkers have set to all kinds of values: only whether it is 0 counts.
    """
    if not size:
        return LoadConfig()
    if rva + _DWORD.size > len(image):
        raise ImageError(f"{name}: load configuration = 0x{rva:X}: outside the image of 0x{len(image):X} bytes")
    (length,) = _DWORD.unpack_from(image, rva)
    if rva + length > len(image):
        raise ImageError(f"{name}: load configuration Size = 0x{length:X}: ends outside the image")

    def slot(field: str, offset: int) -> int | None:
        """Return the RVA of the quadword that a field points at, None for a null or missing field."""
        if offset + _QWORD.size > length:
            return None
        (address,) = _QWORD.unpack_from(image, rva + offset)
        if address == 0:
            return None
        target: int = address - preferred_base
        if target % _QWORD.size or not 0 <= target <= len(image) - _QWORD.size:
            raise ImageError(
                f"{name}: load configuration {field} = 0x{address:X}: not the address of a quadword in the image"
            )
        return target

    def slots(fields: dict[str, int]) -> tuple[int, ...]:
        found = (slot(field, offset) for field, offset in fields.items())
        return tuple(target for target in found if target is not None)

    return LoadConfig(
        security_cookie=slot("SecurityCookie", _SECURITY_COOKIE),
        guard_checks=slots(_CHECK_POINTERS),
        guard_dispatches=slots(_DISPATCH_POINTERS),
    )
