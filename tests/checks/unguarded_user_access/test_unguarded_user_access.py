# SPDX-License-Identifier: GPL-2.0-or-later
"""`unguarded-user-access` finds every access that no `__try` covers, and none that one does, in whichever frame."""

from __future__ import annotations

from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("unguarded_user_access", accessors={"DeclaredCopy": "CopyFromUser"})


class TestUnguardedUserAccess(CheckCases):
    programs = PROGRAMS
