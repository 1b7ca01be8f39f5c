# SPDX-License-Identifier: GPL-2.0-or-later
"""Schedules: which of many chances each word of Linux's vocabulary takes, alone and together."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.faults import Schedule
from emu.faults.schedule import ALWAYS, SCHEDULE_NUMBERS, SCHEDULE_SYMBOLS, ScheduleRun
from tests.faults.made_faults import schedules

FUNCTIONS = {"f": range(100, 200), "g": range(150, 250)}
"""Two functions, one of which lies partly in the other, as a nested label does."""


def is_in(function: str, rip: int) -> bool:
    return rip in FUNCTIONS[function]


def taken(schedule: Schedule, chances: Iterable[tuple[int, int]]) -> list[int]:
    """Return the numbers, from 1, of the chances (bytes, RIP) that a schedule takes."""
    run = ScheduleRun(schedule, is_in)
    return [number for number, (size, rip) in enumerate(chances, 1) if run.strikes(size, rip)]


def of_bytes(schedule: Schedule, *sizes: int) -> list[int]:
    return taken(schedule, [(size, 0) for size in sizes])


def test_nothing_set_takes_every_chance() -> None:
    assert of_bytes(ALWAYS, 8, 8, 0) == [1, 2, 3]
    assert not ALWAYS.is_set
    assert not ALWAYS.items()


@pytest.mark.parametrize(("interval", "expected"), [(1, [1, 2, 3, 4, 5, 6, 7]), (2, [2, 4, 6]), (3, [3, 6]), (8, [])])
def test_interval_takes_every_so_many(interval: int, expected: list[int]) -> None:
    assert of_bytes(Schedule(interval=interval), *[8] * 7) == expected


@pytest.mark.parametrize("number", [1, 4, 9])
def test_fail_nth_takes_one(number: int) -> None:
    assert of_bytes(Schedule(fail_nth=number), *[8] * 8) == [number] * (number <= 8)


@pytest.mark.parametrize(
    ("space", "sizes", "expected"),
    [
        (0, [8, 8], [1, 2]),
        (8, [8, 8], [2]),
        (20, [8, 8, 8, 8], [3, 4]),
        (20, [8, 8, 8, 4, 1], [3, 5]),
        (20, [32, 16, 4, 4], [1, 4]),
        (8, [0, 8, 0], [3]),
    ],
)
def test_space_lets_so_many_bytes_through(space: int, sizes: list[int], expected: list[int]) -> None:
    assert of_bytes(Schedule(space=space), *sizes) == expected


@pytest.mark.parametrize("seed", [None, 0, 7, 2**64 - 1])
def test_probability_is_drawn_with_its_seed_and_deterministic(seed: int | None) -> None:
    schedule = Schedule(probability=30, seed=seed)
    first = of_bytes(schedule, *[8] * 2000)
    assert first == of_bytes(schedule, *[8] * 2000)
    assert 500 < len(first) < 700
    assert first != of_bytes(Schedule(probability=30, seed=8), *[8] * 2000)


def test_a_seed_left_out_is_0() -> None:
    assert of_bytes(Schedule(probability=50), *[8] * 50) == of_bytes(Schedule(probability=50, seed=0), *[8] * 50)


def test_never_and_always_are_probabilities() -> None:
    assert of_bytes(Schedule(probability=0), *[8] * 500) == []
    assert of_bytes(Schedule(probability=100), *[8] * 500) == list(range(1, 501))


AT = [99, 100, 149, 150, 199, 200, 249, 250]
"""The edges of the two functions."""


@pytest.mark.parametrize(
    ("require", "reject", "places"),
    [
        (None, None, AT),
        ("f", None, [100, 149, 150, 199]),
        (None, "f", [99, 200, 249, 250]),
        ("f", "g", [100, 149]),
        ("g", "f", [200, 249]),
        ("f", "f", []),
    ],
)
def test_functions_say_what_a_chance_is(require: str | None, reject: str | None, places: list[int]) -> None:
    schedule = Schedule(require=require, reject=reject)
    assert [AT[number - 1] for number in taken(schedule, [(8, rip) for rip in AT])] == places


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(fail_nth=2, require="f"), [5]),
        (Schedule(fail_nth=2, reject="f"), [3]),
        (Schedule(interval=2, require="f"), [5]),
        (Schedule(space=16, require="f"), [6]),
        (Schedule(probability=0, require="f"), []),
    ],
)
def test_what_is_no_chance_is_not_counted(schedule: Schedule, expected: list[int]) -> None:
    assert taken(schedule, [(8, rip) for rip in (0, 100, 0, 0, 110, 120)]) == expected


def test_space_comes_before_the_interval() -> None:
    assert of_bytes(Schedule(space=24, interval=2), *[8] * 8) == [5, 7]


@given(schedules(), st.lists(st.tuples(st.integers(0, 64), st.sampled_from(AT)), max_size=60))
def test_a_schedule_restricts_what_each_part_of_it_alone_would_take(
    schedule: Schedule, chances: list[tuple[int, int]]
) -> None:
    named = [
        Schedule(**{name: function}) for name in SCHEDULE_SYMBOLS if (function := getattr(schedule, name)) is not None
    ]
    run = ScheduleRun(schedule, lambda function, rip: rip % 2 == 0)
    alone = [ScheduleRun(part, lambda function, rip: rip % 2 == 0) for part in named]
    for size, rip in chances:
        allowed = [part.strikes(size, rip) for part in alone]
        assert all(allowed) or not run.strikes(size, rip)


@given(schedules())
def test_items_are_what_is_set_in_the_order_of_the_text_form(schedule: Schedule) -> None:
    names = [name for name, _ in schedule.items()]
    assert schedule.is_set == any(name != "seed" for name in names)
    order = ("probability", "interval", "space", "fail-nth", *SCHEDULE_SYMBOLS, "seed")
    assert set(order) == {*SCHEDULE_NUMBERS, *SCHEDULE_SYMBOLS}
    assert names == [name for name in order if name in names]
    again = Schedule(**{name.replace("-", "_"): value for name, value in schedule.items()})  # type: ignore[arg-type]
    assert again == schedule
