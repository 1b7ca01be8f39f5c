# SPDX-License-Identifier: GPL-2.0-or-later
"""A small campaign as a process of its own, to be killed: `python -m tests.campaign.run.kill_runs STORE WORKERS`.

Begins the campaign, or goes on with it; `WORKERS` 0 runs it in its own process. Says `worker PID` of each worker, and
`recorded N` after each batch.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.in_process import InProcessExecutor
from emu.campaign.run.process_pool import ProcessPool
from emu.campaign.run.runner import run_campaign
from emu.campaign.run.store import Store
from tests.campaign.made_workbench import made

PLAN: Final = {"every": 9, "seconds": 0.0003}
NUMBERS: Final = range(1200)


def main() -> None:
    # A shell in the background hands it on ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path, workers = Path(sys.argv[1]), int(sys.argv[2])
    try:
        store = Store.create(path, made(**PLAN), len(NUMBERS))
    except ExperimentError:
        store = Store.resume(path)
    executor: Executor = ProcessPool(workers) if workers else InProcessExecutor()
    with store, executor, contextlib.suppress(BrokenPipeError):
        for _ in range(workers):
            print("worker", executor.submit(_identify).result(), flush=True)
        run_campaign(NUMBERS, store, executor, lambda progress: print("recorded", progress.done, flush=True))


def _identify() -> int:
    time.sleep(0.05)
    return os.getpid()


if __name__ == "__main__":
    main()
