# SPDX-License-Identifier: GPL-2.0-or-later
"""Which `__try` blocks of a frame an address lies in, for reading: what the dispatcher's own handler goes by."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from emu.address import Gva
from emu.kernel.modules import ModuleUnwinder
from emu.seh.c_specific_handler import EXECUTE_HANDLER, Scope, decode_scope_table
from emu.seh.unwind_info import UnwindError

HasScopeTable: TypeAlias = Callable[[Gva], bool]
"""Tells whether the data of the language handler at an address is a scope table."""


class TryBlock(NamedTuple):
    """One scope around an address. `filter` is None for the constant one and for a `__finally`."""

    target: Gva
    """The `__except` block, or the `__finally`'s function."""
    filter: Gva | None
    is_finally: bool


def try_blocks(module: ModuleUnwinder, pc: Gva, has_scope_table: HasScopeTable) -> tuple[TryBlock, ...] | None:
    """Return the scopes of its function that a pc lies in, the innermost first.

    None where the language handler is another one than those with a scope table, or the table cannot be read.
    """
    scopes = _scopes(module, pc, has_scope_table)
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


def is_except_block(module: ModuleUnwinder, address: Gva, has_scope_table: HasScopeTable) -> bool:
    """Tell whether an `__except` block of the function that an address lies in begins there."""
    scopes = _scopes(module, address, has_scope_table) or ()
    return any(scope.target == address - module.base for scope in scopes)


def _scopes(module: ModuleUnwinder, pc: Gva, has_scope_table: HasScopeTable) -> tuple[Scope, ...] | None:
    """Return the scope table of the function that a pc lies in; None where there is none that can be read."""
    entry = module.lookup(pc)
    if entry is None:
        return None
    try:
        info = module.chain(entry).primary_info
        if info.handler_rva is None or info.handler_data_rva is None:
            return None
        if not has_scope_table(Gva(module.base + info.handler_rva)):
            return None
        return decode_scope_table(module.read, info.handler_data_rva)
    except UnwindError:
        return None
