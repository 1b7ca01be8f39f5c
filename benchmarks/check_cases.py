# SPDX-License-Identifier: GPL-2.0-or-later
"""What the default checks cost a call that is traced, and one that is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, medians, row, seconds
from emu import Machine, Returned, build_guest

HERE = Path(__file__).parent
SIZES = (4096, 64 << 10)
SHORT = 64
"""Bytes of a call that is too short for anything but the checks' fixed cost to show."""
CAPTURED = 256
LIMIT = 2.0
FIXED = 1.5e-3
"""Seconds that the checks may need for a call, however short."""


def checks() -> list[Row]:
    """Trace copies and a driver's capture with the default checks and without."""
    rows = _fixed()
    for size in SIZES:
        rows += _compared(f"CopyFromUser, {size:,} bytes", "CopyFromUser", size, None)
    return rows + _compared(f"a driver's capture of {CAPTURED} bytes", "Capture", CAPTURED, HERE / "captures.c")


def _fixed() -> list[Row]:
    alone, with_checks, _, _ = _measured("CopyFromUser", SHORT, None)
    return [
        row(
            f"default checks of a traced call, their fixed cost: CopyFromUser, {SHORT} bytes",
            seconds(with_checks - alone),
            with_checks - alone,
            FIXED,
            f"≤ {seconds(FIXED)}",
            f"the trace alone {seconds(alone)}",
        )
    ]


def _measured(routine: str, size: int, source: Path | None) -> list[float]:
    """Return the seconds of a trace, of a trace with checks, of a call, and of a call with checks."""
    plain, traced = _calls(routine, size, source, None)
    checked, both = _calls(routine, size, source, "default")
    return medians(traced, both, plain, checked, repeat=20 if size < 1 << 12 else 3)


def _compared(what: str, routine: str, size: int, source: Path | None) -> list[Row]:
    alone, with_checks, untraced, looked_at = _measured(routine, size, source)
    return [
        row(
            f"default checks of a traced call: {what}",
            f"{with_checks / alone:.2f}×",
            with_checks / alone,
            LIMIT,
            f"≤ {LIMIT:g}×",
            f"{seconds(with_checks)}, the trace alone {seconds(alone)}",
        ),
        Row("  of a call that nobody traces", seconds(looked_at), f"the call alone {seconds(untraced)}"),
    ]


def _calls(
    routine: str, size: int, source: Path | None, checked: str | None
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a call and its findings, and the same with its trace."""
    machine = Machine("skylake-server", checks=checked)
    if source is not None:
        machine.load(build_guest([source]))
    user = machine.user.alloc(bytes(range(256)) * (size // 256 + 1), name="source")
    kernel = machine.kernel.alloc(size, name="target")
    arguments = (kernel, user, size) if source is None else (user, size)
    machine.checkpoint()

    def call() -> None:
        if not isinstance(machine.call(routine, *arguments), Returned):
            raise RuntimeError(f"{routine} did not return")

    def look() -> None:
        machine.reset()
        call()
        if machine.findings:
            raise RuntimeError(f"{routine} is not clean: {machine.findings[0]}")

    def trace() -> None:
        machine.reset()
        with machine.trace() as taken:
            call()
        if not len(taken.instructions) or not len(taken.accesses) or machine.findings:
            raise RuntimeError(f"{routine} is not clean, or nothing was traced")

    return look, trace
