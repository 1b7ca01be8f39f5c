# SPDX-License-Identifier: GPL-2.0-or-later
"""The calls of kernel exports that the host implements, with their arguments and results."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from emu.address import Gva
from emu.checks.call.source import quadword
from emu.cpu import registers as r
from emu.events import Event, ExportCalled
from emu.kernel.stubs import AFTER_CALLBACK, STUB_LENGTH
from emu.trace.run_log import Run


class ExportCallMade(NamedTuple):
    """One call of an export."""

    name: str
    arguments: tuple[int, int, int, int]
    """RCX, RDX, R8, R9."""
    result: int | None
    """RAX as it returned; None where it raised, or called guest code first."""
    return_address: Gva
    instruction: int
    """How many instructions of the call came before it; the one before is the stub's own."""
    event: int
    """Index of its event in the call's."""


def export_calls(events: Sequence[Event], places: Sequence[int], runs: Sequence[Run]) -> Iterator[ExportCallMade]:
    """Give the calls of exports, in order.

    places  how many instructions of the call came before each event
    """
    firsts = [run.events for run in runs]
    for number, event in enumerate(events):
        if not isinstance(event, ExportCalled):
            continue
        at = bisect.bisect_right(firsts, number) - 1
        end = runs[at].end
        first, second, third, fourth = (quadword(end, register) for register in (r.RCX, r.RDX, r.R8, r.R9))
        yield ExportCallMade(
            event.name,
            (first, second, third, fourth),
            _result(runs, at),
            event.return_address,
            places[number],
            number,
        )


def _result(runs: Sequence[Run], at: int) -> int | None:
    if at + 1 >= len(runs):
        return None
    stub = quadword(runs[at].end, r.RIP) // STUB_LENGTH * STUB_LENGTH
    begin = runs[at + 1].begin
    return quadword(begin, r.RAX) if quadword(begin, r.RIP) == stub + AFTER_CALLBACK else None
