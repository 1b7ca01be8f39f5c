# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit XML, against the schema of Jenkins' xUnit plugin and read back by a parser that is not ours."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite
from xmlschema import XMLSchema

from emu.campaign import parse_replay_id
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.campaign.report import CampaignResults, junit
from emu.campaign.report.groups import MOST_KEPT
from tests.campaign.report.made_store import GUARDED, TAIL, make_store, small_sweep

SCHEMA = XMLSchema(str(Path(__file__).parent / "junit-10.xsd"))


def written(campaign: CampaignResults) -> tuple[str, dict[tuple[str, str], TestCase]]:
    """Return the text, and its test cases by the names of suite and case."""
    stream = io.StringIO()
    junit.write(campaign, stream)
    text = stream.getvalue()
    SCHEMA.validate(text)
    parsed = JUnitXml.fromstring(text.encode())
    cases = {}
    for suite in parsed:
        assert isinstance(suite, TestSuite)
        members = list(suite)
        assert (suite.tests, suite.errors) == (
            len(members),
            sum(isinstance(r, Error) for c in members for r in c.result),
        )
        assert suite.failures == sum(isinstance(result, Failure) for case in members for result in case.result)
        cases.update({(suite.name, case.name): case for case in members})
    assert (parsed.tests, parsed.failures + parsed.errors) == (len(cases), sum(bool(c.result) for c in cases.values()))
    return text, cases


def test_a_case_is_a_profile_a_fault_template_and_a_length(tmp_path: Path) -> None:
    _, cases = written(make_store(tmp_path / "c.store", small_sweep()))
    assert len(cases) == 2 * 3 * 13
    failing = {name for name, case in cases.items() if case.result}
    guard = {(f"CopyFromUser · {cpu} · guard@every-byte", f"length {n}") for cpu in CPUS for n in (7, 9, 10, 11, 12)}
    none = {(f"CopyFromUser · {cpu} · none@every-byte", "length 7") for cpu in CPUS}
    lost = {(f"CopyFromUser · {cpu} · no fault", "length 3") for cpu in CPUS}
    assert failing == guard | none | lost
    assert {name for name, case in cases.items() if isinstance(next(iter(case.result), None), Error)} == lost
    assert cases["CopyFromUser · nehalem · no fault", "length 12"].system_out == "16 experiments"


CPUS = ("nehalem", "skylake-server")


def test_a_failure_has_the_classes_and_what_runs_the_first_ones_again(tmp_path: Path) -> None:
    _, cases = written(make_store(tmp_path / "c.store", small_sweep()))
    failure = next(iter(cases["CopyFromUser · nehalem · none@every-byte", "length 7"].result))
    assert failure.message == "16 wrong-data of 128 experiments"
    assert failure.type == "wrong-data"
    lines = failure.text.splitlines()
    commands = [line.removeprefix("  emu replay ") for line in lines if line.startswith("  emu replay ")]
    minimal = [command for command in commands if command.endswith("  (minimal)")]
    assert len(commands) - len(minimal) == MOST_KEPT
    assert len(minimal) == 1
    for command in commands:
        parse_replay_id(command.removesuffix("  (minimal)"))
    assert lines.count(f"wrong-data: {TAIL.detail}") == MOST_KEPT
    assert lines[-1] == "6 more; emu report STORE -o results.csv has them all"


def test_a_campaign_without_a_failure_has_none(tmp_path: Path) -> None:
    campaign = make_store(tmp_path / "c.store", small_sweep(), lambda _: CORRECT, range(40, 1000))
    text, cases = written(campaign)
    assert not any(case.result for case in cases.values())
    assert sum(int(case.system_out.split()[0]) for case in cases.values()) == 960
    assert GUARDED.detail not in text


@given(detail=st.text(max_size=20))
def test_any_explanation_is_xml(tmp_path_factory: pytest.TempPathFactory, detail: str) -> None:
    path = tmp_path_factory.mktemp("store") / "c.store"
    detail = detail.encode("utf-8", "replace").decode()
    campaign = make_store(path, small_sweep(sample=4), lambda _: Verdict(VerdictClass.MASKED, detail))
    text, cases = written(campaign)
    assert text.isprintable() or "\n" in text
    assert all(case.result for case in cases.values())
