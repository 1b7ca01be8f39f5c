# SPDX-License-Identifier: GPL-2.0-or-later
"""The model, against sequences worked out by hand from the rules of two-phase exception handling."""

import pytest

from tests.conformance.seh_random.model import run
from tests.conformance.seh_random.statements import (
    RAISES,
    Block,
    Break,
    Call,
    Continue,
    Filter,
    Function,
    Goto,
    How,
    If,
    Leave,
    Loop,
    Program,
    Raise,
    Rethrow,
    Return,
    Rule,
    Statement,
    Step,
    TryExcept,
    TryFinally,
)

A, B, C = 0xE000_0001, 0xE000_0002, 0xE000_0003
RAISE_A, RAISE_B, RAISE_C = (Raise(How.SOFTWARE, code) for code in (A, B, C))
READ = Raise(How.READ_IN_CALLEE, 0xC000_0005)


def does(*functions: Block) -> list[str]:
    """Run a program whose functions return 10, and return its lines without the depth where that is 0."""
    lines = run(Program(tuple(Function(body, 10) for body in functions))).lines
    return [line.removesuffix(", depth 0") for line in lines]


def answer(value: int, *body: Statement) -> Filter:
    return Filter((Rule(None, body, value),))


def answer_to(code: int, value: int, *body: Statement, otherwise: int = 0) -> Filter:
    return Filter((Rule(code, body, value), Rule(None, (), otherwise)))


NESTED_TWICE: tuple[Block, ...] = (
    (TryExcept(1, (Call(1),), answer_to(B, 1, RAISE_C, otherwise=1), ()),),
    (TryExcept(2, (RAISE_A,), answer_to(A, 1, RAISE_B), ()),),
)
"""Rarely drawn, therefore run on the emulated kernel, too (test_agreement.py)."""


class TestSearch:
    def test_the_innermost_that_accepts_takes_it(self) -> None:
        inner = TryExcept(2, (READ, Step(3)), answer(0), (Step(4),))
        assert does((TryExcept(1, (inner, Step(5)), answer(1), (Step(6),)), Step(7))) == [
            "filter 2: C0000005, flags 00",
            "filter 2 answers 0",
            "filter 1: C0000005, flags 00",
            "filter 1 answers 1",
            "except 1: C0000005",
            "step 6",
            "step 7",
            "returned A",
        ]

    def test_goes_through_callers(self) -> None:
        assert does((TryExcept(1, (Call(1),), answer(1), ()),), (RAISE_A,)) == [
            "filter 1: E0000001, flags 00",
            "filter 1 answers 1",
            "except 1: E0000001",
            "returned A",
        ]

    def test_a_constant_filter_says_nothing(self) -> None:
        assert does((TryExcept(1, (READ,), None, ()),)) == ["except 1: C0000005", "returned A"]

    def test_an_exception_of_nobody_ends_the_program(self) -> None:
        assert does((TryExcept(1, (READ,), answer(0), ()), Step(2))) == [
            "filter 1: C0000005, flags 00",
            "filter 1 answers 0",
            "raised C0000005",
        ]

    def test_a_handler_is_outside_its_own_try(self) -> None:
        assert does((TryExcept(1, (TryExcept(2, (READ,), None, (Rethrow(2),)),), None, ()),)) == [
            "except 2: C0000005",
            "except 1: C0000005",
            "returned A",
        ]


class TestContinueExecution:
    def test_goes_on_behind_the_raise(self) -> None:
        assert does((TryExcept(1, (RAISE_A, Step(2)), answer_to(A, -1), ()),)) == [
            "filter 1: E0000001, flags 00",
            "filter 1 answers -1",
            "continued",
            "step 2",
            "returned A",
        ]

    def test_of_a_noncontinuable_exception_is_an_exception(self) -> None:
        raising = Raise(How.NONCONTINUABLE, A)
        assert does((TryExcept(1, (raising,), answer_to(A, -1, otherwise=1), ()),)) == [
            "filter 1: E0000001, flags 01",
            "filter 1 answers -1",
            "filter 1: C0000025, flags 01",
            "filter 1 answers 1",
            "except 1: C0000025",
            "returned A",
        ]


