# SPDX-License-Identifier: GPL-2.0-or-later
"""User memory used where nothing would catch an exception."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from emu.address import Gva
from emu.checks.call.accessor_calls import AccessorCall
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.tree import Activation
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl
from emu.events import ExceptionRaised
from emu.outcome import Returned

_CODE_BITS: Final = 32
"""Bits of the number of a code."""
_OUTSIDE: Final = "outside of every __try block"


class UnguardedUserAccess(Check):
    """User memory is accessed where no __try block of any frame would catch an exception.

    Proves: an accessor was called to access user memory, or code touched some itself, and neither the scope tables of
    its function nor those of its callers, frame by frame, had an `__except` around the place. A page that user code
    takes away at that moment then stops the system, resident as it may have been here. A `__finally` catches nothing;
    nor does a `__try` catch what happens in its own filter, which it asks again, unless it is seen to. The frame with
    which the host calls does not count, and a host that calls an accessor itself makes no mistake.
    Cannot see: whether the filter would have taken the exception. A language handler without a scope table is taken to
    catch all, and so is what a machine frame has interrupted.
    Cost: looks at the scope tables once for each place from which user memory is accessed.
    """

    name = "unguarded-user-access"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each call of an accessor, and each instruction that touches user memory itself, once."""
        yield from self._accessors(call)
        yield from self._instructions(call)

    def _accessors(self, call: CheckedCall) -> Iterator[Finding]:
        for made in call.accessor_calls:
            activation = made.activation
            if not _uses_user_memory(made) or (activation.parent and call.is_accessor(activation.parent)):
                continue
            if call.is_host_call(activation) or call.guards.callers_catch(activation):
                continue
            if _was_caught(call, activation.begin, activation.end):
                continue
            message = f"{made.name} is called {_OUTSIDE}"
            yield call.finding_at_call(self.name, message, activation, self._frames(call, activation))

    def _instructions(self, call: CheckedCall) -> Iterator[Finding]:
        accesses = call.accesses
        direct = call.direct_user_accesses
        if not len(direct):
            return
        instructions = accesses.instruction[direct]
        places = call.tree.owner[instructions] << _CODE_BITS | call.instructions.code[instructions].astype(np.int64)
        _, firsts = np.unique(places, return_index=True)
        reported: set[Activation] = set()
        for access in sorted(direct[firsts].tolist()):
            at = int(accesses.instruction[access])
            activation, rip = call.tree.at(at), Gva(int(accesses.rip[access]))
            if activation is None or call.guards.catches(activation, rip) or _was_caught(call, at, at + 1):
                continue
            touched = f"touching {call.data(int(accesses.address[access]))}"
            evidence = [touched, *call.guards.describe(activation, rip)]
            called = self._of_kernel(call, activation) if call.is_of_kernel(at) else None
            if called is None:
                does = "reads" if accesses.is_read[access] else "writes"
                yield call.finding(self.name, f"{does} user memory {_OUTSIDE}", at, evidence)
            elif called not in reported:
                reported.add(called)
                message = f"{_name(call, called)} is called with user memory {_OUTSIDE}"
                yield call.finding_at_call(self.name, message, called, evidence)

    def _of_kernel(self, call: CheckedCall, activation: Activation) -> Activation | None:
        """Return the function of the kernel's that other code called; None where the host called it."""
        at: Activation | None = activation
        while at is not None and at.call_site is not None and not call.is_host_call(at):
            if not call.is_of_kernel(at.call_site):
                return at
            at = at.parent
        return None

    def _frames(self, call: CheckedCall, activation: Activation) -> list[str]:
        caller = activation.parent
        assert caller is not None
        if activation.by_jump:
            return call.guards.describe(activation, activation.entry)[1:]
        assert activation.return_address is not None
        return call.guards.describe(caller, activation.return_address)


def _uses_user_memory(made: AccessorCall) -> bool:
    return made.length != 0 and any(made.is_user_side(each.name) for each in made.accessor.parameters)


def _was_caught(call: CheckedCall, begin: int, end: int) -> bool:
    """Tell whether an exception arose in some instructions, and the call went on to its return."""
    return isinstance(call.outcome, Returned) and any(
        isinstance(event, ExceptionRaised) and begin < place <= end
        for event, place in zip(call.events, call.event_places, strict=True)
    )


def _name(call: CheckedCall, activation: Activation) -> str:
    return call.function_name(activation.entry).rpartition("!")[2]
