# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of one accessor: its signature, what it promises, whose code it is, and the code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emu.accessors import CLAUSES, Accessor
from emu.cli.accessor_list import signature_text
from emu.cli.accessor_source import MacroText, assembly_macros, called_functions, header_inline, header_macro
from emu.cli.accessor_status import WORDS, status_of
from emu.cli.path import HEADER
from emu.cli.routine_code import RoutineCode, routine_code
from emu.cli.sections import section
from emu.cli.words import plural

INSTRUCTION_WIDTH: Final = 40
"""Columns for an instruction; a longer one pushes its source line to the right."""

_SIDES: Final = {"user": "user memory", "mode": "what Mode says", "kernel": "kernel memory", "value": ""}


def display_accessor(accessor: Accessor) -> Iterator[RenderableType]:
    """Return what `emu accessors NAME` prints, part by part."""
    yield signature_text(accessor)
    yield Text(accessor.summary)
    for note in accessor.notes:
        yield Text(note)
    yield section("Parameters", "", _parameters(accessor))
    yield section("Facts", "", _facts(accessor))
    documented = [name for name in accessor.clauses if not CLAUSES[name].ours]
    decided = [name for name in accessor.clauses if CLAUSES[name].ours]
    yield section("Clauses", "what the documentation promises", _clauses(documented))
    if decided:
        yield section("Decisions", "where the documentation is silent", _clauses(decided))
    if accessor.kind == "macro":
        yield from _macro(accessor)
    else:
        yield from _routine(accessor)


def _parameters(accessor: Accessor) -> Table:
    table = _grid(4)
    for each in accessor.parameters:
        table.add_row(Text(each.name, "cyan"), each.type, Text(each.direction, "dim"), _SIDES[each.side])
    return table


def _facts(accessor: Accessor) -> Table:
    table = _grid(2)

    def row(name: str, value: str) -> None:
        if value:
            table.add_row(Text(name, "dim"), value)

    status = status_of(accessor)
    silent = "" if accessor.irql else ", as of those that stand on it: its own documentation is silent"
    row("IRQL", f"{accessor.irql or '<= APC_LEVEL'}{silent}")
    row("order", accessor.order)
    if accessor.width is not None:
        row(
            "access", f"{accessor.type}, {plural(accessor.width, 'byte')}{'' if accessor.one_access else ' in several'}"
        )
    row("User form", accessor.user_form or "")
    row("primitives=library", WORDS[status.library])
    kernel = status.on_kernel(accessor)
    if status.kernel == "kernel":
        kernel = f"the kernel's {kernel}"
        if accessor.kernel_mode_primitive:
            kernel += f", {accessor.kernel_mode_primitive} with KernelMode"
        elif accessor.mode == "mode":
            kernel += "; own copy with KernelMode"
    row("primitives=kernel", kernel)
    return table


def _clauses(names: Sequence[str]) -> Table:
    table = _grid(2)
    for name in names:
        table.add_row(Text(name, "cyan"), CLAUSES[name].text)
    return table


def _macro(accessor: Accessor) -> Iterator[RenderableType]:
    macro = header_macro(accessor.name)
    if macro is None:
        yield section("Expansion", "", Text("the header does not define it", "bold red"))
        return
    yield section("Expansion", f"{macro.file}:{macro.line}", _lines(macro))
    calls = _grid(2)
    for name in called_functions(macro):
        calls.add_row(Text(name, "cyan"), _where(name))
    yield section("Calls", "", calls)


def _where(name: str) -> Text:
    inline = header_inline(name)
    if inline is not None:
        return Text(f"inline, {HEADER}:{inline}", "dim")
    code = routine_code(name)
    return Text("MISSING", "bold red") if code is None else Text(f"umaccess, {plural(code.size, 'byte')}", "dim")


def _routine(accessor: Accessor) -> Iterator[RenderableType]:
    code = routine_code(accessor.name)
    if code is None:
        yield section("Routine", "", Text("the library does not have it", "bold red"))
        return
    yield section("Routine", f"umaccess!{accessor.name}, {plural(code.size, 'byte')}", *_code(code))
    for macro in assembly_macros(code.rows):
        yield section(f"Macro {macro.name}", f"{macro.file}:{macro.line}", _lines(macro))


def _code(code: RoutineCode) -> Iterator[Text]:
    """Return a line an instruction: a table would take room from the instructions where a source line is long."""
    places = [f"{row.line.file}:{row.line.line}" if row.line else "" for row in code.rows]
    width = min(max((len(row.text) for row in code.rows), default=0), INSTRUCTION_WIDTH)
    before = ""
    for row, place in zip(code.rows, places, strict=True):
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"+{row.offset:#x}".ljust(8), "dim").append(row.text.ljust(width))
        if place != before:
            line.append(f"  {place.ljust(max(map(len, places)))}  ", "cyan").append(row.source, "dim")
        before = place
        yield line


def _lines(macro: MacroText) -> Text:
    return Text(macro.text, no_wrap=True, overflow="crop")


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns):
        table.add_column(overflow="fold")
    return table
