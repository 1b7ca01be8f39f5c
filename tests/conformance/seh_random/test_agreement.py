# SPDX-License-Identifier: GPL-2.0-or-later
"""Random programs do on the emulated kernel what the model says."""

import pytest

from emu import Machine
from tests.conformance.seh_random.shrink import smaller
from tests.conformance.seh_random.statements import (
    Function,
    How,
    Program,
    Raise,
    Return,
    Step,
    TryExcept,
    TryFinally,
)
from tests.conformance.seh_random.trial import BATCH, Build, Disagreement, check, disagreements, shrink, what_happens

PROGRAMS = 2000
PROGRAMS_FOR_GNU = 500
READ = Raise(How.READ, How.READ.code or 0)


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


class TestDisagreement:
    """A fault in a `__try` body is not covered in a `gnu` build: a program and a build that do disagree."""

    PROGRAM = Program(
        (
            Function(
                (
                    Step(1),
                    TryFinally(2, (TryExcept(3, (READ, Step(5)), None, (Step(6),)), Return(11)), (Step(7),)),
                ),
                10,
            ),
            Function((Step(8),), 12),
        )
    )

    def find(self, machine: Machine) -> Disagreement:
        [found] = disagreements(machine, {7: self.PROGRAM}, Build("gnu", "1"))
        return found

    def test_says_what_was_expected_and_what_happened(self, machine: Machine) -> None:
        found = self.find(machine)
        assert found.expected[:3] == ("step 1, depth 0", "except 3: C0000005", "step 6, depth 0")
        assert found.happened == ("step 1, depth 0", "finally 2: abnormal 1, depth 0", "step 7, depth 0", "raised C0000005")
        text = str(found)
        assert "python -m tests.conformance.seh_random 7 --target gnu --optimize 1" in text
        assert "long program_7(void)" in text
        assert "    step 1, depth 0\n  - except 3: C0000005\n" in text
        assert "  + raised C0000005\n" in text

    def test_is_made_smaller(self, machine: Machine) -> None:
        found = shrink(machine, self.find(machine))
        assert found.seed == 7
        assert found.program.functions[0].body == (TryExcept(3, (READ,), None, ()),)
        assert found.program.functions[1].body == ()

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
