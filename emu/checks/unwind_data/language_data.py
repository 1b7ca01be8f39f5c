# SPDX-License-Identifier: GPL-2.0-or-later
"""The data behind a language handler: scope tables, and where a stack cookie lies."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from struct import Struct

from emu.nt.unwind import SCOPE_TABLE_RECORD
from emu.seh.c_specific_handler import Scope, decode_scope_table
from emu.seh.gs_handler_check import HAS_ALIGNMENT
from emu.seh.unwind_info import ReadImage, UnwindError, read_bytes

C_SPECIFIC_HANDLER = "__C_specific_handler"
GS_HANDLER_CHECK = "__GSHandlerCheck"
GS_HANDLER_CHECK_SEH = "__GSHandlerCheck_SEH"

_COUNT_SIZE = 4
_ALIGNMENT = Struct("<2i")
_OFFSET_MASK = ~7


@dataclass(frozen=True, slots=True)
class CookieData:
    """Where `__GSHandlerCheck` finds a function's cookie: `offset` bytes from the frame, once it is aligned.

    `alignment` is (bytes added to the frame, the power of two it is then rounded down to), None for a plain frame.
    """

    flags: int
    offset: int
    alignment: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class LanguageData:
    """What a known handler finds behind its address; `error` says what could not be read."""

    scopes: tuple[Scope, ...] | None
    cookie: CookieData | None
    error: str = ""


def read_language_data(read: ReadImage, handler: str, rva: int) -> LanguageData | None:
    """Read the data of a handler by its name; None for one whose data only itself knows."""
    if handler not in (C_SPECIFIC_HANDLER, GS_HANDLER_CHECK, GS_HANDLER_CHECK_SEH):
        return None
    scopes: tuple[Scope, ...] | None = None
    try:
        if handler != GS_HANDLER_CHECK:
            scopes = decode_scope_table(read, rva)
            rva += _COUNT_SIZE + ctypes.sizeof(SCOPE_TABLE_RECORD) * len(scopes)
        cookie = None if handler == C_SPECIFIC_HANDLER else _read_cookie(read, rva)
    except UnwindError as error:
        return LanguageData(scopes, None, str(error))
    return LanguageData(scopes, cookie)


def _read_cookie(read: ReadImage, rva: int) -> CookieData:
    data = int.from_bytes(read_bytes(read, rva, 4, "cookie data"), "little", signed=True)
    alignment = None
    if data & HAS_ALIGNMENT:
        added, alignment_of_frame = _ALIGNMENT.unpack(read_bytes(read, rva + 4, _ALIGNMENT.size, "cookie data"))
        alignment = added, alignment_of_frame
    return CookieData(data & 3, data & _OFFSET_MASK, alignment)
