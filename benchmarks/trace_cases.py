# SPDX-License-Identifier: GPL-2.0-or-later
"""A full trace, against the same trace taken with the engine's Python hooks, and what tracing costs a run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine_cases import call_state
from benchmarks.measure import Row, medians, row, seconds
from benchmarks.raw_engine import RawEngine
from emu import Machine, Returned, build_guest
from emu.address import Gva

HERE = Path(__file__).parent
SIZE = 64 << 10
PIECE = 63
"""Bytes of a CopyFromUser that copies byte by byte alone."""
LONG_TRACE = 100_000_000
LONG_TRACE_MEMORY = 512
"""MiB that taking it may need."""


class Way(NamedTuple):
    """One way through guest code."""

    name: str
    profile: str
    unit: str
    limit: float
    """Nanoseconds that one may take."""
    faster: float
    """How many times faster than Python hooks it must be; 0: no target."""


BYTE_PATH = Way("CopyFromUser, byte path (calls of 63)", "nehalem", "an instruction", 30, 20)
WIDE_PATH = Way("CopyFromUser, wide path", "nehalem", "an instruction", 90, 12)
REP = Way("CopyFromUser, rep movsb", "skylake-server", "an iteration", 110, 0)
COMPILED = Way("a compiled C function (-O2)", "nehalem", "an instruction", 0, 0)


def traces() -> list[Row]:
    """Trace 64 KiB on each way, and a hundred million instructions to a file."""
    return [each for way in (BYTE_PATH, WIDE_PATH, REP, COMPILED) for each in _trace(way)] + _long_trace()


def _trace(way: Way) -> list[Row]:
    with Machine(way.profile) as machine:
        source = machine.user.alloc(bytes(range(256)) * (SIZE // 256))
        target = machine.kernel.alloc(SIZE)
        symbol, arguments = _call(machine, way, int(target), int(source))

        def call() -> None:
            if not isinstance(machine.call(symbol, *arguments), Returned):
                raise RuntimeError(f"{symbol} did not return")

        def trace() -> int:
            with machine.trace() as taken:
                call()
            return len(taken.instructions) + 0 * len(taken.accesses)

        hooked = _hooked(machine, symbol, arguments)
        count = trace()
        (before,) = medians(call, repeat=20)
        traced, logged = medians(trace, lambda: _log(machine, call), repeat=3)
        (after,) = medians(call, repeat=20)
        (python,) = medians(hooked, rounds=3)
    each = traced / count * 1e9
    rows = [
        Row(
            f"trace of 64 KiB, {way.name}",
            f"{each:.1f} ns {way.unit}",
            f"{count:,} in {seconds(traced)}; the run itself {seconds(logged)}, untraced {seconds(before)}",
            f"≤ {way.limit:g} ns" if way.limit else "",
            each <= way.limit if way.limit else None,
        ),
        Row(
            "  against Python hooks of the engine",
            f"{python / traced:.0f}× faster",
            f"hooked: {seconds(python)}",
            f"≥ {way.faster:g}×" if way.faster else "",
            python / traced >= way.faster if way.faster else None,
        ),
    ]
    if way is WIDE_PATH:
        rows.append(
            row(
                "  an untraced run after it, against one before it",
                f"{after / before:.2f}×",
                after / before,
                1.05,
                "≤ 1.05×",
                f"{seconds(before)}, {seconds(after)}",
            )
        )
    return rows


def _log(machine: Machine, call: Callable[[], None]) -> None:
    """Run as a trace is taken, and ask it nothing."""
    with machine.trace():
        call()


def _call(machine: Machine, way: Way, target: int, source: int) -> tuple[str, list[int]]:
    """Return what to call on a way, and with what."""
    if way is BYTE_PATH:
        machine.load(build_guest([HERE / "in_pieces.S"]))
        return "copy_in_pieces", [target, source, SIZE, PIECE, machine.resolve("CopyFromUser")]
    if way is COMPILED:
        machine.load(build_guest([HERE / "checksum.c"], optimize="2"))
        return "checksum", [target, source, SIZE]
    return "CopyFromUser", [target, source, SIZE]


def _hooked(machine: Machine, symbol: str, arguments: list[int]) -> Callable[[], None]:
    """Return the same call on the bare engine with Python hooks that note the same."""
    raw = RawEngine(machine._system)
    noted = raw.trace_from_python()
    start, registers = call_state(machine, symbol, arguments)
    for index, argument in enumerate(arguments[4:], 4):
        machine._system.memory.write_u64(Gva(registers[4] + index * 8), argument)
    context = raw.start_at(start, registers)

    def run() -> None:
        noted.clear()
        raw.run(context, start)

    return run


def _long_trace() -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "benchmarks.long_trace", str(LONG_TRACE), str(Path(directory) / "long.trace")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    count, spent, peak, size = (float(word) for word in done.stdout.split())
    return [
        row(
            f"{count / 1e6:.0f} M instructions traced to a file",
            f"{peak:.0f} MiB at most",
            peak,
            LONG_TRACE_MEMORY,
            f"≤ {LONG_TRACE_MEMORY} MiB",
            f"{seconds(spent)}, {size / count:.2f} bytes an instruction",
        )
    ]
