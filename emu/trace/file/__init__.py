# SPDX-License-Identifier: GPL-2.0-or-later
"""The file that a trace is kept in: a few bytes for a turn of a loop, the same bytes on every host."""

from emu.trace.file.reader import load
from emu.trace.file.writer import save

__all__ = ["load", "save"]
