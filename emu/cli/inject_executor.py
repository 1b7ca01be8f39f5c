# SPDX-License-Identifier: GPL-2.0-or-later
"""Who runs the experiments of `emu inject`: this process, processes of this computer, or a cluster."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Final

from emu.cli.inject_plan import InjectOptions
from emu.cli.mistakes import Mistake

FEW: Final = 10_000
"""Experiments that take this process about as long as other processes need to start."""


def check_executor(options: InjectOptions) -> None:
    """Raise `Mistake` for options that contradict each other."""
    given = {
        "--workers": options.workers,
        "--scheduler": options.scheduler,
        "--local-cluster": options.local_cluster,
    }
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise Mistake(f"{' and '.join(names)} both say who runs the experiments; give one of them")
    for name in ("--workers", "--local-cluster"):
        count = given[name]
        if isinstance(count, int) and count < 1:
            raise Mistake(f"{name} {count}: choose 1 or more")


def make_executor(options: InjectOptions, left: int) -> Executor:
    """Return what runs `left` experiments; by default as many processes as there are cores, if it is worth it.

    Raises `ExperimentError` for a cluster that is not there.
    """
    if options.scheduler is not None or options.local_cluster is not None:
        from emu.campaign.cluster import Cluster  # noqa: PLC0415 (slow to import)

        return Cluster(options.scheduler, options.local_cluster)
    from emu.campaign.process_pool import ProcessPool, usable_cores  # noqa: PLC0415 (not needed for a few)

    workers = options.workers
    if workers is None:
        workers = 1 if left <= FEW else usable_cores()
    if workers == 1:
        from emu.campaign.in_process import InProcessExecutor  # noqa: PLC0415

        return InProcessExecutor()
    return ProcessPool(workers)
