# SPDX-License-Identifier: GPL-2.0-or-later
"""The data behind a language handler: scope tables, and where a stack cookie lies."""

from __future__ import annotations

from dataclasses import dataclass

from emu.seh.c_specific_handler import Scope, decode_scope_table, end_of_scope_table
from emu.seh.gs_handler_check import CookieData, decode_cookie_data
from emu.seh.unwind_info import ReadImage, UnwindError, read_bytes

C_SPECIFIC_HANDLER = "__C_specific_handler"
GS_HANDLER_CHECK = "__GSHandlerCheck"
GS_HANDLER_CHECK_SEH = "__GSHandlerCheck_SEH"


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

    def read_all(at: int, size: int) -> bytes:
        return read_bytes(read, at, size, "cookie data")

    try:
        if handler != GS_HANDLER_CHECK:
            scopes = decode_scope_table(read, rva)
            rva = end_of_scope_table(rva, scopes)
        cookie = None if handler == C_SPECIFIC_HANDLER else decode_cookie_data(read_all, rva)
    except UnwindError as error:
        return LanguageData(scopes, None, str(error))
    return LanguageData(scopes, cookie)
