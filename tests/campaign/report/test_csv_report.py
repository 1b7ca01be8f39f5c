# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as CSV: a row an experiment, and every value is what the plan and the store have."""

import csv
import io
import re
from pathlib import Path

from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.campaign.report import csv_report
from tests.campaign.report.made_store import judged, make_store, small_sweep


def test_a_row_an_experiment(tmp_path: Path) -> None:
    sweep = small_sweep(sample=700, seed=2)
    stream = io.StringIO(newline="")
    csv_report.write(make_store(tmp_path / "c.store", sweep), stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert [int(row["number"]) for row in rows] == list(sweep.numbers())
    for row in rows:
        case = sweep.case(int(row["number"]))
        verdict = judged(case)
        assert (row["verdict"], row["explanation"]) == (verdict.kind.label, verdict.detail)
        assert (row["routine"], row["profile"], row["irql"]) == ("CopyFromUser", str(case.profile), "0")
        places = case.length, case.source_offset, case.target_offset
        assert tuple(int(row[name]) for name in ("length", "source_offset", "target_offset")) == places
        assert row["faults"] == " ".join(map(str, case.faults))
        assert row["replay_id"].startswith("CopyFromUser/") or verdict.kind is VerdictClass.CORRECT
    assert stream.getvalue().count("\r\n") == len(rows) + 1


def test_any_text_is_quoted(tmp_path: Path) -> None:
    text = 'a "quoted" word, a comma;\nanother line'
    stream = io.StringIO(newline="")
    campaign = make_store(tmp_path / "c.store", small_sweep(sample=3), lambda _: Verdict(VerdictClass.MASKED, text))
    csv_report.write(campaign, stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert [row["explanation"] for row in rows] == [text] * 3


def test_the_columns_are_the_documented_ones() -> None:
    text = csv_report.__doc__ or ""
    named = re.findall(r"^(\w+(?: \w+)*?)(?:   .*)?$", text, re.MULTILINE)
    assert tuple(" ".join(named).split()) == csv_report.COLUMNS
