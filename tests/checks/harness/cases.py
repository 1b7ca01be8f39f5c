# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests of a check: `class TestIrql(CheckCases): programs = Programs("irql")`."""

from __future__ import annotations

from typing import ClassVar

import pytest

from tests.checks.harness.programs import Programs

AT_LEAST = 5
"""Programs that a check must flag, and that it must not."""


class CheckCases:
    """What every check is held to."""

    programs: ClassVar[Programs]

    def test_enough_programs(self) -> None:
        flagged = sum(program.is_flagged for program in self.programs.all.values())
        assert flagged >= AT_LEAST
        assert len(self.programs.all) - flagged >= AT_LEAST

    def test_programs(self, program_name: str) -> None:
        programs = self.programs
        program = programs.all[program_name]
        mistakes = programs.mistakes(program, programs.run(program))
        assert not mistakes, "\n".join(mistakes)

    def test_messages(self) -> None:
        assert self.programs.report() == self.programs.golden.read_text(encoding="utf-8")


def parametrise(metafunc: pytest.Metafunc) -> None:
    """Run `test_programs` on each program."""
    if "program_name" in metafunc.fixturenames:
        metafunc.parametrize("program_name", list(metafunc.cls.programs.all))
