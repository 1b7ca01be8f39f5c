# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables that Hypothesis makes: some fields go their regular way, some are any number."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from hypothesis import strategies as st

from emu.trace import ACCESS, EVENT, INSTRUCTION
from emu.trace.layout import EventKind
from emu.trace.source import Table

_SEEDS: Final = st.integers(0, 2**32 - 1)
_SHAPES: Final = st.sampled_from(["constant", "ramp", "few", "cycle", "any", "edges"])


def _column(shape: str, seed: int, count: int, most: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    random = np.random.default_rng(seed)
    ceiling = most + 1 if most < 1 << 63 else 1 << 63
    few = random.integers(0, ceiling, 4, np.uint64)
    begin, step = int(few[0]), int(few[1]) % 64
    match shape:
        case "constant":
            return np.full(count, few[0], np.uint64)
        case "ramp":
            return np.array([(begin + step * at) % (most + 1) for at in range(count)], np.uint64)
        case "few":
            return few[random.integers(0, 4, count)]
        case "cycle":
            return few[np.arange(count) % 3]
        case "edges":
            return np.array([0, most, most // 2, most // 2 + 1, 1], np.uint64)[random.integers(0, 5, count)]
    return random.integers(0, ceiling, count, np.uint64)


@st.composite
def any_table(draw: st.DrawFn, dtype: np.dtype[np.void], count: int) -> Table:
    """A table of rows that need not make sense."""
    table = np.zeros(count, dtype)
    for field in dtype.names or ():
        most = int(np.iinfo(dtype[field]).max)
        table[field] = _column(draw(_SHAPES), draw(_SEEDS), count, most)
    return table


@st.composite
def long_tables(draw: st.DrawFn, most: int = 120) -> tuple[Table, Table]:
    """Instructions, and the accesses that they say they have."""
    instructions = draw(any_table(INSTRUCTION, draw(st.integers(0, most))))
    if draw(st.booleans()):
        instructions["code"] %= 7
    numbers = _column(draw(_SHAPES), draw(_SEEDS), len(instructions), 3)
    instructions["accesses"] = numbers
    instructions["first_access"] = np.cumsum(numbers) - numbers
    accesses = draw(any_table(ACCESS, int(numbers.sum())))
    accesses["instruction"] = np.repeat(np.arange(len(instructions)), numbers.astype(np.intp))
    if draw(st.booleans()):
        accesses["kind"] %= 2
        accesses["size"] = draw(st.sampled_from([1, 2, 4, 8, 10, 16]))
    if draw(st.booleans()) and len(accesses):  # what is written was read before
        accesses["low"] = np.repeat(accesses["low"][::2], 2)[: len(accesses)]
        accesses["high"] = 0
    return instructions, accesses


@st.composite
def event_tables(draw: st.DrawFn, instructions: int) -> Table:
    """Events between so many instructions."""
    events = draw(any_table(EVENT, draw(st.integers(0, 9))))
    events["instruction"] = np.sort(events["instruction"] % np.uint64(instructions + 1))
    events["kind"] %= len(EventKind)
    return events
