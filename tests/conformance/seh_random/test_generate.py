# SPDX-License-Identifier: GPL-2.0-or-later
"""The random programs: the same again for the same seed, well formed, bounded, and of every kind."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.seh_random.c_source import program_source
from tests.conformance.seh_random.generate import generate
from tests.conformance.seh_random.model import run
from tests.conformance.seh_random.shrink import smaller
from tests.conformance.seh_random.statements import (
    FAULTS_IN_BODY,
    Break,
    Call,
    Continue,
    Filter,
    Goto,
    How,
    If,
    Leave,
    Loop,
    Raise,
    Rethrow,
    Return,
    Step,
    TryExcept,
    TryFinally,
    is_well_formed,
    walk,
)

SEEDS = st.integers(0, 1 << 32)
SOME = settings(max_examples=50, deadline=None, database=None, derandomize=True)


@given(SEEDS)
@SOME
def test_is_well_formed_and_bounded(seed: int) -> None:
    program = generate(seed)
    assert is_well_formed(program)
    assert run(program).is_bounded


@given(SEEDS)
@SOME
def test_is_the_same_for_the_same_seed(seed: int) -> None:
    assert program_source(1, generate(seed)) == program_source(1, generate(seed))


@given(SEEDS)
@settings(SOME, max_examples=20)
def test_shrinks_to_programs_that_are_smaller_and_well_formed(seed: int) -> None:
    program = generate(seed)
    for candidate in smaller(program):
        assert is_well_formed(candidate)
        assert sum(1 for _ in walk(candidate)) < sum(1 for _ in walk(program))


@given(SEEDS)
@SOME
def test_no_body_faults_itself_for_gnu(seed: int) -> None:
    assert not [node for node in walk(generate(seed, "gnu")) if isinstance(node, Raise) and node.how in FAULTS_IN_BODY]


def test_has_every_statement() -> None:
    kinds = {type(node) for seed in range(30) for node in walk(generate(seed))}
    statements = {Step, Raise, Rethrow, Call, Loop, If, Break, Continue, Leave, Goto, Return, TryExcept, TryFinally}
    assert statements | {Filter} <= kinds


def test_meets_every_rule_of_the_model() -> None:
    met = Counter(rule for seed in range(300) for rule in run(generate(seed)).met)
    rare = {"noncontinuable continued", "nested exception"}
    often = {
        *(how.name for how in How),
        "rethrow",
        "jump out of __finally's __try",
        "__finally run by an unwind",
        "search meets an unwind",
        "unwind meets an unwind",
        "unhandled",
    }
    assert set(met) == rare | often
    assert all(met[rule] >= 3 for rule in rare), met
    assert all(met[rule] >= 20 for rule in often), met
