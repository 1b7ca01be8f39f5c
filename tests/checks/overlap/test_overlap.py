# SPDX-License-Identifier: GPL-2.0-or-later
"""`overlap` finds every copy with ranges that overlap, whichever way, and none where they may or do not."""

from __future__ import annotations

from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("overlap")


class TestOverlap(CheckCases):
    programs = PROGRAMS
