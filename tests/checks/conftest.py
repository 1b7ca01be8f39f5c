# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs each program of a check as a test of its own."""

from __future__ import annotations

import pytest

from tests.checks.harness.cases import parametrise


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `CheckCases` the names of the programs."""
    parametrise(metafunc)
