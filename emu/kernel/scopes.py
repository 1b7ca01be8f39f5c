# SPDX-License-Identifier: GPL-2.0-or-later
"""Which `__try` blocks of a frame an address lies in, for reading: what the dispatcher's own handler goes by."""

from __future__ import annotations

from typing import NamedTuple

from emu.address import Gva
from emu.kernel.modules import ModuleUnwinder
from emu.kernel.system import System
from emu.seh.c_specific_handler import EXECUTE_HANDLER, Scope, c_specific_handler, decode_scope_table
from emu.seh.unwind_info import UnwindError


class TryBlock(NamedTuple):
    """One scope around an address. `filter` is None for the constant one and for a `__finally`."""

    target: Gva
    """The `__except` block, or the `__finally`'s function."""
    filter: Gva | None
    is_finally: bool


def try_blocks(system: System, module: ModuleUnwinder, pc: Gva, handler: Gva) -> tuple[TryBlock, ...] | None:
    """Return the scopes of its function that a pc lies in, the innermost first.

    None where the language handler is another one than those with a scope table, or the table cannot be read.
    """
    scopes = _scopes(system, module, pc, handler)
    if scopes is None:
        return None
    base, rva = module.base, pc - module.base
    return tuple(
        TryBlock(
            target=Gva(base + (scope.target or scope.handler)),
            filter=Gva(base + scope.handler) if scope.target and scope.handler != EXECUTE_HANDLER else None,
            is_finally=not scope.target,
        )
        for scope in scopes
        if scope.begin <= rva < scope.end
    )


def is_except_block(system: System, module: ModuleUnwinder, address: Gva) -> bool:
    """Tell whether an `__except` block of the function that an address lies in begins there."""
    entry = module.lookup(address)
    try:
        handler = module.chain(entry).primary_info.handler_rva if entry else None
    except UnwindError:
        return False
    if handler is None:
        return False
    scopes = _scopes(system, module, address, Gva(module.base + handler)) or ()
    return any(scope.target == address - module.base for scope in scopes)


def _scopes(system: System, module: ModuleUnwinder, pc: Gva, handler: Gva) -> tuple[Scope, ...] | None:
    """Return the scope table of the function that a pc lies in; None where there is none that can be read."""
    entry = module.lookup(pc)
    if entry is None or system.host_handler(handler) not in (c_specific_handler, system.gs_handler_check.with_scopes):
        return None
    try:
        data = module.chain(entry).primary_info.handler_data_rva
        return decode_scope_table(module.read, data) if data is not None else ()
    except UnwindError:
        return None
