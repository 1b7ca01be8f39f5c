# SPDX-License-Identifier: GPL-2.0-or-later
"""`pool` finds every block that is overrun, used when it is freed, freed wrongly or lost, and no other."""

from __future__ import annotations

from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("pool")


class TestPool(CheckCases):
    programs = PROGRAMS
