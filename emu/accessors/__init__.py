# SPDX-License-Identifier: GPL-2.0-or-later
"""The accessor family as a table: every documented name, its signature, and the clauses that bind it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from emu.accessors.accessor import Accessor, Parameter
from emu.accessors.clauses import CLAUSES, Clause
from emu.accessors.family import FAMILIES, TYPE_SIZES, load_family, primitive_names

if TYPE_CHECKING:
    FAMILY: Mapping[str, Accessor]
    """Every accessor by its name."""
    PRIMITIVES: frozenset[str]
    """The names of the primitives, which a kernel has all of or none."""

__all__ = ["CLAUSES", "FAMILIES", "FAMILY", "PRIMITIVES", "TYPE_SIZES", "Accessor", "Clause", "Parameter"]


def __getattr__(name: str) -> object:
    """Read the table when it is first asked for."""
    if name == "FAMILY":
        return load_family()
    if name == "PRIMITIVES":
        return primitive_names()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
