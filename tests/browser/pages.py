# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces for the viewer, as pages in files."""

from __future__ import annotations

from pathlib import Path

from emu import Machine, Raised, Returned, build_guest
from emu.trace import Trace
from emu.trace.formats import html

LOOP = Path(__file__).parent / "byte_loop.S"
LONG = 1_000_000
"""Instructions of the long trace, at least."""
CONTENT = bytes(range(256)) + b"what the user wrote " * 8


def faulting_trace() -> Trace:
    """A copy whose second page comes back, then one of which it is gone: a page-in, an exception, a landing."""
    machine = Machine("nehalem")
    source = machine.user.alloc(CONTENT, offset=4096 - 200, name="source")
    target = machine.kernel.alloc(len(CONTENT), name="target")
    machine.user.page_out(source.address + 200)
    with machine.trace() as trace:
        assert isinstance(machine.call("CopyFromUser", target, source, len(CONTENT)), Returned)
        machine.user.protect(source.address + 200, "none")
        assert isinstance(machine.call("CopyFromUser", target, source, len(CONTENT)), Raised)
    return trace


def long_trace() -> Trace:
    """A byte loop of a million instructions."""
    size = LONG // 6 + 1
    machine = Machine("nehalem")
    machine.load(build_guest([LOOP]))
    source = machine.user.alloc(bytes(7 * at & 0xFF for at in range(size)), name="source")
    target = machine.kernel.alloc(size, name="target")
    with machine.trace() as trace:
        assert isinstance(machine.call("byte_loop", target, source, size), Returned)
    assert len(trace) >= LONG
    return trace


def write_page(trace: Trace, path: Path) -> str:
    """Write a trace as a page and return its URL."""
    with path.open("w", encoding="utf-8") as stream:
        html.write(trace, stream)
    return path.as_uri()
