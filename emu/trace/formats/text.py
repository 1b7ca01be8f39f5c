# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a trace as text to be read: its listing, folded and without colours. Its signs take an encoding as UTF-8."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from emu.trace.listing import listing

if TYPE_CHECKING:
    from emu.trace.trace import Trace


def write(trace: Trace, stream: TextIO) -> None:
    """Write it."""
    stream.writelines(f"{line}\n" for line in listing(trace))
