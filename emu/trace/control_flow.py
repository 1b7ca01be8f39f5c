# SPDX-License-Identifier: GPL-2.0-or-later
"""How an instruction hands control on, as far as its mnemonic tells."""

from __future__ import annotations

from enum import IntEnum

from emu.cpu.instruction import decode
from emu.trace.code import Code

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
    name = next((word for word in decode(code.bytes).text.split() if word not in _PREFIXES), "")
    if name in _CALLS:
        return Flow.CALL
    if name in _RETURNS:
        return Flow.RETURN
    if name == "hlt":
        return Flow.STOP
    return Flow.JUMP if name.startswith("j") or name in _LOOPS else Flow.NEXT
