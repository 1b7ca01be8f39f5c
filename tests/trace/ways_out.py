# SPDX-License-Identifier: GPL-2.0-or-later
"""Real traces of `sources/ways_out.c`: a read that succeeds, one whose filter accepts, one whose filter refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from emu import Machine, Raised, Returned, build_guest
from emu.trace import Trace

SOURCE: Final = Path(__file__).parent / "sources" / "ways_out.c"
NORMAL, ACCEPTED, REFUSED, CONSTANT = "normal", "accepted", "refused", "constant"


def trace_ways(*ways: str, optimize: str = "1", target: str = "msvc") -> Trace:
    """Trace calls that go these ways, in order."""
    with Machine("nehalem") as machine:
        module = machine.load(build_guest([SOURCE], optimize=optimize, target=target))
        good, bad = machine.user.alloc(b"abc"), machine.user.alloc(16)
        machine.user.protect(bad, "none")
        with machine.trace() as trace:
            for way in ways:
                if way == CONSTANT:
                    assert machine.call(module["always_taken"], bad) == Returned(0xFFFF_FFFF)
                    continue
                outcome = machine.call(module["guarded_read"], good if way == NORMAL else bad, way == ACCEPTED)
                if way == REFUSED:
                    assert isinstance(outcome, Raised)
                else:
                    assert outcome == Returned(ord("a") if way == NORMAL else 0xFFFF_FFFF)
        assert len(trace)  # run again while the machine is there
    return trace


def line_of(text: str) -> int:
    """Return the number of the line with a text."""
    return 1 + next(number for number, line in enumerate(SOURCE.read_text().splitlines()) if text in line)
