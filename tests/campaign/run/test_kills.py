# SPDX-License-Identifier: GPL-2.0-or-later
"""`kill -9` of a campaign's process and of its workers, at random moments: nothing is lost, nothing is there twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from emu.campaign.run.store import Store
from tests.campaign.made_workbench import expected_rows
from tests.campaign.run.kill_runs import NUMBERS, PLAN

MOMENTS: Final = 50
LONGEST: Final = 0.5
"""Seconds that a campaign takes about, after its first line."""

EXPECTED: Final = expected_rows(PLAN, NUMBERS)
posix = pytest.mark.skipif(os.name != "posix", reason="kill -9")


def start(path: Path, workers: int, start_new_session: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.campaign.run.kill_runs", str(path), str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=start_new_session,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def check(path: Path) -> None:
    with Store.open(path) as store:
        assert list(store.done) == [NUMBERS]
        assert list(store.rows()) == EXPECTED


def is_gone(process: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has, too."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@posix
@pytest.mark.parametrize(
    ("moment", "workers"),
    [
        pytest.param(moment, workers, marks=pytest.mark.sweep if moment > (0 if workers else 1) else ())
        for moment in range(MOMENTS)
        for workers in (0, 2)
    ],
)
def test_the_campaigns_process_is_killed(tmp_path: Path, moment: int, workers: int) -> None:
    path = tmp_path / "store"
    chance = random.Random(f"{moment} {workers}")
    said, kills = 0, 0
    while True:
        with start(path, workers) as process:
            lines: list[str] = []
            # The first line comes once the store is there; now and then it is killed before that.
            if chance.random() < 0.2 and kills:
                time.sleep(chance.uniform(0, 0.4))
            else:
                lines = [first_line(process) for _ in range(workers + 1)]
                time.sleep(chance.uniform(0, LONGEST))
            if kills < 1 + moment % 2:
                process.kill()
                kills += 1
            output, errors = process.communicate(timeout=60)
        lines = [*lines, *output.splitlines()]
        recorded = [int(line.split()[1]) for line in lines if line.startswith("recorded")]
        with Store.open(path) as store:
            assert store.done.count >= max([said, *recorded])
            done = store.done
            said = done.count
            assert list(store.rows()) == [row for row in EXPECTED if row.number in done]
        children = [int(line.split()[1]) for line in lines if line.startswith("worker")]
        deadline = time.monotonic() + 10
        while not all(map(is_gone, children)):
            assert time.monotonic() < deadline, "a worker outlives its campaign"
            time.sleep(0.02)
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 0, errors
            break
    check(path)


@posix
@pytest.mark.parametrize(
    "moment", [pytest.param(each, marks=pytest.mark.sweep if each else ()) for each in range(MOMENTS)]
)
def test_a_worker_is_killed(tmp_path: Path, moment: int) -> None:
    path = tmp_path / "store"
    chance = random.Random(moment)
    with start(path, 2) as process:
        workers = {int(first_line(process).split()[1]) for _ in range(2)}
        time.sleep(chance.uniform(0, LONGEST))
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(sorted(workers)), signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert not errors
    check(path)


@posix
@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.sweep), 2])
def test_an_interrupt_from_the_terminal_leaves_a_store_to_go_on_with(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "store"
    with start(path, workers, start_new_session=True) as process:
        for _ in range(workers + 2):
            first_line(process)
        # As a terminal does it: to all of the processes.
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        # Nothing of the workers is among it: one traceback, which ends with the interrupt.
        assert errors.count("Traceback") == 1
        assert errors.splitlines()[-1] == "KeyboardInterrupt"
    with Store.resume(path) as store:
        assert 0 < store.done.count < len(NUMBERS)
    with start(path, workers) as process:
        process.communicate(timeout=60)
    check(path)
