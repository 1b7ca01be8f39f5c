# SPDX-License-Identifier: GPL-2.0-or-later
"""`accesses-outside` finds what a caller touches of an accessor's user range itself, and nothing else."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def _second_page_gone(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.protect(int(arguments[0]) + 0x1000, "none")


PROGRAMS = Programs("accesses_outside", prepare={"second_page_gone": _second_page_gone})


class TestAccessesOutside(CheckCases):
    programs = PROGRAMS
