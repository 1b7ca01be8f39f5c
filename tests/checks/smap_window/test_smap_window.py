# SPDX-License-Identifier: GPL-2.0-or-later
"""`smap-window` finds AC set for longer than an access and AC that is not the caller's any more, and no true window."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def _gone(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.protect(arguments[0], "none")


def _paged_out(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.page_out(arguments[0])


PROGRAMS = Programs("smap_window", prepare={"gone": _gone, "paged_out": _paged_out})


class TestSmapWindow(CheckCases):
    programs = PROGRAMS
