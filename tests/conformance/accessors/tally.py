# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts what the conformance suite of the accessors has run, for one line at the end of the test run.

Tests note their cases; the notes travel with the reports, so that the processes of pytest-xdist add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from typing import Any, Final

import pytest

from tests.conformance.accessors.case import Case

_NOTED: Final = pytest.StashKey[dict[str, int]]()
_ATTRIBUTE: Final = "accessor_cases"


def note(item: pytest.Item, profile: str, cases: Iterable[Case]) -> None:
    """Note the cases that a test has run on a profile."""
    counts = item.stash.setdefault(_NOTED, {})
    for case in cases:
        key = f"{profile}\t{case.name}\t{case.clause}"
        counts[key] = counts.get(key, 0) + 1


class AccessorCases:
    """Hands on what tests note, and adds it up in the process that prints."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        """By name and clause."""
        self.profiles: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.when == "call" and _NOTED in item.stash:
            setattr(report, _ATTRIBUTE, item.stash[_NOTED])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        counts: dict[str, int] = getattr(report, _ATTRIBUTE, {})
        for key, count in counts.items():
            profile, pair = key.split("\t", 1)
            self.profiles.add(profile)
            self.calls[pair] += count

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.calls:
            names = {pair.split("\t")[0] for pair in self.calls}
            terminalreporter.write_line(
                f"accessors: {self.calls.total():,} calls for {len(self.calls):,} (name × clause) cases of "
                f"{len(names)} names, on {len(self.profiles)} profiles"
            )
