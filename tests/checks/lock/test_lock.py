# SPDX-License-Identifier: GPL-2.0-or-later
"""`lock` finds every lock, region and IRQL that a call leaves otherwise than it found it, and no other."""

from __future__ import annotations

from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("lock")


class TestLock(CheckCases):
    programs = PROGRAMS
