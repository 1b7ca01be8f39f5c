# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes findings.txt anew: `python -m tests.conformance.bug_classes`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.conformance.bug_classes.findings import GOLDEN
from tests.conformance.bug_classes.laboratory import Laboratory

with tempfile.TemporaryDirectory() as directory:
    GOLDEN.write_text(Laboratory(Path(directory)).report(), encoding="utf-8")
