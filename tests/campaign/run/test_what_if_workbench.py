# SPDX-License-Identifier: GPL-2.0-or-later
"""What-if sweeps of whole drivers: each bug is found where it is, and nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import re
from pathlib import Path

import pytest

from emu import Bugchecked, Raised, Returned
from emu.campaign import ExperimentError, Pattern
from emu.campaign.experiment.argument import Integer, Memory, Zeroes, parse_argument
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.call_replay_id import parse_call_id
from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.what_if import Failure, WhatIf, parse_failures
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.in_process import InProcessExecutor
from emu.campaign.run.process_pool import ProcessPool
from emu.campaign.run.runner import run_campaign
from emu.campaign.run.store import Store
from emu.campaign.run.what_if_workbench import WHAT_IF_WORKBENCH, WhatIfWorkbench
from tests.campaign.what_if_drivers import campaign_of, driver, drivers, workbench_of


@pytest.mark.parametrize("name", drivers())
def test_what_is_wrong_is_found_and_nothing_else(name: str) -> None:
    chosen = driver(name)
    plan = chosen.sweep()
    with contextlib.closing(workbench_of(plan)) as bench:
        verdicts = {number: bench.judge(number) for number in plan.numbers()}
    found = {number: verdict for number, verdict in verdicts.items() if verdict.kind}
    assert found.keys() == chosen.expected.keys(), found
    for number, (kind, detail) in chosen.expected.items():
        assert found[number].kind.label == kind
        assert detail in found[number].detail
        assert "\n" not in found[number].detail
    assert len(verdicts) > 1


@pytest.mark.parametrize("name", ["captures_correctly", "frees_twice_when_both_fail", "keeps_what_it_hands_out"])
def test_an_experiment_does_the_same_on_a_machine_of_its_own(name: str) -> None:
    plan = driver(name).sweep()
    numbers = list(plan.numbers())
    with contextlib.closing(workbench_of(plan)) as bench:
        for number in random.Random(1).sample(numbers, min(len(numbers), 12)):
            seen = bench.observe(plan.faults(number))
            alone = parse_call_id(bench.replay_id(number)).run()
            assert alone.outcome == seen.outcome
            assert alone.events == tuple(seen.events)
            assert [(each.name, each.address, each.after) for each in alone.memory] == [
                (name, note.address, note.content) for name, note in seen.arguments.items()
            ]
            assert [each.block for each in alone.outstanding] == [note.block for note in seen.blocks]


def test_a_byte_of_no_argument_is_named_by_its_address() -> None:
    # No terminator: the byte behind the text is read, too.
    call = CallExperiment("strlen", (parse_argument("user:=abc"),), profile=driver("leaks_pool").call.profile)
    plan = WhatIf.measure(call)
    with contextlib.closing(workbench_of(plan)) as bench:
        identity = bench.replay_id(4)
        seen = bench.observe(plan.faults(4))
        assert not bench.judge(4).kind
    assert re.search(r"/none@0x[0-9a-f]+,access=1$", identity)
    assert isinstance(seen.outcome, Raised)
    assert seen.outcome.record.fault_address == seen.arguments["arg0"].address + 3
    assert parse_call_id(identity).run().outcome == seen.outcome


def test_verdicts_do_not_depend_on_what_ran_before() -> None:
    plan = driver("captures_correctly").sweep()
    numbers = list(plan.numbers())
    random.Random(2).shuffle(numbers)
    with contextlib.closing(workbench_of(plan)) as bench:
        assert not any(bench.judge(number).kind for number in numbers)
    plan = driver("ignores_a_failed_allocation").sweep()
    with contextlib.closing(workbench_of(plan)) as bench:
        in_order = [bench.judge(number) for number in plan.numbers()]
        assert [bench.judge(number) for number in reversed(plan.numbers())] == in_order[::-1]


def test_every_access_fails_at_its_instruction_and_byte() -> None:
    call = CallExperiment(
        "CopyFromUser", (Memory("kernel", Zeroes(), 100), Memory("user", Pattern(), 100), Integer(99))
    )
    plan = WhatIf.measure(call)
    assert sum(access.size for access in plan.chances.accesses) >= 99
    with contextlib.closing(workbench_of(plan)) as bench:
        landed = 0
        for number, access in enumerate(plan.chances.accesses, 1):
            seen = bench.observe(plan.faults(number))
            assert isinstance(seen.outcome, Raised)
            assert str(access.place) == f"arg1+{seen.outcome.record.information[1] - seen.arguments['arg1'].address}"
            assert seen.locate(seen.outcome.record.exception_address) == access.where
            assert not bench.judge(number).kind
            landed += seen.arguments["arg0"].content != bytes(100)
        assert landed > 0
        assert isinstance(bench.clean.outcome, Returned)


def test_an_exception_may_leave_unless_the_routine_must_return() -> None:
    call = CallExperiment("CopyFromUser", (Memory("kernel", Zeroes(), 8), Memory("user", Pattern(), 8), Integer(8)))
    plan = WhatIf.measure(call, failures=parse_failures(["none,guard,in-page-error=0xC000009D,paged-out"]))
    with contextlib.closing(workbench_of(plan)) as bench:
        assert not any(bench.judge(number).kind for number in plan.numbers())
    with contextlib.closing(workbench_of(dataclasses.replace(plan, must_return=True))) as bench:
        kinds = [bench.judge(number).kind for number in plan.numbers()]
    accesses = len(plan.chances.accesses)
    assert kinds == [0] + [VerdictClass.WRONG_STATUS] * 3 * accesses + [0] * accesses


def test_a_page_in_at_a_raised_irql_is_a_bugcheck() -> None:
    call = dataclasses.replace(driver("succeeds_with_half_the_data").call, irql=2)
    plan = WhatIf.measure(call, failures=(Failure("paged-out"),))
    with contextlib.closing(workbench_of(plan)) as bench:
        seen = bench.observe(plan.faults(1))
        assert isinstance(seen.outcome, Bugchecked)
        verdict = bench.judge(1)
    assert verdict.kind is VerdictClass.BUGCHECK
    assert "bugcheck 0xd1 DRIVER_IRQL_NOT_LESS_OR_EQUAL: touch of byte 0 of arg0 at succeeds_with" in verdict.detail


def test_an_unguarded_call_bugchecks_where_nobody_catches() -> None:
    call = dataclasses.replace(driver("fetches_its_length_twice").call, guarded=False)
    plan = WhatIf.measure(call)
    with contextlib.closing(workbench_of(plan)) as bench:
        assert [bench.judge(number).kind for number in plan.numbers()] == [0, 0, VerdictClass.BUGCHECK]
        assert "0x1e KMODE_EXCEPTION_NOT_HANDLED: nobody took STATUS_ACCESS_VIOLATION" in bench.judge(2).detail
        assert "/unguarded/none@arg0+0,access=2" in bench.replay_id(2)


def test_a_campaign_of_it(tmp_path: Path) -> None:
    plan = driver("leaks_pool").sweep()
    with Store.create(tmp_path / "store", campaign_of(plan), len(plan.numbers())) as store, InProcessExecutor() as here:
        progress = run_campaign(plan.numbers(), store, here)
        rows = list(store.rows())
    assert (progress.done, [row.number for row in rows]) == (4, [1, 2])
    assert rows[0].replay_id.endswith("/irql=0/budget=20000/none@arg0+0,access=1")
    assert rows[0].verdict.kind is VerdictClass.STATE_LEAK


def test_the_rows_are_the_same_whoever_runs_it(tmp_path: Path) -> None:
    plan = dataclasses.replace(driver("leaks_pool").sweep(), pairs=True, failures=parse_failures(["none,unmapped"]))
    rows = []
    for number, executor in enumerate((InProcessExecutor(), ProcessPool(2))):
        with Store.create(tmp_path / str(number), campaign_of(plan), len(plan)) as store, executor:
            run_campaign(plan.numbers(), store, executor)
            rows.append(list(store.rows()))
    assert rows[0] == rows[1]
    assert len(rows[0]) == 8


def test_an_oracle_is_refused() -> None:
    plan = WhatIf.measure(CallExperiment("strlen", (parse_argument("kernel:8"),)))
    with pytest.raises(ExperimentError, match="a what-if sweep has its own judge; leave it out"):
        WhatIfWorkbench(Campaign(campaign_of(plan).plan, "{}", WHAT_IF_WORKBENCH, "judge.py:judge"))
