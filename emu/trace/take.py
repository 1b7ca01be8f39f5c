# SPDX-License-Identifier: GPL-2.0-or-later
"""Begins a trace of a system."""

from __future__ import annotations

import operator

from emu.cpu.recorder import Filter
from emu.kernel.system import System
from emu.trace.recorded import RecordedSource
from emu.trace.replay import Replay
from emu.trace.run_log import RunLog
from emu.trace.tail import TailSource
from emu.trace.trace import Trace


def begin_trace(system: System, filtered: Filter, last: int | None, spare: list[Replay]) -> tuple[RunLog, Trace]:
    """Begin to log a system, and return the trace that its log will be.

    `last` keeps so many instructions; `spare` are replays of the same system that nobody uses. Raises `TraceError`
    where the system is being logged already, ValueError for a `last` that keeps none, TypeError for one that is no
    integer.
    """
    if last is not None and operator.index(last) < 1:
        raise ValueError(f"the last {last} instructions are no trace; keep 1 or more")
    log = RunLog(system)
    source = RecordedSource(log, filtered, spare)
    return log, Trace(source if last is None else TailSource(source, last))
