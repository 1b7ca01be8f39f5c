# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of one call, from its arguments to its outcome."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emu.address import Gva
from emu.campaign.experiment.argument import Integer
from emu.campaign.experiment.run_result import ArgumentMemory, RunResult
from emu.cli.buffer_dump import BufferDump, changed_runs, describe_change
from emu.cli.call_result import place_of
from emu.cli.hex_dump import Mark
from emu.cli.history import History
from emu.cli.mappings import mappings_table
from emu.cli.sections import describe_machine, section
from emu.cli.verdict import bugcheck_section, summary
from emu.cli.words import fault_reason, last_fault, plural, shortened
from emu.events import ExceptionRaised
from emu.kernel.pool import format_tag
from emu.nt.status import describe_status, to_status
from emu.outcome import Bugchecked, Raised, Returned

SECTIONS_SHOWN: Final = 40
LINES_SHOWN: Final = 60
BLOCKS_SHOWN: Final = 20

_SIGN: Final = 1 << 63
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x09}


def display_run(result: RunResult, width: int) -> Iterator[RenderableType]:
    """Return what `emu run` prints, part by part."""
    yield Text(heading(result), "bold")
    yield Text(circumstances(result), "dim")
    if result.pages:
        notes = (Text(f"note: {note}", "yellow") for note in result.notes)
        yield section("Mappings", "", mappings_table(result), *notes)
    first, left_out, last = shortened(list(History(result).sections()), SECTIONS_SHOWN)
    for title, subtitle, content in first:
        yield section(title, subtitle, content)
    if left_out:
        yield Text(f"\n⋮ {plural(left_out, 'section')} more; --json has them all", "dim")
    for title, subtitle, content in last:
        yield section(title, subtitle, content)
    mark = _mark(result)
    for memory in result.memory:
        yield _dump(memory, width - 2, mark if mark is not None and mark.buffer == memory.name else None)
    if result.debug_output:
        yield section("Debug output", "", *_debug_lines(result.debug_output))
    if result.outstanding:
        yield section("Pool", f"{plural(len(result.outstanding), 'block')} not freed", _pool_table(result))
    yield from outcome_sections(result)


def outcome_sections(result: RunResult, *more: RenderableType) -> Iterator[RenderableType]:
    """Return how the call ended, and below it `more`."""
    if isinstance(result.outcome, Bugchecked):
        yield bugcheck_section(result, result.outcome)
    colour = "green" if result.returned else "yellow" if isinstance(result.outcome, Raised) else "red"
    yield section("Outcome", "", Text(run_summary(result), f"bold {colour}"), *more)


def run_summary(result: RunResult) -> str:
    """Return how the call ended, in one sentence."""
    outcome = result.outcome
    if not isinstance(outcome, Returned) or any(isinstance(event, ExceptionRaised) for event in result.events):
        return summary(result)
    value = outcome.value
    text = f"returned {value:#x}"
    if 0x8000_0000 <= value <= 0xFFFF_FFFF and to_status(value) is not value:
        return f"{text}, {describe_status(value).partition(' ')[0]}"
    where = result.explanation.locate(Gva(value))
    if where != f"{value:#x}":
        return f"{text}, {where}"
    if value >= _SIGN:
        return f"{text} ({value - 2 * _SIGN})"
    return f"{text} ({value})" if value > 9 else text


def heading(result: RunResult) -> str:
    """Return the call with its arguments."""
    arguments = [
        str(argument) if isinstance(argument, Integer) else f"arg{position} 0x{value:016x}"
        for position, (argument, value) in enumerate(zip(result.call.arguments, result.values, strict=True))
    ]
    return f"{result.call.routine}({', '.join(arguments)})"


def circumstances(result: RunResult) -> str:
    """Return the machine that it was made on."""
    call = result.call
    guard = "" if call.guarded else " · unguarded"
    stubs = f" · stubs {', '.join(map(str, call.stubs))}" if call.stubs else ""
    return f"{describe_machine(call.profile, call.irql)}{guard}{stubs}"


def _mark(result: RunResult) -> Mark | None:
    trap = last_fault(result)
    place = place_of(result, trap.address) if trap is not None else None
    return Mark(*place, fault_reason(result, trap)) if trap is not None and place is not None else None


def _dump(memory: ArgumentMemory, width: int, mark: Mark | None) -> RenderableType:
    runs = changed_runs(memory.before, memory.after)
    described = f"{memory.half} 0x{memory.address:016x}  {describe_change(len(memory.after), runs)}"
    return section(memory.name, described, *BufferDump(memory.before, memory.after, width, mark).lines())


def _debug_lines(output: str) -> Iterator[Text]:
    lines = output.removesuffix("\n").split("\n")
    first, left_out, last = shortened(lines, LINES_SHOWN)
    for line in first:
        yield _debug_line(line)
    if left_out:
        yield Text(f"⋮ {plural(left_out, 'line')} more", "dim")
    for line in last:
        yield _debug_line(line)


def _debug_line(line: str) -> Text:
    # What a guest prints must not reach the terminal as commands to it.
    return Text(line.removesuffix("\r").translate(_CONTROLS), overflow="fold")


def _pool_table(result: RunResult) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    first, left_out, last = shortened(result.outstanding, BLOCKS_SHOWN)
    for number, (block, caller) in enumerate((*first, *last)):
        if left_out and number == len(first):
            table.add_row(Text(f"⋮ {left_out:,} more", "dim"))
        table.add_row(
            f"0x{block.address:016x}",
            plural(block.size, "byte"),
            f"tag {format_tag(block.tag)!r}",
            Text.assemble("from ", (caller, "cyan")),
        )
    return table
