# SPDX-License-Identifier: GPL-2.0-or-later
"""`nonvolatile-registers` finds every one that is changed, in the function that did it, and none that is put back."""

from __future__ import annotations

from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("nonvolatile_registers")


class TestNonvolatileRegisters(CheckCases):
    programs = PROGRAMS
