# SPDX-License-Identifier: GPL-2.0-or-later
"""The accessor family as a table: every documented name, its signature, and the clauses that bind it."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.accessors.accessor import Accessor, Parameter
    from emu.accessors.clauses import CLAUSES, Clause
    from emu.accessors.family import FAMILIES, TYPE_SIZES
    from emu.accessors.primitives import PRIMITIVES

    FAMILY: Mapping[str, Accessor]
    """Every accessor by its name."""

_HOMES = {
    "CLAUSES": "clauses",
    "FAMILIES": "family",
    "PRIMITIVES": "primitives",
    "TYPE_SIZES": "family",
    "Accessor": "accessor",
    "Clause": "clauses",
    "Parameter": "accessor",
}

__all__ = ["CLAUSES", "FAMILIES", "FAMILY", "PRIMITIVES", "TYPE_SIZES", "Accessor", "Clause", "Parameter"]


def __getattr__(name: str) -> object:
    """Import a name, or read the table, when it is first asked for: a boot needs the primitives' names alone."""
    if name == "FAMILY":
        from emu.accessors.family import load_family  # noqa: PLC0415

        return load_family()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
