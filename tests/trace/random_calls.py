# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces of calls, returns, jumps and events at random: nothing of them could run."""

from __future__ import annotations

from typing import Final

import numpy as np
from hypothesis import strategies as st

from emu.address import Gva
from emu.trace import ACCESS, EVENT, INSTRUCTION, Code, StoredSource, Trace
from emu.trace.code import TracedCall
from emu.trace.layout import EventKind

CALL_CODE: Final = b"\xff\xd0"
RETURN_CODE: Final = b"\xc3"
NOP: Final = b"\x90"
HLT: Final = b"\xf4"
JUMP: Final = b"\xeb\x00"
ADDRESSES: Final = tuple(0x1000 + 0x7 * number for number in range(12))
SYMBOLS: Final = ("one", "other")


@st.composite
def random_traces(draw: st.DrawFn) -> Trace:
    """Return a trace of instructions anywhere, with events of any kind, and calls that follow one another."""
    path = draw(
        st.lists(
            st.tuples(
                st.sampled_from(ADDRESSES),
                st.sampled_from([CALL_CODE, RETURN_CODE, NOP, HLT, JUMP]),
                st.sampled_from(SYMBOLS),
                st.booleans(),
            ),
            max_size=24,
        )
    )
    known = list(dict.fromkeys(each[:3] for each in path))
    code = [Code(Gva(rip), encoding, symbol, "", 0, "", 0) for rip, encoding, symbol in known]
    numbers = {key: number for number, key in enumerate(known)}
    rows = [
        (rip, at, 0, numbers[rip, encoding, symbol], 0, len(encoding), int(trapped))
        for at, (rip, encoding, symbol, trapped) in enumerate(path)
    ]
    ends = sorted(draw(st.lists(st.integers(0, len(path)), max_size=3)))
    bounds = list(zip([0, *ends], [*ends, len(path)], strict=True))
    calls = [TracedCall("f", (), "", begin, end) for begin, end in bounds]
    events = []
    for number, (begin, end) in enumerate(bounds):
        places = sorted(draw(st.lists(st.integers(begin, end), max_size=4)))
        for at in places:
            rip, kind = (
                draw(st.sampled_from(ADDRESSES)) + draw(st.sampled_from([0, 2])),
                draw(st.sampled_from(EventKind)),
            )
            events.append((at, rip, 0, 0, number, kind))
    return Trace(
        StoredSource(np.array(rows, INSTRUCTION), np.zeros(0, ACCESS), np.array(events, EVENT), code=code, calls=calls)
    )
