# SPDX-License-Identifier: GPL-2.0-or-later
"""Assembly files that are tests: `test_*.S`, whose comments say what is called and what is expected of it."""

from emu.testing.assembly_file.collector import collect

__all__ = ["collect"]
