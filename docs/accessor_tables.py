# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of the accessors' page."""

from __future__ import annotations

from itertools import groupby

from emu.accessors import CLAUSES, FAMILIES, FAMILY, Accessor


def clauses(*, ours: bool) -> str:
    """Return the clauses that the documentation has, or those that are decided here."""
    lines = ["| clause | |", "| --- | --- |"]
    lines += [f"| `{name}` | {clause.text} |" for name, clause in CLAUSES.items() if clause.ours is ours]
    return "\n".join(lines) + "\n"


def family() -> str:
    """Return every accessor, part by part, with the clauses that all of a part have in common above its table."""
    parts = []
    for name, group in groupby(FAMILY.values(), key=lambda accessor: accessor.family):
        members = list(group)
        common = [clause for clause in members[0].clauses if all(clause in each.clauses for each in members)]
        parts.append(f"### {name.capitalize()}: {FAMILIES[name]}\n")
        count = f"{len(members)} names" if len(members) > 1 else "1 name"
        parts.append(f"{count}. Clauses of all: {' '.join(f'`{clause}`' for clause in common)}\n")
        parts.append("| signature | beneath | further clauses |\n| --- | --- | --- |")
        parts += [_row(accessor, common) for accessor in members]
        parts.append("")
    return "\n".join(parts)


def _row(accessor: Accessor, common: list[str]) -> str:
    beneath = f"`{accessor.primitive}`" if accessor.primitive not in (None, accessor.name) else ""
    if accessor.kernel_mode_primitive:
        beneath += f", with KernelMode `{accessor.kernel_mode_primitive}`"
    if accessor.kind == "macro":
        beneath = f"macro over `{accessor.calls[0]}`"
    further = " ".join(f"`{clause}`" for clause in accessor.clauses if clause not in common)
    return f"| `{accessor.signature}` | {beneath} | {further} |"