class TestUnwind:
    def test_runs_after_the_search_from_the_inside_out(self) -> None:
        inner = TryFinally(2, (TryFinally(3, (READ,), (Step(4),)),), (Step(5),))
        assert does((TryExcept(1, (inner,), answer(1), (Step(6),)),)) == [
            "filter 1: C0000005, flags 00",
            "filter 1 answers 1",
            "finally 3: abnormal 1",
            "step 4",
            "finally 2: abnormal 1",
            "step 5",
            "except 1: C0000005",
            "step 6",
            "returned A",
        ]

    def test_ends_at_the_scope_that_accepts(self) -> None:
        inner = TryExcept(2, (READ,), None, ())
        assert does((TryFinally(1, (inner, Step(3)), ()),)) == [
            "except 2: C0000005",
            "step 3",
            "finally 1: abnormal 0",
            "returned A",
        ]

    def test_of_an_unhandled_exception(self) -> None:
        assert does((TryFinally(1, (READ,), (Step(2),)),)) == ["finally 1: abnormal 1", "step 2", "raised C0000005"]


class TestWaysOut:
    @pytest.mark.parametrize(
        ("jump", "abnormal", "behind"),
        [
            (Step(9), 0, ["step 3", "step 4", "returned A"]),
            (Leave(), 0, ["step 3", "step 4", "returned A"]),
            (Goto(2), 1, ["step 3", "step 4", "returned A"]),
            (Goto(1), 1, ["step 4", "returned A"]),
            (Return(11), 1, ["returned B"]),
        ],
    )
    def test_of_a_try(self, jump: Statement, abnormal: int, behind: list[str]) -> None:
        inner = TryFinally(2, (jump,), ())
        lines = does((TryExcept(1, (inner, Step(3)), None, ()), Step(4)))
        assert [line for line in lines if line != "step 9"] == [f"finally 2: abnormal {abnormal}", *behind]

    def test_of_a_loop(self) -> None:
        body = TryFinally(2, (If(1, 0, (Continue(),)), If(1, 1, (Break(),))), ())
        assert does((Loop(1, 3, (body,)), Step(3))) == [
            "finally 2: abnormal 1",
            "finally 2: abnormal 1",
            "step 3",
            "returned A",
        ]

    def test_leave_of_a_handler_leaves_the_try_around_it(self) -> None:
        inner = TryExcept(2, (READ,), None, (Leave(),))
        assert does((TryFinally(1, (inner, Step(3)), ()), Step(4))) == [
            "except 2: C0000005",
            "finally 1: abnormal 0",
            "step 4",
            "returned A",
        ]


class TestExceptionInAFilter:
    def test_can_be_handled_inside(self) -> None:
        asked = answer(1, TryExcept(2, (RAISE_B,), None, (Step(3),)))
        assert does((TryExcept(1, (READ,), asked, ()),)) == [
            "filter 1: C0000005, flags 00",
            "except 2: E0000002",
            "step 3",
            "filter 1 answers 1",
            "except 1: C0000005",
            "returned A",
        ]

    def test_is_nested_up_to_the_frame_whose_filter_it_was(self) -> None:
        # The same filter is asked again; the caller's frame is beyond the one that the first search was in.
        inner = TryExcept(2, (RAISE_A,), answer_to(A, 1, RAISE_B), ())
        assert does((TryExcept(1, (Call(1),), answer(1), ()),), (inner,)) == [
            "filter 2: E0000001, flags 00, depth 1",
            "filter 2: E0000002, flags 10, depth 1",
            "filter 2 answers 0",
            "filter 1: E0000002, flags 00",
            "filter 1 answers 1",
            "except 1: E0000002",
            "returned A",
        ]

    def test_asks_the_frames_below_the_first_exception_again(self) -> None:
        outer = TryExcept(1, (Call(1),), answer_to(A, 1, RAISE_B, otherwise=1), ())
        inner = TryExcept(2, (TryFinally(3, (RAISE_A,), ()),), answer(0), ())
        assert does((outer,), (inner,)) == [
            "filter 2: E0000001, flags 00, depth 1",
            "filter 2 answers 0",
            "filter 1: E0000001, flags 00",
            "filter 2: E0000002, flags 10, depth 1",
            "filter 2 answers 0",
            "filter 1: E0000002, flags 10",
            "filter 1 answers 1",
            "finally 3: abnormal 1, depth 1",
            "except 1: E0000002",
            "returned A",
        ]

    def test_in_the_search_for_another_is_nested_up_to_the_outer_of_the_two_frames(self) -> None:
        assert does(*NESTED_TWICE) == [
            "filter 2: E0000001, flags 00, depth 1",
            "filter 2: E0000002, flags 10, depth 1",
            "filter 2 answers 0",
            "filter 1: E0000002, flags 00",
            "filter 2: E0000003, flags 10, depth 1",
            "filter 2 answers 0",
            "filter 1: E0000003, flags 10",
            "filter 1 answers 1",
            "except 1: E0000003",
            "returned A",
        ]


