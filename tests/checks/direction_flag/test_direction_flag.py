# SPDX-License-Identifier: GPL-2.0-or-later
"""`direction-flag` finds DF that is left set for others, and no move downwards that keeps it to itself."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def _gone(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.protect(arguments[0], "none")


PROGRAMS = Programs("direction_flag", prepare={"gone": _gone})


class TestDirectionFlag(CheckCases):
    programs = PROGRAMS
