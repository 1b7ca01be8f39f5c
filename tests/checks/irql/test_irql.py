# SPDX-License-Identifier: GPL-2.0-or-later
"""`irql` finds pageable memory that is touched above APC_LEVEL, resident or not, and none at or below it."""

from __future__ import annotations

from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("irql")


class TestIrql(CheckCases):
    programs = PROGRAMS
