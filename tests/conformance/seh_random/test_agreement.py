# SPDX-License-Identifier: GPL-2.0-or-later
"""Random programs do on the emulated kernel what the model says."""

import pytest

from emu import Machine
from tests.conformance.seh_random import trial
from tests.conformance.seh_random.model import Run, run
from tests.conformance.seh_random.shrink import smaller
from tests.conformance.seh_random.statements import (
    Function,
    How,
    Program,
    Raise,
    Step,
    TryExcept,
    TryFinally,
)
from tests.conformance.seh_random.test_model import NESTED_TWICE
from tests.conformance.seh_random.trial import BATCH, Build, Disagreement, check, disagreements, shrink, what_happens

PROGRAMS = 2000
PROGRAMS_FOR_GNU = 500
READ = Raise(How.READ_IN_CALLEE, How.READ_IN_CALLEE.code or 0)


@pytest.mark.parametrize("optimize", ["0", "2"])
@pytest.mark.parametrize(("target", "programs"), [("msvc", 50), ("gnu", 15)])
def test_programs(machine: Machine, target: str, programs: int, optimize: str) -> None:
    check(machine, range(programs), Build(target, optimize))


@pytest.mark.sweep
@pytest.mark.parametrize("optimize", ["0", "2"])
@pytest.mark.parametrize(
    ("target", "first"),
    [
        *(("msvc", first) for first in range(0, PROGRAMS, BATCH)),
        *(("gnu", first) for first in range(0, PROGRAMS_FOR_GNU, BATCH)),
    ],
)
def test_more_programs(machine: Machine, target: str, first: int, optimize: str) -> None:
    check(machine, range(first, first + BATCH), Build(target, optimize))


def test_an_exception_nested_in_a_nested_one(machine: Machine) -> None:
    program = Program(tuple(Function(body, 10) for body in NESTED_TWICE))
    assert not list(disagreements(machine, {0: program}, Build("msvc", "1")))


class TestDisagreement:
    """What is shown where the model says that AbnormalTermination() is always 0."""

    FINALLY = TryFinally(3, (READ, Step(4)), (Step(5),))
    PROGRAM = Program(
        (Function((Step(1), TryExcept(2, (FINALLY,), None, (Step(6),))), 10), Function((Step(7),), 11)),
    )

    @pytest.fixture
    def found(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Disagreement:
        def run_wrongly(program: Program) -> Run:
            done = run(program)
            return done._replace(lines=tuple(line.replace("abnormal 1", "abnormal 0") for line in done.lines))

        monkeypatch.setattr(trial, "run", run_wrongly)
        [found] = disagreements(machine, {7: self.PROGRAM}, Build("gnu", "1"))
        return found

    def test_says_what_was_expected_and_what_happened(self, found: Disagreement) -> None:
        behind = ("step 5, depth 0", "except 2: C0000005", "step 6, depth 0", "returned A")
        assert found.expected == ("step 1, depth 0", "finally 3: abnormal 0, depth 0", *behind)
        assert found.happened == ("step 1, depth 0", "finally 3: abnormal 1, depth 0", *behind)
        text = str(found)
        assert "python -m tests.conformance.seh_random 7 --target gnu --optimize 1" in text
        assert "long program_7(void)" in text
        assert "    step 1, depth 0\n  - finally 3: abnormal 0, depth 0\n" in text
        assert "  + finally 3: abnormal 1, depth 0\n" in text

    def test_is_made_smaller(self, machine: Machine, found: Disagreement) -> None:
        small = shrink(machine, found)
        assert small.seed == 7
        assert [function.body for function in small.program.functions] == [(TryFinally(3, (READ,), ()),), ()]

    def test_what_is_smaller_is_one_step_smaller(self) -> None:
        program = Program((Function((TryExcept(1, (Step(2), Step(3)), None, (Step(4),)),), 10),))
        assert [each.functions[0].body for each in smaller(program)] == [
            (),
            (Step(2), Step(3)),
            (Step(4),),
            (TryExcept(1, (), None, (Step(4),)),),
            (TryExcept(1, (Step(3),), None, (Step(4),)),),
            (TryExcept(1, (Step(2),), None, (Step(4),)),),
            (TryExcept(1, (Step(2), Step(3)), None, ()),),
        ]

    def test_programs_of_one_image_do_not_share_what_they_may_raise(self, machine: Machine) -> None:
        raising = Program((Function((TryExcept(1, (READ,), None, ()),), 10),))
        happened = what_happens(machine, dict.fromkeys(range(20), raising), Build("msvc", "1"))
        assert set(happened.values()) == {("except 1: C0000005", "returned A")}
