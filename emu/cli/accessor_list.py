# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of the accessor family, part by part, with what all of a part have in common above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emu.accessors import FAMILIES, Accessor
from emu.cli.accessor_status import WORDS, Whose, status_of
from emu.cli.sections import section
from emu.cli.words import plural


def display_list(accessors: Sequence[Accessor]) -> Iterator[RenderableType]:
    """Return what `emu accessors` prints, part by part."""
    yield Text(f"{plural(len(accessors), 'accessor')}, whose code they are on either kernel, and their clauses", "bold")
    for family, group in groupby(accessors, key=lambda accessor: accessor.family):
        members = list(group)
        common = [clause for clause in members[0].clauses if all(clause in each.clauses for each in members)]
        yield section(
            family.capitalize(),
            f"{len(members)} · {FAMILIES[family]}",
            Text(f"all: {' '.join(common)}", "dim"),
            *_rows(members, common),
        )
    yield Text("")
    yield Text("`emu accessors NAME` says what the clauses mean, and shows the code.", "dim")


def _rows(members: Sequence[Accessor], common: Sequence[str]) -> Iterator[RenderableType]:
    """Return two lines an accessor: a signature and its clauses do not fit in one."""
    statuses = [status_of(accessor) for accessor in members]
    kernels = [status.on_kernel(accessor) for accessor, status in zip(members, statuses, strict=True)]
    widths = len("library: ") + len(WORDS["macro"]), len("kernel: ") + max(map(len, kernels))
    for accessor, status, kernel in zip(members, statuses, kernels, strict=True):
        yield signature_text(accessor)
        row = Table.grid(padding=(0, 2, 0, 0))
        for width in widths:
            row.add_column(width=width)
        own = " ".join(clause for clause in accessor.clauses if clause not in common)
        library = Text.assemble(("library: ", "dim"), (WORDS[status.library], _style(status.library)))
        row.add_row(library, Text.assemble(("kernel: ", "dim"), (kernel, _style(status.kernel))), Text(own, "dim"))
        yield Padding(row, (0, 0, 0, 4))


def signature_text(accessor: Accessor) -> Text:
    """Return the signature with the name marked."""
    before, name, behind = accessor.signature.partition(accessor.name)
    return Text.assemble((before, "dim"), (name, "cyan"), behind)


def _style(whose: Whose) -> str:
    return "bold red" if whose == "missing" else ""
