# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the messages of checks anew: `python -m tests.checks.harness DIRECTORY…`."""

from __future__ import annotations

import importlib
import sys

for directory in sys.argv[1:]:
    cases = importlib.import_module(f"tests.checks.{directory}.test_{directory}")
    programs = cases.PROGRAMS
    programs.golden.write_text(programs.report(), encoding="utf-8")
