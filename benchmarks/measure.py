# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians of repeated runs, taken in turns so that a noisy moment hits every side of a ratio."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROUNDS = 9


class Row(NamedTuple):
    """One line of the report."""

    what: str
    value: str
    ratio: str = ""
    target: str = ""
    met: bool | None = None


def row(what: str, value: str, measured: float, limit: float, target: str, ratio: str = "") -> Row:
    """Return the row of a measurement that must not be above a limit."""
    return Row(what, value, ratio, target, measured <= limit)


def medians(*works: Callable[[], object], repeat: int = 1, rounds: int = ROUNDS) -> list[float]:
    """Return the median seconds of each piece of work, `repeat` times a round, a round of one after the other."""
    for work in works:
        work()
    samples: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for index, work in enumerate(works):
            start = time.perf_counter()
            for _ in range(repeat):
                work()
            samples[index].append((time.perf_counter() - start) / repeat)
    return [statistics.median(times) for times in samples]


def peak_memory() -> float:
    """Return the most memory that this process has had, in MiB.

    Linux counts into `ru_maxrss` what a process was a copy of before it became another program; into `VmHWM` not.
    """
    import resource  # noqa: PLC0415 (Unix has it; the benchmarks of memory run there)

    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 10 if sys.platform != "darwin" else 1 << 20)


def seconds(value: float) -> str:
    """Format a time with the unit that fits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"
