# SPDX-License-Identifier: GPL-2.0-or-later
"""`unguarded-user-access` finds every access that no `__try` covers, and none that one does, in whichever frame."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def _page_out(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.page_out(arguments[0])


PROGRAMS = Programs(
    "unguarded_user_access", prepare={"page_out": _page_out}, accessors={"DeclaredCopy": "CopyFromUser"}
)


class TestUnguardedUserAccess(CheckCases):
    programs = PROGRAMS
