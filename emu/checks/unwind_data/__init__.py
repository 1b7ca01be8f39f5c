# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks unwind data against the code that it describes, by reading the code and by running it."""

from emu.checks.unwind_data.comparison import WrongValue
from emu.checks.unwind_data.finding import Rule, UnwindFinding
from emu.checks.unwind_data.proof import Coverage, DisprovedUnwind, UnwindProof
from emu.checks.unwind_data.static import check_unwind_data

__all__ = ["Coverage", "DisprovedUnwind", "Rule", "UnwindFinding", "UnwindProof", "WrongValue", "check_unwind_data"]
