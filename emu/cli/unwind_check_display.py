# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of `emu unwind --check`: each mistake with the codes that apply, and what was checked."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emu.checks.unwind_data import DisprovedUnwind, UnwindFinding
from emu.cli.run_display import run_summary
from emu.cli.sections import describe_machine, section
from emu.cli.unwind_result import CallProof, UnwindCheck
from emu.cli.words import plural, shortened

INSTRUCTIONS_SHOWN: Final = 12
"""Of one function by execution: the first ones, and the last."""
FUNCTIONS_SHOWN: Final = 12
VALUES_SHOWN: Final = 4


def display_check(result: UnwindCheck) -> Iterator[RenderableType]:
    """Return what `emu unwind --check` prints, part by part."""
    names = ", ".join(functions.image.name for functions in result.images)
    yield Text(f"Unwind data of {names}", "bold")
    yield Text(_circumstances(result), "dim")
    if result.findings:
        yield from _findings(result.findings, "by reading")
    if result.proof is not None:
        yield from _findings(result.proof.findings, "by running")
        yield section("Reached", _reached(result.proof), *_not_reached(result.proof))
    if result.refusal:
        yield section("Call", "", Text(f"not made: {result.refusal}", "yellow"))
    yield section("Outcome", "", Text(check_summary(result), "bold green" if result.is_clean else "bold red"))


def check_summary(result: UnwindCheck) -> str:
    """Return what was found, in one sentence."""
    found = [*result.findings, *(result.proof.findings if result.proof else ())]
    if found:
        functions = len({(finding.module, finding.function) for finding in found})
        return f"{plural(len(found), 'finding')} in {plural(functions, 'function')}"
    if result.refusal:
        return "nothing is wrong as far as it could be read, and the call could not be made"
    if result.proof is not None and not result.proof.is_complete:
        return "nothing is wrong as far as the call came"
    count = sum(len(functions.functions) for functions in result.images)
    if not count:
        return "nothing to check: no function table"
    proved = f", and at {plural(result.proof.coverage.instructions, 'instruction')} that ran" if result.proof else ""
    return f"nothing is wrong in {plural(count, 'function')}{proved}"


def _circumstances(result: UnwindCheck) -> str:
    count = sum(len(functions.functions) for functions in result.images)
    parts = [f"{plural(count, 'function')} in the function table"]
    if result.proof is not None:
        call = result.proof.run.call
        parts.append(" ".join(["call", call.routine, *map(str, call.arguments)]))
        parts.append(describe_machine(call.profile, call.irql))
    return " · ".join(parts)


def _findings(findings: Iterable[UnwindFinding], how: str) -> Iterator[RenderableType]:
    for (module, name), group in itertools.groupby(findings, lambda each: (each.module, each.function)):
        found = list(group)
        first, left_out, last = shortened(found, INSTRUCTIONS_SHOWN)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in first:
            _add(table, finding)
        if left_out:
            table.add_row("", Text(f"⋮ {left_out:,} more; --json has them all", "dim"))
        for finding in last:
            _add(table, finding)
        yield section(f"{module}!{name}" if name else module, f"{plural(len(found), 'finding')} {how}", table)


def _add(table: Table, finding: UnwindFinding) -> None:
    offset = "" if finding.offset is None else f"+{finding.offset:#x}"
    if finding.instruction:
        table.add_row(offset, Text(finding.instruction, "bold"))
        offset = ""
    table.add_row(offset, Text.assemble((f"{finding.rule}: ", "red"), finding.message))
    if isinstance(finding, DisprovedUnwind):
        for value in finding.values[:VALUES_SHOWN]:
            table.add_row(
                "", Text(f"{value.register} came out as {value.came_out:#x}, the true one is {value.true:#x}")
            )
        if (more := len(finding.values) - VALUES_SHOWN) > 0:
            table.add_row("", Text(f"⋮ {plural(more, 'register')} more", "dim"))
    for number, code in enumerate(finding.codes):
        table.add_row("", Text.assemble(("codes  " if number == 0 else "       ", "dim"), (code, "dim")))


def _reached(proof: CallProof) -> str:
    coverage = proof.coverage
    return (
        f"{plural(coverage.stops, 'unwind')} checked at {plural(coverage.instructions, 'instruction')} "
        f"of {plural(len(coverage.functions), 'function')}"
    )


def _not_reached(proof: CallProof) -> Iterator[RenderableType]:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(Text("the call", "dim"), run_summary(proof.run))
    missed = proof.coverage.not_reached
    if missed:
        first, left_out, last = shortened(missed, FUNCTIONS_SHOWN)
        names = [*first, *([f"⋮ {left_out:,} more"] if left_out else []), *last]
        table.add_row(Text("not reached", "dim"), ", ".join(names))
    else:
        table.add_row(Text("not reached", "dim"), "none of the functions in the table")
    yield table
