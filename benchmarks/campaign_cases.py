# SPDX-License-Identifier: GPL-2.0-or-later
"""Campaigns: experiments a second on one core and on two, a sweep from the shell, a million in bounded memory."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import Executor
from pathlib import Path

from benchmarks.machine_cases import HOST_FAULTS, host_fault
from benchmarks.measure import Row, medians, row, seconds
from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.fault_template import parse_fault_choices
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.in_process import InProcessExecutor
from emu.campaign.run.process_pool import ProcessPool, usable_cores
from emu.campaign.run.runner import run_campaign
from emu.campaign.run.store import Store

FAULT_AT = 37
ROUNDS = 3
MILLION = 1_000_000
MILLION_MEMORY = 512
"""MiB that the coordinator, or a worker, of a million experiments may need."""
LINUX_SWEEP = ["--lengths=0-16", "--source-offsets=0-15", "--target-offsets=0-15", "--faults=", "--workers=1"]
"""16 × 16 offsets × 17 lengths: as many copies as the tests of Linux's user copy make."""


def sweep_of_faults(count: int) -> CopySweep:
    """Return a sweep of so many copies, in thousands, that each fault at byte 37, handled in the frame above."""
    targets = 1000
    lengths = count // targets
    return CopySweep(
        lengths=Axis.parse(f"{FAULT_AT + 1}-{FAULT_AT + lengths}", "lengths"),
        source_offsets=Axis.parse(str(4096 - FAULT_AT), "source offsets"),
        target_offsets=Axis.parse(f"16-{15 + targets}", "target offsets"),
        faults=parse_fault_choices([f"none@src+{FAULT_AT}"]),
    )


def campaigns() -> list[Row]:
    """Measure campaigns."""
    (host,) = medians(host_fault(), repeat=300)
    host /= HOST_FAULTS
    one = max(_rate(20_000, InProcessExecutor()) for _ in range(ROUNDS))
    rows = [
        Row(
            "campaign experiments, one core: fault, dispatch, verdict, stored",
            f"{one:,.0f}/s",
            seconds(1 / one),
            "≥ 20,000/s",
            one >= 20_000,
        ),
        row(
            "  against the host CPU's mprotect + SIGSEGV",
            f"{1 / one / host:.1f}×",
            1 / one / host,
            16,
            "≤ 16×",
            f"host: {seconds(host)}",
        ),
    ]
    if usable_cores() > 1:
        two = max(_rate(60_000, ProcessPool(2)) for _ in range(ROUNDS))
        rows.append(Row("  on two cores", f"{two / one:.2f}×", f"{two:,.0f}/s", "≥ 1.8×", two >= 1.8 * one))
    return rows + _from_the_shell() + _million()


def _rate(count: int, executor: Executor) -> float:
    """Return experiments a second, the start of workers left out."""
    sweep = sweep_of_faults(count)
    with tempfile.TemporaryDirectory() as directory, executor:
        with Store.create(
            Path(directory) / "warm.store", Campaign.of(sweep_of_faults(2_000).to_json()), 2_000
        ) as store:
            run_campaign(sweep_of_faults(2_000).numbers(), store, executor)
        with Store.create(Path(directory) / "rate.store", Campaign.of(sweep.to_json()), count) as store:
            start = time.perf_counter()
            progress = run_campaign(sweep.numbers(), store, executor)
            spent = time.perf_counter() - start
    if progress.counts[VerdictClass.CORRECT] != count:
        raise RuntimeError(f"of {count} experiments {progress.counts[VerdictClass.CORRECT]} were correct")
    return count / spent


def _from_the_shell() -> list[Row]:
    command = [str(Path(sysconfig.get_path("scripts")) / "emu"), "inject", *LINUX_SWEEP]

    def sweep() -> None:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        if "4,352" not in done.stdout:
            raise RuntimeError(f"emu inject says {done.stdout}")

    (spent,) = medians(sweep, rounds=5)
    return [row("a sweep of 4,352 copies, from the shell", seconds(spent), spent, 1, "≤ 1 s")]


def _million() -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "benchmarks.long_campaign", str(MILLION), str(Path(directory) / "long.store")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    spent, peak, size = (float(word) for word in done.stdout.split())
    return [
        row(
            f"{MILLION:,} experiments: the largest process",
            f"{peak:.0f} MiB at most",
            peak,
            MILLION_MEMORY,
            f"≤ {MILLION_MEMORY} MiB",
            f"{seconds(spent)}, {MILLION / spent:,.0f}/s",
        ),
        row("  their store", f"{size / MILLION:.2f} bytes each", size / MILLION, 64, "≤ 64 bytes"),
    ]
