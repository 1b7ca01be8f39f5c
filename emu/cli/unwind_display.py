# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of function tables: each function's unwind codes beside its prologue, its chain, handler and scopes."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emu.checks.unwind_data.functions import Function, ImageFunctions
from emu.checks.unwind_data.instructions import Instruction, decode_range
from emu.checks.unwind_data.words import describe_code, flag_names, frame_register
from emu.cli.sections import section
from emu.cli.words import plural
from emu.nt.unwind import UNW_FLAG_EHANDLER, UNW_FLAG_UHANDLER
from emu.seh.c_specific_handler import EXECUTE_HANDLER, Scope
from emu.seh.gs_handler_check import CookieData
from emu.seh.unwind_info import UnwindCode, UnwindInfo

Tables = tuple[tuple[ImageFunctions, tuple[Function, ...]], ...]
"""Images, each with the functions to show of it."""


def display_tables(tables: Tables) -> Iterator[RenderableType]:
    """Return what `emu unwind` prints, part by part."""
    for number, (functions, shown) in enumerate(tables):
        if number:
            yield Text("")
        yield Text(_heading(functions, shown), "bold")
        for fault in functions.image.functions.faults:
            yield Text(f"wrong: {fault}", "bold red")
        for function in shown:
            yield section(function.name, _subtitle(function), *_function(functions, function))


def _heading(functions: ImageFunctions, shown: tuple[Function, ...]) -> str:
    count = len(functions.functions)
    if not count and not functions.image.functions.faults:
        return f"{functions.image.name}: no function table"
    only = f", {len(shown):,} of them shown" if len(shown) < count else ""
    return f"{functions.image.name}: {plural(count, 'function')} in the function table{only}"


def _subtitle(function: Function) -> str:
    begin, end = function.covers
    return f"0x{begin:x} to 0x{end:x}, {plural(end - begin, 'byte')}"


def _function(functions: ImageFunctions, function: Function) -> Iterator[RenderableType]:
    if function.chain is None:
        yield Text(f"wrong: {function.error}", "bold red")
        return
    info = function.chain.info
    yield Text(_facts(function, info), "dim")
    if function.is_indirect:
        entry = function.entry
        where = f", 0x{entry.begin:x} to 0x{entry.end:x}, is used"
        yield Text.assemble(
            ("indirect: the entry of ", "dim"), (functions.name_of(entry.begin), "cyan"), (where, "dim")
        )
    if function.is_fragment:
        yield _chain(functions, function)
    if info.size_of_prolog or info.codes:
        yield _prologue(functions, function, info)
    if info.epilogs:
        yield _epilogues(function, info)
    if info.handler_rva is not None:
        yield from _handler(functions, function, info)


def _facts(function: Function, info: UnwindInfo) -> str:
    facts = [f"version {info.version}", f"flags {flag_names(info.flags)}"]
    facts.append(f"prologue {plural(info.size_of_prolog, 'byte')}" if info.size_of_prolog else "no prologue")
    if info.frame_register:
        facts.append(f"frame register {frame_register(info)}")
    facts.append(f"info at 0x{function.entry.unwind_info:x}")
    return " · ".join(facts)


def _chain(functions: ImageFunctions, function: Function) -> RenderableType:
    assert function.chain is not None
    parents = [info.chained for info in function.chain.infos if info.chained is not None]
    names = " → ".join(functions.name_of(parent.begin) for parent in parents)
    return Text.assemble(("part of ", "dim"), (names, "cyan"), (": its codes are undone, too", "dim"))


def _prologue(functions: ImageFunctions, function: Function, info: UnwindInfo) -> RenderableType:
    table = _grid(3)
    begin = function.entry.begin
    end = begin + min(max([info.size_of_prolog, *(code.offset for code in info.codes)]), function.size)
    left = list(reversed(info.codes))
    for code in [code for code in left if code.offset == 0]:
        table.add_row("+0x0", Text("(at entry)", "dim"), Text(describe_code(code, info)))
        left.remove(code)
    for instruction in decode_range(functions.read, begin, end):
        yielded = [code for code in left if code.offset == instruction.end - begin]
        for row in _rows(instruction, begin, yielded, info):
            table.add_row(*row)
        left = [code for code in left if code not in yielded]
    for code in left:
        table.add_row(
            f"+{code.offset:#x}", Text("no instruction ends there", "red"), Text(describe_code(code, info), "red")
        )
    return table


def _rows(
    instruction: Instruction, begin: int, codes: list[UnwindCode], info: UnwindInfo
) -> Iterator[tuple[str | Text, Text, Text]]:
    offset = f"+{instruction.rva - begin:#x}"
    text = Text(instruction.text, "bold" if codes else "dim")
    words = [describe_code(code, info) for code in codes] or [""]
    yield offset, text, Text(words[0])
    for more in words[1:]:
        yield "", Text(""), Text(more)


def _epilogues(function: Function, info: UnwindInfo) -> RenderableType:
    starts = ", ".join(f"+{function.size - start:#x}" for start in sorted(info.epilogs, reverse=True))
    return Text.assemble(("epilogues ", "dim"), f"{starts}, {plural(info.epilog_size, 'byte')} each")


def _handler(functions: ImageFunctions, function: Function, info: UnwindInfo) -> Iterator[RenderableType]:
    assert info.handler_rva is not None
    phases = [
        name for flag, name in ((UNW_FLAG_EHANDLER, "exceptions"), (UNW_FLAG_UHANDLER, "unwinds")) if info.flags & flag
    ]
    yield Text.assemble(
        ("handler ", "dim"), (functions.code_name(info.handler_rva), "cyan"), f" for {' and '.join(phases)}"
    )
    data = function.language_data
    if data is None:
        return
    if data.scopes:
        table = _grid(3)
        for scope in data.scopes:
            table.add_row(*_scope(functions, function, scope))
        yield table
    if data.cookie is not None:
        yield Text.assemble(("cookie ", "dim"), _cookie(data.cookie))
    if data.error:
        yield Text(f"wrong: {data.error}", "bold red")


def _scope(functions: ImageFunctions, function: Function, scope: Scope) -> tuple[Text, Text, Text]:
    where = f"{_place(functions, function, scope.begin)} to {_place(functions, function, scope.end)}"
    tried = Text.assemble(("__try ", "dim"), where)
    if not scope.target:
        return tried, Text("__finally"), Text(functions.name_of(scope.handler), "cyan")
    target = Text.assemble(("goes on at ", "dim"), _place(functions, function, scope.target))
    if scope.handler == EXECUTE_HANDLER:
        return tried, Text("__except (EXCEPTION_EXECUTE_HANDLER)"), target
    return tried, Text.assemble("__except ", (functions.name_of(scope.handler), "cyan")), target


def _place(functions: ImageFunctions, function: Function, rva: int) -> str:
    offset = rva - function.entry.begin
    return f"+{offset:#x}" if 0 <= offset <= function.size else functions.name_of(rva)


def _cookie(cookie: CookieData) -> str:
    if cookie.alignment is None:
        return f"at frame {_signed(cookie.offset)}"
    added, alignment = cookie.alignment
    return f"at frame {_signed(added)}, rounded down to a multiple of {alignment:#x}, {_signed(cookie.offset)}"


def _signed(value: int) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value):#x}"


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns):
        table.add_column(overflow="fold")
    return table
