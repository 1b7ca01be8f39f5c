# SPDX-License-Identifier: GPL-2.0-or-later
"""What a failing test shows of its machines: how the last call ended, what ran at its end, how to run it again."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from emu.address import Gva
from emu.kernel.explanation import Explanation
from emu.outcome import Raised, TimedOut, Unmodelled
from emu.testing.current import MACHINES
from emu.testing.guest import built_from
from emu.testing.machines import LoggedMachine
from emu.testing.replayable import NotReplayable, replay_id
from emu.toolchain import guest_directory
from emu.trace.code import Code
from emu.trace.listing import listing
from emu.trace.source import TraceError
from emu.trace.trace import Trace

LINES_SHOWN: Final = 20
"""Of the listing."""

SOURCE_AROUND: Final = 2
"""Lines of source before the one that is shown, and behind it."""

_LISTED: Final = 4096
"""Instructions from which the last lines are made: a loop among them is folded."""

OUTCOME_PROPERTY: Final = "emu-outcome"
REPLAY_PROPERTY: Final = "emu-replay"


class MachineReport(NamedTuple):
    """What there is to see of a machine."""

    profile: str
    outcome: str
    headline: str
    replay: str
    """The replay id; empty for none."""
    why_not: str
    """Why there is none."""
    lines: tuple[str, ...]
    """The end of the listing."""
    source: tuple[str, ...]


def add_to(report: pytest.TestReport, item: pytest.Item) -> None:
    """Add what there is to see of a failing test's machines, as sections and as JUnit properties."""
    for machine in item.stash[MACHINES]:
        found = report_of(machine)
        if found is None:
            continue
        report.sections += sections(found)
        properties = [(OUTCOME_PROPERTY, found.headline)]
        if found.replay:
            properties.append((REPLAY_PROPERTY, found.replay))
        for each in properties:
            if each not in item.user_properties:
                item.user_properties.append(each)
                report.user_properties.append(each)


def sections(found: MachineReport) -> list[tuple[str, str]]:
    """Return the sections of a report, title and text."""
    again = f"emu replay {found.replay}" if found.replay else f"no replay id: {found.why_not}"
    result = [(f"last call on {found.profile}", f"{found.outcome}\n{again}")]
    if found.lines:
        result.append((f"its last {len(found.lines)} lines of trace", "\n".join((*found.lines, *found.source))))
    return result


def report_of(machine: LoggedMachine) -> MachineReport | None:
    """Return what there is to see of a machine; None where it made no call."""
    call = machine.last_call
    if call is None:
        return None
    outcome = call.outcome
    text, headline = (
        ("interrupted", "interrupted") if outcome is None else (str(outcome), outcome.headline.splitlines()[0])
    )
    log = machine.log
    if log is None:
        why = "the call ran too long to be kept; trace it with machine.trace(last=1000)"
        return MachineReport(str(machine.profile), text, headline, "", why, (), ())
    trace = machine.trace_of(log)
    replay, why = "", ""
    lines: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    try:
        lines = last_lines(trace)
        source = source_lines(machine, trace)
        replay = replay_id(machine, trace)
    except (NotReplayable, TraceError) as error:
        why = str(error)
    except Exception as error:  # a report must not end the run that it is of
        why = f"{type(error).__name__}: {error}; please report this with the test"
    return MachineReport(str(machine.profile), text, headline, replay, why, lines, source)


def last_lines(trace: Trace) -> tuple[str, ...]:
    """Return the last lines of the listing of the last call."""
    last = trace.calls[-1]
    begin = max(last.begin, last.end - _LISTED)
    return tuple(deque(listing(trace, begin=begin), LINES_SHOWN))


def source_lines(machine: LoggedMachine, trace: Trace) -> tuple[str, ...]:
    """Return the source around where the last call ended, or around the last of it that is not the kernel's."""
    explanation = Explanation(machine.system)
    address = _last_place(machine, trace)
    line = None if address is None else explanation.source_line(address)
    if address is None or line is None:
        return ()
    for directory in _directories(machine, address):
        try:
            text = (directory / line.file).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        if line.line <= len(text):
            first, last = max(line.line - SOURCE_AROUND, 1), min(line.line + SOURCE_AROUND, len(text))
            return (
                f"{'':10}{line.file}:{line.line}",
                *(
                    f"{'>' if number == line.line else ' '}{number:>7}  {text[number - 1].expandtabs()}".rstrip()
                    for number in range(first, last + 1)
                ),
            )
    return ()


def _last_place(machine: LoggedMachine, trace: Trace) -> Gva | None:
    call = machine.last_call
    assert call is not None
    match call.outcome:
        case Raised(record):
            return record.exception_address
        case TimedOut(_, rip) | Unmodelled(_, rip):
            return rip
    kernel = machine.system.kernel
    for number in reversed(_last_codes(trace)):
        code: Code = trace.code[number]
        if code.file and not kernel.contains(code.rip):
            return code.rip
    return None


def _last_codes(trace: Trace) -> list[int]:
    """Return the last instructions of the last call, in bounded memory."""
    last = trace.calls[-1]
    begin = max(last.begin, last.end - _LISTED)
    numbers: list[int] = []
    for chunk in trace.chunks():
        if chunk.first + len(chunk.instructions) > begin:
            numbers += chunk.instructions["code"][max(begin - chunk.first, 0) :].tolist()
    return numbers


def _directories(machine: LoggedMachine, address: Gva) -> list[Path]:
    """Return where the sources of the code at an address may lie."""
    for module, path in machine.images:
        if module.contains(address):
            built = built_from(path)
            sources = () if built is None else built.sources
            return [*dict.fromkeys(source.parent for source in sources), path.parent]
    guest = guest_directory()
    return [guest / "umaccess", guest / "kernel"]
