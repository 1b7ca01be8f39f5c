# SPDX-License-Identifier: GPL-2.0-or-later
"""What-if sweeps as plans: what fails in which experiment, and their JSON form."""

from __future__ import annotations

import json
import pickle
import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign import ExperimentError
from emu.campaign.experiment.argument import Integer, parse_argument
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.plan.call_chances import Allocation, CallChances, UserAccess
from emu.campaign.plan.plan_json import plan_from_json
from emu.campaign.plan.what_if import Failure, WhatIf, parse_failures
from emu.faults import BufferPlace, Fault, parse_fault

CALL = CallExperiment("f", (parse_argument("user:99"), Integer(99)), images=("f.c",))


def chances(accesses: int, allocations: int) -> CallChances:
    return CallChances(
        tuple(UserAccess(BufferPlace("arg0", at), 1 + at % 3, 1, bool(at & 1), "f!f") for at in range(accesses)),
        tuple(Allocation(16, f"f!f+{index}") for index in range(allocations)),
    )


FAILURES = st.lists(
    st.builds(Failure, st.sampled_from(["none", "guard", "unmapped", "paged-out"]), st.none())
    | st.builds(Failure, st.just("in-page-error"), st.none() | st.integers(0, 0xC000_009B)),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
SWEEPS = st.builds(
    WhatIf,
    st.just(CALL),
    st.builds(chances, st.integers(0, 6), st.integers(0, 4)),
    FAILURES,
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(1, 50),
    st.integers(0, 9),
)


def texts(plan: WhatIf) -> list[list[str]]:
    return [list(map(str, plan.faults(number))) for number in range(len(plan))]


def test_the_numbers() -> None:
    assert texts(WhatIf(CALL, chances(2, 2), pairs=True)) == [
        [],
        ["none@arg0+0,access=1"],
        ["none@arg0+1,access=2"],
        ["no-memory@pool,access=1"],
        ["no-memory@pool,access=2"],
        ["none@arg0+0,access=1", "none@arg0+1,access=2"],
        ["none@arg0+0,access=1", "no-memory@pool,access=1"],
        ["none@arg0+0,access=1", "no-memory@pool,access=2"],
        ["none@arg0+1,access=2", "no-memory@pool,access=1"],
        ["none@arg0+1,access=2", "no-memory@pool,access=2"],
        ["no-memory@pool,access=1", "no-memory@pool,access=2"],
    ]
    ways = parse_failures(["guard,in-page-error=0xC000009D"])
    assert texts(WhatIf(CALL, chances(2, 1), ways)) == [
        [],
        ["guard@arg0+0,access=1"],
        ["guard@arg0+1,access=2"],
        ["in-page-error=0xC000009D@arg0+0,access=1"],
        ["in-page-error=0xC000009D@arg0+1,access=2"],
        ["no-memory@pool,access=1"],
    ]


@given(SWEEPS)
def test_each_failure_and_each_pair_has_one_number(plan: WhatIf) -> None:
    everything = [plan.faults(number) for number in range(len(plan))]
    singles = [faults[0] for faults in everything if len(faults) == 1]
    assert everything[0] == ()
    assert len(singles) == len(plan.failures) * len(plan.chances.accesses) + len(plan.chances.allocations)
    assert everything[1 : len(singles) + 1] == [(fault,) for fault in singles]
    pairs = [frozenset(faults) for faults in everything if len(faults) == 2]

    def place(fault: Fault) -> tuple[str, int | None]:
        return str(fault.place), fault.access

    wanted = [frozenset(pair) for pair in combinations(singles, 2) if place(pair[0]) != place(pair[1])]
    assert len(pairs) == (len(wanted) if plan.pairs else 0)
    assert set(pairs) == (set(wanted) if plan.pairs else set())
    for number, faults in enumerate(everything):
        alone = [everything[single] for single in plan.singles(number)]
        assert alone == ([(fault,) for fault in faults] if len(faults) == 2 else [])
        assert plan.case(number).faults == plan.experiment(number).faults == faults
        assert all(parse_fault(str(fault)) == fault for fault in faults)


@given(SWEEPS)
def test_it_reads_back_from_json_and_pickle(plan: WhatIf) -> None:
    data = json.loads(json.dumps(plan.to_json()))
    assert WhatIf.from_json(data) == plan_from_json(data) == pickle.loads(pickle.dumps(plan)) == plan


@given(SWEEPS)
def test_its_parts_and_its_sample(plan: WhatIf) -> None:
    parts = plan.parts()
    assert [number for part in parts for number in part.numbers] == list(range(len(plan)))
    for part in parts:
        declared = [text.split("@")[0] for text in part.faults.split("&") if text]
        for number in part.numbers:
            assert [str(fault).split("@")[0] for fault in plan.faults(number)] == declared
    numbers = plan.numbers()
    assert len(numbers) == min(len(plan), plan.sample or len(plan))
    assert list(numbers) == sorted({*numbers})


def test_what_it_says() -> None:
    assert str(WhatIf(CALL, chances(3, 1), pairs=True)) == (
        "f, what if 3 accesses to user memory (none) and 1 allocation fail alone and in pairs: 11 experiments"
    )
    assert str(WhatIf(CALL, chances(1, 0), (Failure("guard"),), sample=1, seed=7)) == (
        "f, what if 1 access to user memory (guard) and 0 allocations fail: 2 experiments, 1 of them drawn with seed 7"
    )


def test_many_pairs_are_made_one_at_a_time() -> None:
    plan = WhatIf(CALL, chances(20_000, 1000), pairs=True)
    assert len(plan) == 1 + 21_000 * 21_001 // 2
    assert [str(fault) for fault in plan.faults(len(plan) - 1)] == [
        "no-memory@pool,access=999",
        "no-memory@pool,access=1000",
    ]


@pytest.mark.parametrize("number", [-1, 4, 1 << 64])
def test_there_are_no_other_numbers(number: int) -> None:
    plan = WhatIf(CALL, chances(2, 1))
    for ask in (plan.faults, plan.case, plan.experiment, plan.singles):
        with pytest.raises(ExperimentError, match=f"case {number} does not exist; choose 0 to 3"):
            ask(number)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "faults '': a what-if sweep finds the places itself; give how they fail"),
        ("none@every-byte", "faults 'none@every-byte': a what-if sweep finds the places itself"),
        ("ro", "with commas between: unmapped, none, guard, paged-out, in-page-error[=STATUS]"),
        ("none=3", "none takes no argument"),
        ("in-page-error=", "an NTSTATUS is allowed here"),
        ("flip=0x80", "faults 'flip=0x80'"),
    ],
)
def test_ways_to_fail_that_are_none(text: str, says: str) -> None:
    with pytest.raises(ExperimentError, match=re.escape(says)):
        parse_failures([text])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"failures": ()}, "faults none given: give how accesses fail, each way once"),
        ({"failures": (Failure(), Failure())}, "faults none, none: give how accesses fail, each way once"),
        ({"sample": 0}, "a sample of 0: choose 1 or more"),
    ],
)
def test_sweeps_that_are_none(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ExperimentError, match=re.escape(says)):
        WhatIf(CALL, chances(1, 1), **settings)


def test_faults_of_the_call_are_refused() -> None:
    call = CallExperiment("f", CALL.arguments, faults=(parse_fault("none@arg0+1"),))
    with pytest.raises(ExperimentError, match="fault none@arg0\\+1: a what-if sweep injects its own; leave it out"):
        WhatIf.measure(call)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": 2}, "plan: it has version 2, this emu reads up to 1"),
        ({"call": "f/arg=x"}, "plan: replay id 'f/arg=x': argument 'x'"),
        ({"routine": "g"}, "plan: 'routine' is not that of 'call'"),
        ({"pairs": 1}, "plan: 'pairs' is 1; true or false belongs there"),
        ({"failures": ["rw"]}, "plan: faults 'rw'"),
        ({"measured": {}}, "plan: 'measured' cannot be read"),
        ({"more": 1}, "plan: 'more': no field of that name is known"),
    ],
)
def test_another_json_form_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ExperimentError, match=re.escape(says)):
        WhatIf.from_json({**WhatIf(CALL, chances(1, 1)).to_json(), **changes})
