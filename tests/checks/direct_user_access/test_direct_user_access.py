# SPDX-License-Identifier: GPL-2.0-or-later
"""`direct-user-access` finds every access past the accessors, and none of theirs."""

from __future__ import annotations

from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("direct_user_access", accessors={"DeclaredCopy": "CopyFromUser"})


class TestDirectUserAccess(CheckCases):
    programs = PROGRAMS
