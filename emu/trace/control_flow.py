# SPDX-License-Identifier: GPL-2.0-or-later
"""How an instruction hands control on, as far as its mnemonic tells."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from enum import IntEnum

from emu.cpu.instruction import decode
from emu.trace.code import Code
from emu.trace.described_code import DescribedCode

_CALLS = ("call", "lcall", "syscall")
_RETURNS = ("ret", "retf", "retfq", "iretd", "iretq", "sysret", "sysretq")
_PREFIXES = ("bnd", "notrack", "rep", "repe", "repne", "repz", "repnz", "lock")
_LOOPS = ("loop", "loope", "loopne")


class Flow(IntEnum):
    """What may come behind an instruction."""

    NEXT = 0
    """The instruction behind it, but for a trap; so it is with `int3` and its kin, which the host handles."""
    JUMP = 1
    """Another one of the same activation, or the one behind it."""
    CALL = 2
    """The first one of another activation, which comes back behind it."""
    RETURN = 3
    """One of the activation before."""
    STOP = 4
    """`hlt`: whatever the host makes of it."""


def flow_of(code: Code) -> Flow:
    """Return how an instruction hands control on."""
    return _flow_of(code.bytes)


def flows_of(code: Sequence[Code], first: int) -> list[Flow]:
    """Return the same of all code from a number on, none of which is described for that."""
    if isinstance(code, DescribedCode):
        return [_flow_of(encoding) for _, encoding in code.encodings[first:]]
    return [flow_of(code[number]) for number in range(first, len(code))]


@functools.lru_cache(maxsize=65536)
def _flow_of(encoding: bytes) -> Flow:
    name = next((word for word in decode(encoding).text.split() if word not in _PREFIXES), "")
    if name in _CALLS:
        return Flow.CALL
    if name in _RETURNS:
        return Flow.RETURN
    if name == "hlt":
        return Flow.STOP
    return Flow.JUMP if name.startswith("j") or name in _LOOPS else Flow.NEXT
