# SPDX-License-Identifier: GPL-2.0-or-later
"""What the default checks cost a call that is traced, and one that is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Row, medians, row, seconds
from emu import Machine, Returned, build_guest
from emu.memory.buffer import Buffer

HERE = Path(__file__).parent
LIMIT = 2.0
SHORT = 1 << 12
"""Bytes up to which calls are repeated in each round."""


class Case(NamedTuple):
    """A call, traced with the default checks and without."""

    what: str
    routine: str
    size: int
    arguments: tuple[str, ...] = ("kernel", "user", "size")
    source: Path | None = None
    is_mapped: bool = True
    """Whether the user's buffer is; else the call handles an access violation."""


COPIES = tuple(Case(f"CopyFromUser, {size:,} bytes", "CopyFromUser", size) for size in (64, 4096, 64 << 10))
CAPTURE = Case("a driver's capture of 256 bytes", "Capture", 256, ("user", "size"), HERE / "captures.c")
CASES = (
    Case("ReadULongFromUser", "ReadULongFromUser", 4, ("user",)),
    *COPIES,
    CAPTURE,
    CAPTURE._replace(what="one that handles an access violation", is_mapped=False),
)


def checks() -> list[Row]:
    """Trace calls with the default checks and without."""
    return [row for case in CASES for row in _rows(case)]


def _rows(case: Case) -> list[Row]:
    plain, traced = _calls(case, None)
    checked, both = _calls(case, "default")
    repeat = 20 if case.size < SHORT else 3
    alone, with_checks, untraced, looked_at = medians(traced, both, plain, checked, repeat=repeat)
    return [
        row(
            f"default checks of a traced call: {case.what}",
            f"{with_checks / alone:.2f}×",
            with_checks / alone,
            LIMIT,
            f"≤ {LIMIT:g}×",
            f"{seconds(with_checks)}, the trace alone {seconds(alone)}",
        ),
        Row("  of a call that nobody traces", seconds(looked_at), f"the call alone {seconds(untraced)}"),
    ]


def _calls(case: Case, checked: str | None) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a call and its findings, and the same with its trace."""
    machine = Machine("skylake-server", checks=checked)
    if case.source is not None:
        machine.load(build_guest([case.source]))
    user = machine.user.alloc(bytes(range(256)) * (case.size // 256 + 1), name="source")
    kernel = machine.kernel.alloc(case.size, name="target")
    if not case.is_mapped:
        machine.user.unmap(user)
    named: dict[str, Buffer | int] = {"user": user, "kernel": kernel, "size": case.size}
    arguments = [named[name] for name in case.arguments]
    machine.checkpoint()

    def call() -> None:
        if not isinstance(machine.call(case.routine, *arguments), Returned):
            raise RuntimeError(f"{case.routine} did not return")

    def look() -> None:
        machine.reset()
        call()
        if machine.findings:
            raise RuntimeError(f"{case.routine} is not clean: {machine.findings[0]}")

    def trace() -> None:
        machine.reset()
        with machine.trace() as taken:
            call()
        if not len(taken.instructions) or not len(taken.accesses) or machine.findings:
            raise RuntimeError(f"{case.routine} is not clean, or nothing was traced")

    return look, trace