class TestExceptionInAFinally:
    def test_takes_the_place_of_the_first(self) -> None:
        inner = TryFinally(2, (RAISE_A,), (RAISE_B, Step(3)))
        assert does((TryExcept(1, (inner,), None, ()),)) == [
            "finally 2: abnormal 1",
            "except 1: E0000002",
            "returned A",
        ]

    def test_does_not_ask_what_the_first_unwind_has_passed(self) -> None:
        passed = TryExcept(3, (RAISE_A,), answer(0), ())
        own = TryFinally(2, (passed,), (RAISE_B,))
        assert does((TryExcept(1, (own,), answer_to(A, 1, otherwise=1), ()),)) == [
            "filter 3: E0000001, flags 00",
            "filter 3 answers 0",
            "filter 1: E0000001, flags 00",
            "filter 1 answers 1",
            "finally 2: abnormal 1",
            "filter 1: E0000002, flags 00",
            "filter 1 answers 1",
            "except 1: E0000002",
            "returned A",
        ]

    def test_runs_every_other_finally_once(self) -> None:
        inner = TryFinally(2, (TryFinally(3, (TryFinally(4, (RAISE_A,), ()),), (RAISE_B,)),), ())
        assert does((TryExcept(1, (inner,), None, ()),)) == [
            "finally 4: abnormal 1",
            "finally 3: abnormal 1",
            "finally 2: abnormal 1",
            "except 1: E0000002",
            "returned A",
        ]

    def test_can_end_before_the_target_of_the_first(self) -> None:
        between = TryExcept(2, (TryFinally(3, (RAISE_A,), (RAISE_B,)),), answer_to(B, 1), (Step(4),))
        assert does((TryExcept(1, (between, Step(5)), None, ()),)) == [
            "filter 2: E0000001, flags 00",
            "filter 2 answers 0",
            "finally 3: abnormal 1",
            "filter 2: E0000002, flags 00",
            "filter 2 answers 1",
            "except 2: E0000002",
            "step 4",
            "step 5",
            "returned A",
        ]

    def test_can_be_handled_inside_and_the_unwind_goes_on(self) -> None:
        own = TryFinally(2, (RAISE_A,), (TryExcept(3, (RAISE_B,), None, ()), Step(4)))
        assert does((TryExcept(1, (own,), None, ()),)) == [
            "finally 2: abnormal 1",
            "except 3: E0000002",
            "step 4",
            "except 1: E0000001",
            "returned A",
        ]

    def test_on_the_normal_way_is_an_ordinary_one(self) -> None:
        assert does((TryExcept(1, (TryFinally(2, (Step(3),), (RAISE_A,)),), None, ()),)) == [
            "step 3",
            "finally 2: abnormal 0",
            "except 1: E0000001",
            "returned A",
        ]


def test_raises_and_calls_are_limited() -> None:
    assert does((TryExcept(1, (RAISE_A,), None, ()), Call(0)))[:RAISES] == ["except 1: E0000001" for _ in range(RAISES)]
    assert does((Call(0),))[-2:] == ["f0 returned 10", "returned A"]
    assert len(does((Call(0),))) == 17
