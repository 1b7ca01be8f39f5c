# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests note adds up, also where other processes have run them."""

from __future__ import annotations

from itertools import islice

import execnet
import pytest

from tests.conformance.accessors.cases import cases_of
from tests.conformance.accessors.tally import AccessorCases, note


class _Lines(list[str]):
    """A terminal reporter that keeps its lines."""

    write_line = list.append


def _travelled(request: pytest.FixtureRequest, report: pytest.TestReport) -> pytest.TestReport:
    """Return a report as it comes back from a process of pytest-xdist."""
    hook, config = request.config.hook, request.config
    data = hook.pytest_report_to_serializable(config=config, report=report)
    back = hook.pytest_report_from_serializable(config=config, data=execnet.loads(execnet.dumps(data)))
    assert isinstance(back, pytest.TestReport)
    return back


def test_notes_of_several_processes_add_up(request: pytest.FixtureRequest) -> None:
    """Calls are counted one by one, names and clauses and profiles once."""
    counting = AccessorCases()
    cases = cases_of("ReadUCharFromUser")[:10]
    for profile in ("nehalem", "nehalem", "haswell"):
        item = pytest.Function.from_parent(request.node.parent, name="noted", callobj=lambda: None)
        note(item, profile, cases)
        made = counting.pytest_runtest_makereport(item)
        next(made)
        report = pytest.TestReport("noted", ("", 0, ""), {}, "passed", None, "call")
        with pytest.raises(StopIteration):
            made.send(report)
        counting.pytest_runtest_logreport(_travelled(request, report))
    lines = _Lines()
    counting.pytest_terminal_summary(lines)
    clauses = len({case.clause for case in cases})
    assert lines == [f"accessors: 30 calls for {clauses} (name × clause) cases of 1 names, on 2 profiles"]


def test_nothing_is_said_where_nothing_ran() -> None:
    lines = _Lines()
    AccessorCases().pytest_terminal_summary(lines)
    assert not list(islice(lines, 1))
