# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as one JSON document. The keys are stable.

format       "umaccess-emu campaign"
version      1
routine      its name
plan         what was swept, as the store keeps it (emu/campaign/plan/copy_sweep.py says what is in it)
oracle       FILE.py:function of the user's own judge, or ""
versions     {name: version}: of emu and the engine, and the SHA-256 of each file that the campaign depends on
planned      how many experiments are to run
done         how many of them are done
clean        whether all of them are done and correct
counts       {class: number}: correct wrong-data wrong-status state-leak bugcheck timeout masked emulator-error
groups       [{profile, faults, length, done, counts}]: the same for each profile × fault template × length, in the
             order of the plan; `faults` is "" for no fault, and classes that do not occur are left out of `counts`
failures     [{number, verdict, profile, length, source_offset, target_offset, irql, faults, explanation, replay_id,
             minimal_id}]: every experiment that is not correct, by ascending number; `faults` is a list of text
             forms, `minimal_id` is null where it is not known
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, TextIO

from emu.campaign.report.groups import Group, groups
from emu.campaign.report.results import CampaignResults, Result

FORMAT: Final = "umaccess-emu campaign"
VERSION: Final = 1


def write(campaign: CampaignResults, stream: TextIO) -> None:
    """Write it; the failures as they are read, so that any number of them fits into memory."""
    head = json.dumps(summary(campaign), indent=1)
    stream.write(head.removesuffix("\n}"))
    stream.write(',\n "groups": [')
    _write_items(stream, (_group(group) for group in groups(campaign)))
    stream.write('],\n "failures": [')
    _write_items(stream, (failure_data(campaign, result) for result in campaign.failing()))
    stream.write("]\n}\n")


def summary(campaign: CampaignResults) -> dict[str, Any]:
    """Return all but the groups and the failures."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "routine": campaign.title,
        "plan": dict(campaign.settings),
        "oracle": campaign.oracle,
        "versions": campaign.versions,
        "planned": campaign.planned,
        "done": campaign.done,
        "clean": campaign.done == campaign.planned and not campaign.failures,
        "counts": {kind.label: count for kind, count in campaign.counts.items()},
    }


def failure_data(campaign: CampaignResults, result: Result) -> dict[str, Any]:
    """Return one experiment that is not correct."""
    case = campaign.case(result.number)
    return {
        "number": result.number,
        "verdict": result.verdict.label,
        "profile": str(case.profile),
        "length": case.length,
        "source_offset": case.source_offset,
        "target_offset": case.target_offset,
        "irql": case.irql,
        "faults": [str(fault) for fault in case.faults],
        "explanation": result.explanation,
        "replay_id": result.replay_id,
        "minimal_id": result.minimal_id or None,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "profile": group.profile,
        "faults": group.faults,
        "length": group.length,
        "done": group.done,
        "counts": {kind.label: count for kind, count in group.counts.items()},
    }


def _write_items(stream: TextIO, items: Iterator[dict[str, Any]]) -> None:
    separator = "\n  "
    for item in items:
        stream.write(separator + json.dumps(item))
        separator = ",\n  "
