# SPDX-License-Identifier: GPL-2.0-or-later
"""What `emu inject` shows of what is not correct: the first ones, each with the smallest that fails alike."""

from __future__ import annotations

import contextlib
from typing import Final

from emu.campaign import ExperimentError, format_replay_id
from emu.campaign.judge.oracle import judge_copy, load_oracle
from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.minimise import PROFILES, minimise
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.laboratory import CopyLaboratory
from emu.campaign.run.store import Row, Store
from emu.faults import FaultError

MOST_SHOWN: Final = 5
MOST_TRIED: Final = 12
"""Experiments that are made smaller, to find so many that differ."""
TRIES: Final = 500
"""Cases that are run to make one smaller."""


def find_first(store: Store) -> list[Row]:
    """Return the first experiment of each class that is not correct, then others in order, `MOST_TRIED` at most."""
    chosen: dict[int, Row] = {}
    for kind, count in store.counts().items():
        if count and kind is not VerdictClass.CORRECT:
            row = next(store.rows(kind))
            chosen[row.number] = row
    for row in store.rows():
        if len(chosen) >= MOST_TRIED:
            break
        chosen.setdefault(row.number, row)
    return list(chosen.values())


def differing(rows: list[Row]) -> list[Row]:
    """Return the first of those that come down to the same smallest one, `MOST_SHOWN` at most."""
    first: dict[tuple[VerdictClass, str], Row] = {}
    for row in rows:
        first.setdefault((row.verdict.kind, row.minimal_id or row.replay_id), row)
    return list(first.values())[:MOST_SHOWN]


def minimised(store: Store, sweep: CopySweep, rows: list[Row]) -> list[Row]:
    """Return rows with their minimal ids, and record those that the store has not."""
    wanted = [row for row in rows if row.minimal_id is None and row.verdict.kind is not VerdictClass.EMULATOR_ERROR]
    found = dict(_minimal_ids(store.campaign, sweep, wanted)) if wanted else {}
    if found:
        store.set_minimal(found.items())
    return [row._replace(minimal_id=found.get(row.number, row.minimal_id)) for row in rows]


def _minimal_ids(campaign: Campaign, sweep: CopySweep, rows: list[Row]) -> list[tuple[int, str]]:
    judge = load_oracle(campaign.oracle) if campaign.oracle else judge_copy
    profiles = sorted(sweep.profiles, key=PROFILES.index)
    laboratory = CopyLaboratory(sweep.routine, sweep.images, sweep.data, sweep.budget)
    with contextlib.closing(laboratory):

        def smallest(row: Row) -> CopyCase:
            def fails(case: CopyCase) -> bool:
                try:
                    return judge(laboratory.observe(case)).kind is row.verdict.kind
                except (ExperimentError, FaultError):
                    return False  # A smaller one that there is not.

            return minimise(sweep.case(row.number), fails, profiles=profiles, tries=TRIES)

        return [(row.number, format_replay_id(sweep.experiment_of(smallest(row)))) for row in rows]
