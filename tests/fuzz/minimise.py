# SPDX-License-Identifier: GPL-2.0-or-later
"""Chooses what the corpus keeps: the fewest inputs, small ones first, that reach what all of them reach."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Final

import emu
from tests.fuzz.targets import Target, corpus_path, read_corpus

_PACKAGE: Final = str(Path(emu.__file__).parent)
_HEAD: Final = """\
# SPDX-License-Identifier: GPL-2.0-or-later
# Inputs of the {name} target, in hex; a name before one says what it found. `python -m tests.fuzz {name} --keep DIR`
# writes this file anew. tests/fuzz/test_corpus.py replays it.
"""

Step = tuple[str, int, int]
"""A file, a line in it and the one before: what an input reaches."""


def reached(target: Target, data: bytes) -> set[Step]:
    """Run one input and return the steps from line to line that it takes in the package."""
    steps: set[Step] = set()

    def trace_lines(file: str, before: int) -> Any:
        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before
            if event == "line":
                steps.add((file, before, frame.f_lineno))
                before = frame.f_lineno
            return trace

        return trace

    def trace_calls(frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        return trace_lines(file, frame.f_lineno) if file.startswith(_PACKAGE) else None

    sys.settrace(trace_calls)
    try:
        target.run(data)
    finally:
        sys.settrace(None)
    return steps


def keep(target: Target, found: Iterable[bytes]) -> tuple[int, int]:
    """Write the corpus anew, with the found inputs; return how many inputs it has and how many steps they take."""
    named = {data: title for title, data in read_corpus(target.name) if title}
    candidates = {data for _, data in read_corpus(target.name)} | set(found) | set(target.seeds)
    for data in [*target.seeds, *named][:50]:
        target.run(data)  # what is made once is no input's merit
    covered: set[Step] = set()
    kept = []
    for data in [*sorted(named, key=len), *sorted(candidates - set(named), key=lambda each: (len(each), each))]:
        steps = reached(target, data)
        if data in named or not steps <= covered:
            kept.append(data)
            covered |= steps
    lines = [
        f"{named.get(data, '')} {data.hex()}".strip()
        for data in sorted(kept, key=lambda each: (named.get(each, ""), each))
    ]
    corpus_path(target.name).write_text(_HEAD.format(name=target.name) + "".join(f"{line}\n" for line in lines))
    return len(kept), len(covered)
