# SPDX-License-Identifier: GPL-2.0-or-later
"""Which executor a campaign gets."""

from __future__ import annotations

from typing import Final, TypeAlias

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.cluster import Cluster
from emu.campaign.run.in_process import InProcessExecutor
from emu.campaign.run.process_pool import ProcessPool, usable_cores

FEW: Final = 5000
"""Experiments that are done before processes would have been started."""

CampaignExecutor: TypeAlias = InProcessExecutor | ProcessPool | Cluster


def open_executor(
    experiments: int,
    workers: int | None = None,
    scheduler: str | None = None,
    local_cluster: int | None = None,
) -> CampaignExecutor:
    """Return the executor for a campaign that has so many experiments left; close it, or use it in a `with`.

    workers        processes on this computer; by default all cores, or this process alone for a few experiments
    scheduler      a Dask scheduler's address
    local_cluster  workers of a Dask cluster on this computer

    Raises `ExperimentError`.
    """
    given = {"--workers": workers, "--scheduler": scheduler, "--local-cluster": local_cluster}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise ExperimentError(f"{' and '.join(chosen)} each say who runs the experiments; give one of them")
    for name, count in (("workers", workers), ("workers of a local cluster", local_cluster)):
        if count is not None and count < 1:
            raise ExperimentError(f"{count} {name}: choose 1 or more")
    if scheduler is not None or local_cluster is not None:
        return Cluster(scheduler, local_cluster)
    if workers is None:
        workers = 1 if experiments <= FEW else usable_cores()
    return InProcessExecutor() if workers == 1 else ProcessPool(workers)
