# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of one copy, from the mappings to the replay id."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from emu.campaign import CopyResult, format_replay_id
from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.cli.hex_dump import HexDump, Mark
from emu.cli.history import History
from emu.cli.mappings import mappings_table
from emu.cli.sections import describe_machine, section
from emu.cli.verdict import bugcheck_section, verdict
from emu.cli.words import damage_words, fault_reason, landed_count, last_fault, plural
from emu.outcome import Bugchecked


def display_copy(result: CopyResult, width: int, judged: Verdict) -> Iterator[RenderableType]:
    """Return what `emu copy` prints, part by part, and what a judge says of the copy."""
    experiment = result.experiment
    yield Text(
        f"{experiment.routine}(target 0x{result.target_address:016x}, source 0x{result.source_address:016x}, "
        f"{plural(experiment.length, 'byte')})",
        "bold",
    )
    yield Text(f"{describe_machine(experiment.profile, experiment.irql)} · {experiment.data.describe()}", "dim")
    yield section(
        "Mappings", "", mappings_table(result), *(Text(f"note: {note}", "yellow") for note in experiment.notes)
    )
    yield section("What landed", _landed_heading(result), *HexDump(result, width - 2, _mark(result)).lines())
    for title, subtitle, content in History(result).sections():
        yield section(title, subtitle, content)
    if isinstance(result.outcome, Bugchecked):
        yield bugcheck_section(result, result.outcome)
    yield section("Outcome", "", verdict(result))
    yield section("Verdict", "", _judgement(judged))
    # On one line whatever the width, so that it can be copied as one.
    yield Text.assemble(
        "\n", ("Replay", "bold"), f"  emu replay {format_replay_id(experiment)}", no_wrap=True, overflow="ignore"
    )


def _judgement(judged: Verdict) -> Text:
    if judged.kind is VerdictClass.CORRECT:
        return Text("correct: what the contract of a copy asks for", "green")
    return Text.assemble((judged.kind.label, "bold red"), f": {judged.detail}")


def _landed_heading(result: CopyResult) -> str:
    return f"{landed_count(result)}; {damage_words(result) or 'the poison around the target is intact'}"


def _mark(result: CopyResult) -> Mark | None:
    trap = last_fault(result)
    place = result.place_of(trap.address) if trap is not None else None
    return Mark(*place, fault_reason(result, trap)) if trap is not None and place is not None else None
