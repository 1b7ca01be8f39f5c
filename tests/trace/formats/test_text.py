# SPDX-License-Identifier: GPL-2.0-or-later
"""The text file is the folded listing."""

from __future__ import annotations

import io

from emu.trace.formats import text
from emu.trace.listing import listing
from tests.trace.made import copied


def test_a_text_file_is_the_folded_listing() -> None:
    trace = copied(b"hello from user mode", fault_at=3)
    stream = io.StringIO()
    text.write(trace, stream)
    written = stream.getvalue()
    assert written.endswith("\n")
    assert written.splitlines() == list(listing(trace))
    assert "\x1b" not in written
    assert sum("times more" in line for line in written.splitlines()) == 1
