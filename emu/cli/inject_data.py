# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign that has been run, as JSON: `emu inject --json`.

The keys are those of the JSON report up to `counts` (emu/campaign/report/json_report.py), and

    store      the file, or null
    fresh      how many experiments this run did
    seconds    what they took
    failures   the first ones that are not correct and differ, as in the JSON report
"""

from __future__ import annotations

from typing import Any

from emu.campaign.report import CampaignResults, Result
from emu.campaign.report.json_report import failure_data, summary
from emu.campaign.run.store import Store
from emu.cli.inject import CampaignRun


def inject_data(run: CampaignRun, store: Store) -> dict[str, Any]:
    """Return everything that the display shows."""
    campaign = CampaignResults(store)
    return {
        **summary(campaign),
        "store": run.store,
        "fresh": run.progress.fresh,
        "seconds": round(run.progress.seconds, 3),
        "failures": [failure_data(campaign, Result.of(row)) for row in run.found],
        **({} if run.checks is None else run.checks.data()),
    }
