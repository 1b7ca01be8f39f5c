# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as JSON: its keys are those that its documentation names, and its numbers those of the store."""

import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from emu.campaign import parse_replay_id
from emu.campaign.judge.verdict import CORRECT
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.report import CampaignResults, json_report
from tests.campaign.report.made_store import judged, make_store, small_sweep


def written(campaign: CampaignResults) -> dict[str, Any]:
    stream = io.StringIO()
    json_report.write(campaign, stream)
    data: dict[str, Any] = json.loads(stream.getvalue())
    return data


def test_the_keys_are_the_documented_ones(tmp_path: Path) -> None:
    data = written(make_store(tmp_path / "c.store", small_sweep()))
    documented = re.findall(r"^(\w+)  +\S", json_report.__doc__ or "", re.MULTILINE)
    assert list(data) == documented
    text = " ".join((json_report.__doc__ or "").split())
    for name in ("groups", "failures"):
        found = re.search(rf"{name} \[{{([^}}]*)}}\]", text)
        assert found is not None
        assert list(data[name][0]) == found[1].split(", ")
    assert set(data["counts"]) == set(re.findall(r"{class: number}: (.*?) groups", text)[0].split())


def test_numbers_are_those_of_the_store(tmp_path: Path) -> None:
    sweep = small_sweep()
    data = written(make_store(tmp_path / "c.store", sweep))
    assert (data["planned"], data["done"], data["clean"]) == (len(sweep), len(sweep), False)
    assert CopySweep.from_json(data["plan"]) == sweep
    verdicts = Counter(judged(sweep.case(number)).kind.label for number in range(len(sweep)))
    assert {label: count for label, count in data["counts"].items() if count} == verdicts
    assert sum((Counter(group["counts"]) for group in data["groups"]), Counter()) == verdicts
    assert all(group["done"] == sum(group["counts"].values()) for group in data["groups"])
    assert len(data["failures"]) == len(sweep) - verdicts["correct"]


def test_a_failure_says_what_it_was(tmp_path: Path) -> None:
    sweep = small_sweep()
    data = written(make_store(tmp_path / "c.store", sweep))
    for failure in data["failures"]:
        case = sweep.case(failure["number"])
        assert (failure["length"], failure["profile"]) == (case.length, str(case.profile))
        assert failure["faults"] == [str(fault) for fault in case.faults]
        assert (failure["verdict"], failure["explanation"]) == (judged(case).kind.label, judged(case).detail)
        again = parse_replay_id(failure["replay_id"])
        assert (again.source_offset, again.target_offset) == (failure["source_offset"], failure["target_offset"])
    assert [failure["number"] for failure in data["failures"] if failure["minimal_id"]] == [
        data["failures"][0]["number"]
    ]


def test_clean_means_done_and_correct(tmp_path: Path) -> None:
    done = written(make_store(tmp_path / "done.store", small_sweep(), lambda _: CORRECT))
    assert (done["clean"], done["failures"]) == (True, [])
    part = written(make_store(tmp_path / "part.store", small_sweep(), lambda _: CORRECT, range(100)))
    assert (part["clean"], part["done"]) == (False, 100)
