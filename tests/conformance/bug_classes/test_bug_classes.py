# SPDX-License-Identifier: GPL-2.0-or-later
"""Each class of bugs is found in the driver that has it, where it is, and nothing in the one that has not."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest

from docs.bug_classes import bug_classes
from emu.checks.builtin.double_fetch import DoubleFetchFinding
from emu.checks.finding import Finding
from emu.cli import main
from tests.conformance.bug_classes.findings import describe, read_golden
from tests.conformance.bug_classes.laboratory import Laboratory
from tests.conformance.bug_classes.sources import DRIVERS, BugClass, read_classes

CLASSES = read_classes()
GOLDEN = read_golden()


def _skip_if_watched(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--emu-watch"):
        pytest.skip("faults that wait for an access watch the processor themselves")


@pytest.fixture(scope="module")
def laboratory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    _skip_if_watched(request)
    laboratory = Laboratory(tmp_path_factory.mktemp("drivers"))
    yield laboratory
    laboratory.close()


def test_there_are_all_classes() -> None:
    assert [each.number for each in CLASSES] == list(range(1, 17))
    assert list(GOLDEN) == [version.routine for each in CLASSES for version in each.versions]


@pytest.mark.parametrize("bug_class", CLASSES, ids=lambda each: each.source.stem)
def test_each_bug_has_a_finding_or_a_reason_and_a_correction(bug_class: BugClass) -> None:
    assert bug_class.text.endswith(".")
    for shape in bug_class.shapes:
        assert shape.bug.expected or shape.limits or bug_class.limits
        assert not shape.fix.expected
        assert shape.text.endswith(".") or len(bug_class.shapes) == 1


def _line(file: str, finding: Finding) -> int:
    """Return where in a driver a finding is; of one in the library from where that was called; 0 where that is not."""
    if finding.where.file == file:
        return finding.where.line
    callers = "\n".join(line for line in finding.evidence if line.startswith("called from "))
    called = re.search(rf"\({re.escape(file)}:(\d+)\)$", callers, re.MULTILINE)
    return int(called[1]) if called else 0


@pytest.mark.parametrize("bug_class", CLASSES, ids=lambda each: each.source.stem)
def test_what_is_found(laboratory: Laboratory, bug_class: BugClass) -> None:
    for version in bug_class.versions:
        ran = laboratory.run(version)
        said = describe(ran.findings)
        found = {(_line(bug_class.source.name, each), each.check) for each in ran.findings}
        assert found == version.expected, f"{version.routine}:\n{said}"
        for finding in ran.findings:
            if isinstance(finding, DoubleFetchFinding):
                assert finding.answer == "confirmed", finding
        assert (ran.headline, said) == GOLDEN[version.routine], "run `python -m tests.conformance.bug_classes`"


@pytest.mark.parametrize("bug_class", CLASSES, ids=lambda each: each.source.stem)
def test_corrections_still_work(laboratory: Laboratory, bug_class: BugClass) -> None:
    """They need no leave to touch user memory themselves, and do what they are for."""
    for shape in bug_class.shapes:
        enforced = dataclasses.replace(shape.fix, call=(*shape.fix.call, "profile=skylake-server"))
        ran = laboratory.run(enforced)
        assert (ran.headline, describe(ran.findings)) == GOLDEN[shape.fix.routine]
        fix = shape.fix
        if GOLDEN[fix.routine][0] == "returned 0x0":
            assert not fix.good
            continue
        ran = laboratory.run(dataclasses.replace(fix, call=fix.good))
        assert (ran.headline, describe(ran.findings)) == ("returned 0x0", ""), fix.routine


def test_the_commands_of_the_page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fails for the bug that it is about, and not for its correction."""
    _skip_if_watched(request)
    monkeypatch.chdir(DRIVERS)
    corrected = {shape.bug.routine: shape.fix.routine for each in CLASSES for shape in each.shapes}
    page = " ".join(bug_classes().replace("\n> ", " ").split())
    commands = re.findall(r"(?<=`)(?:sh )?emu (\w+) (\w+) ([^`]+)(?=`)", page)
    commands = [each for each in commands if each[1] in corrected]
    assert len(commands) == 2
    for verb, routine, rest in commands:
        assert main([verb, routine, *rest.split()]) == 1
        assert main([verb, corrected[routine], *rest.split()]) == 0
