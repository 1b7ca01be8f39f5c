# SPDX-License-Identifier: GPL-2.0-or-later
"""Run so many experiments on all cores into a store, in a process of its own; print seconds, peak MiB, file size."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main(count: int, path: Path) -> None:
    """Run them."""
    import resource  # noqa: PLC0415 (Unix has it; the benchmark of memory runs there)

    from benchmarks.campaign_cases import sweep_of_faults  # noqa: PLC0415 (a worker that starts needs none of it)
    from benchmarks.measure import peak_memory  # noqa: PLC0415
    from emu.campaign.run.campaign import Campaign  # noqa: PLC0415
    from emu.campaign.run.process_pool import ProcessPool, usable_cores  # noqa: PLC0415
    from emu.campaign.run.runner import run_campaign  # noqa: PLC0415
    from emu.campaign.run.store import Store  # noqa: PLC0415

    sweep = sweep_of_faults(count)
    start = time.perf_counter()
    with ProcessPool(usable_cores()) as executor, Store.create(path, Campaign.of(sweep.to_json()), count) as store:
        run_campaign(sweep.numbers(), store, executor)
    spent = time.perf_counter() - start
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (
        1 << 10 if sys.platform != "darwin" else 1 << 20
    )
    print(spent, max(peak_memory(), workers), path.stat().st_size)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
