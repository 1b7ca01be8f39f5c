# SPDX-License-Identifier: GPL-2.0-or-later
"""Accessors as JSON: `emu accessors --json`, a list {"accessors": [row]}, or one by its name.

row      name kind family mode signature returns parameters [{name, type, direction, side}] summary order irql
         width one_access primitive user_form clauses [name] status {library, kernel: own kernel macro missing}
one      a row, its clauses as [{name, text, ours}], and kernel_mode_primitive notes
         routine   {size, instructions [{offset, text, file, line, source}]}, null for a macro
         macros    [{name, file, line, text}]: what the routine's source invokes, or the macro itself
         calls     [name]: what the expansion of a macro calls
"""

from __future__ import annotations

from typing import Any

from emu.accessors import CLAUSES, Accessor
from emu.cli.accessor_source import assembly_macros, called_functions, header_macro
from emu.cli.accessor_status import status_of
from emu.cli.routine_code import RoutineCode, routine_code


def row_data(accessor: Accessor) -> dict[str, Any]:
    """Return what the list has of an accessor."""
    return {
        "name": accessor.name,
        "kind": accessor.kind,
        "family": accessor.family,
        "mode": accessor.mode,
        "signature": accessor.signature,
        "returns": accessor.returns,
        "parameters": [
            {"name": each.name, "type": each.type, "direction": each.direction, "side": each.side}
            for each in accessor.parameters
        ],
        "summary": accessor.summary,
        "order": accessor.order,
        "irql": accessor.irql,
        "width": accessor.width,
        "one_access": accessor.one_access,
        "primitive": accessor.primitive,
        "user_form": accessor.user_form,
        "clauses": list(accessor.clauses),
        "status": status_of(accessor)._asdict(),
    }


def accessor_data(accessor: Accessor) -> dict[str, Any]:
    """Return everything about an accessor."""
    code = None if accessor.kind == "macro" else routine_code(accessor.name)
    macro = header_macro(accessor.name) if accessor.kind == "macro" else None
    macros = [macro] if macro is not None else list(assembly_macros(() if code is None else code.rows))
    return {
        **row_data(accessor),
        "clauses": [{"name": name, **CLAUSES[name]._asdict()} for name in accessor.clauses],
        "kernel_mode_primitive": accessor.kernel_mode_primitive,
        "notes": list(accessor.notes),
        "routine": None if code is None else _routine(code),
        "macros": [each._asdict() for each in macros],
        "calls": [] if macro is None else list(called_functions(macro)),
    }


def _routine(code: RoutineCode) -> dict[str, Any]:
    return {
        "size": code.size,
        "instructions": [
            {
                "offset": row.offset,
                "text": row.text,
                "file": row.line.file if row.line else None,
                "line": row.line.line if row.line else None,
                "source": row.source,
            }
            for row in code.rows
        ],
    }
