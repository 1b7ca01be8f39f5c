# SPDX-License-Identifier: GPL-2.0-or-later
"""What a dispatch asks of whoever runs it.

The dispatcher is a generator: it yields one of these and, where an answer is due, gets it sent back. So no
guest call nests on the host's stack, and a dispatch that is unwound past is closed, not left behind.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, TypeAlias

from emu.address import Gva
from emu.outcome import ExceptionRecord
from emu.seh.context import Context


class CallGuest(NamedTuple):
    """Call guest code with RSP at `stack_pointer` below `return_address`; the answer is RAX."""

    address: Gva
    arguments: tuple[int, ...]
    stack_pointer: int
    return_address: Gva


class Land(NamedTuple):
    """Go on from a context; every dispatch that waits below its RSP is over. No answer.

    RFLAGS and MXCSR stay as the handlers have left them, unless `mxcsr` says otherwise.
    """

    context: Context
    record: ExceptionRecord
    mxcsr: int | None = None


class Resume(NamedTuple):
    """Go on from a context as RtlRestoreContext does, with its own RFLAGS and MXCSR. No answer."""

    context: Context


class RaiseStatus(NamedTuple):
    """Raise a non-continuable exception from the frame at `stack_pointer`. No answer."""

    status: int
    stack_pointer: int
    return_address: Gva


class RaiseRecord(NamedTuple):
    """Raise what a record in guest memory says, in `context`, from the frame at `stack_pointer`. No answer."""

    record: ExceptionRecord
    record_address: int
    context: Context
    stack_pointer: int
    return_address: Gva


class GiveUp(NamedTuple):
    """Stop the machine: an exception has had all its chances. No answer."""

    record: ExceptionRecord


Request: TypeAlias = CallGuest | Land | Resume | RaiseStatus | RaiseRecord | GiveUp
Steps: TypeAlias = Generator[Request, int, int]
"""A generator of requests; its result is a disposition, or for a whole dispatch 1 (continue) or 0 (unhandled)."""
