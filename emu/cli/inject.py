# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu inject`: from options to a campaign, its store, and what came of it to the terminal."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from emu.campaign.judge.oracle import load_oracle
from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.plan import Plan
from emu.campaign.plan.plan_json import plan_from_json
from emu.campaign.plan.what_if import WhatIf
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.executors import open_executor
from emu.campaign.run.progress import Progress
from emu.campaign.run.runner import run_campaign
from emu.campaign.run.store import Row, Store
from emu.campaign.run.what_if_workbench import WHAT_IF_WORKBENCH
from emu.cli.inject_checks import SampledChecks
from emu.cli.inject_findings import differing, find_first, minimised
from emu.cli.inject_plan import InjectOptions, files_of, sweep_of
from emu.cli.inject_progress import progress_shown
from emu.cli.main import STATUS_INTERRUPTED
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import make_console, show, show_json
from emu.cli.what_if import ChanceRow, chance_rows, check_what_if, find_differing, what_if_of


@dataclass(frozen=True, slots=True)
class CampaignRun:
    """What `emu inject` shows."""

    sweep: Plan
    progress: Progress
    found: list[Row]
    """The first ones that are not correct and differ."""
    store: str | None
    """The file; None where nothing is kept."""
    chances: list[ChanceRow] = field(default_factory=list)
    """What can fail, of a what-if sweep."""
    checks: SampledChecks | None = None

    @property
    def clean(self) -> bool:
        """Whether every verdict is correct, and no check found anything."""
        is_correct = self.progress.counts[VerdictClass.CORRECT] == self.progress.done
        return is_correct and (self.checks is None or self.checks.clean)


def run_inject(options: InjectOptions, *, as_json: bool) -> int:
    """Run `emu inject`; returns the exit status."""
    with mistakes_reported():
        check_what_if(options)
        kept = options.resume or options.store
        checks = None if options.checks is None else SampledChecks(options.checks)
        try:
            with _opened(options) as (store, sweep):
                run = _run(options, store, sweep, kept)
                if checks is not None:
                    checks.run(sweep)
                    run = dataclasses.replace(run, checks=checks)
                _show(run, store, as_json)
        except KeyboardInterrupt:
            way_on = f"resume with: emu inject --resume {kept}" if kept else "nothing is kept without --store FILE"
            print(f"emu: interrupted; {way_on}", file=sys.stderr)
            return STATUS_INTERRUPTED
    return 0 if run.clean else 1


@contextlib.contextmanager
def _opened(options: InjectOptions) -> Iterator[tuple[Store, Plan]]:
    """Open the store that is resumed, or create one. A file in which nothing was recorded goes away with a mistake."""
    if options.resume is not None:
        if given := options.about_the_sweep:
            raise Mistake(f"--resume goes on with what {options.resume} says; leave {given[0]} out")
        with Store.resume(options.resume) as store:
            yield store, plan_from_json(store.campaign.read_plan())
        return
    sweep, campaign = _declared(options)
    with contextlib.ExitStack() as stack:
        if options.store is None:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emu-inject-"))) / "campaign.store"
        else:
            path = Path(options.store)
        store = stack.enter_context(Store.create(path, campaign, len(sweep.numbers())))
        try:
            yield store, sweep
        except Exception:
            if not store.done.count:
                store.close()
                path.unlink(missing_ok=True)
            raise


def _declared(options: InjectOptions) -> tuple[Plan, Campaign]:
    if options.what_if:
        plan = what_if_of(options)
        return plan, Campaign.of(plan.to_json(), plan.call.files, WHAT_IF_WORKBENCH)
    if options.seed is not None and options.sample is None:
        raise Mistake(f"--seed {options.seed} draws nothing without --sample N")
    if options.oracle is not None:
        load_oracle(options.oracle)
    sweep = sweep_of(options)
    return sweep, Campaign.of(sweep.to_json(), files_of(sweep), oracle=options.oracle or "")


def _run(options: InjectOptions, store: Store, sweep: Plan, kept: str | None) -> CampaignRun:
    left = store.total - store.done.count
    executor = open_executor(left, options.workers, options.scheduler, options.local_cluster)
    with executor, progress_shown(store.total) as report:
        progress = run_campaign(sweep.numbers(), store, executor, report)
    if isinstance(sweep, WhatIf):
        return CampaignRun(sweep, progress, find_differing(store, sweep), kept, chance_rows(sweep, store))
    assert isinstance(sweep, CopySweep)
    return CampaignRun(sweep, progress, differing(minimised(store, sweep, find_first(store))), kept)


def _show(run: CampaignRun, store: Store, as_json: bool) -> None:
    if as_json:
        from emu.cli.inject_data import inject_data  # noqa: PLC0415 (one of the two is needed)

        show_json(inject_data(run, store))
    else:
        from emu.cli.inject_display import display_inject  # noqa: PLC0415

        show(make_console(), *display_inject(run))
