# SPDX-License-Identifier: GPL-2.0-or-later
"""`information-leak` finds every way of uninitialised bytes to user memory, and none of initialised ones."""

from __future__ import annotations

from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("information_leak")


class TestInformationLeak(CheckCases):
    programs = PROGRAMS
