# SPDX-License-Identifier: GPL-2.0-or-later
"""`stack` finds every misuse of RSP and of other frames that it can prove, and no use that is allowed."""

from __future__ import annotations

from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("stack")


class TestStack(CheckCases):
    programs = PROGRAMS
