# SPDX-License-Identifier: GPL-2.0-or-later
"""Locks, regions and the IRQL, left otherwise than they were found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from emu.address import Gva
from emu.checks.builtin.irql import describe_irql
from emu.checks.call.blame import export_site
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.export_calls import ExportCallMade
from emu.checks.call.locks import NESTING, OPERATIONS
from emu.checks.call.memory_names import memory_name
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl
from emu.events import ExceptionRaised
from emu.outcome import Bugchecked, Raised, Returned, Unmodelled

_DEADLOCK = "deadlock"

_ENDED: Final = (Returned, Raised)
"""How a call ends that leaves something behind to look at."""


class _Key(NamedTuple):
    kind: str
    address: int


class Lock(Check):
    """A lock or region is held when the call ends, released twice or acquired twice, or the IRQL is not as it was.

    Proves: of spin locks, fast and guarded mutexes, critical and guarded regions, and what a user's own exports
    acquire under the documented names (ERESOURCE, push locks, rundown protection): that one was acquired in the call
    and not released when it returned or raised, that a release or an acquisition stopped the machine because it was
    released or held already; of the IRQL: that the call returned or raised at another one than it began at. What an
    exception went past is said.
    Cannot see: locks that headers or drivers implement inline; whether a lock was meant to be held, by a routine whose
    task is to acquire it: such a one is to be suppressed. What a call that did not end still holds is not reported.
    Cost: goes through the calls of exports; works out the IRQL of each instruction only where it is another one at the
    end.
    """

    name = "lock"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each acquisition that was not released, each wrong one, and what changed the IRQL last."""
        held: dict[_Key, list[ExportCallMade]] = {}
        released: dict[_Key, ExportCallMade] = {}
        for made in call.export_calls:
            operation = OPERATIONS.get(made.name)
            if operation is None:
                continue
            key = _Key(operation.kind, made.arguments[0] if operation.has_address else 0)
            holders = held.setdefault(key, [])
            if operation.acquires:
                if holders and operation.kind not in NESTING and self._stopped(call, made):
                    yield self._wrong(call, made, key, "acquires {} that it holds already", "acquired", holders[-1])
                elif not operation.may_fail or (made.result or 0) & 0xFF:
                    holders.append(made)
            elif holders:
                holders.pop()
                released[key] = made
            elif self._stopped(call, made):
                yield self._wrong(call, made, key, "releases {} that is not held", "released", released.get(key))
        if isinstance(call.outcome, _ENDED):
            kept = [(key, made) for key, holders in held.items() for made in holders]
            for key, made in kept:
                yield self._held(call, key, made)
            if call.irql_at_end != call.request.irql and not any(
                OPERATIONS[made.name].changes_irql for _, made in kept
            ):
                yield self._irql(call)

    def _stopped(self, call: CheckedCall, made: ExportCallMade) -> bool:
        """Tell whether a call of an export was the last, and stopped the machine."""
        if made is not call.export_calls[-1]:
            return False
        outcome = call.outcome
        return isinstance(outcome, Bugchecked) or (isinstance(outcome, Unmodelled) and _DEADLOCK in outcome.reason)

    def _wrong(
        self, call: CheckedCall, made: ExportCallMade, key: _Key, message: str, did: str, before: ExportCallMade | None
    ) -> Finding:
        evidence = [self._which(call, key, made)] if key.address else []
        if before is not None:
            evidence.append(f"{did} at {call.place(Gva(int(call.instructions.rip[export_site(call, before)])))}")
        return call.finding(self.name, message.format(_with_article(key.kind)), export_site(call, made), evidence)

    def _held(self, call: CheckedCall, key: _Key, made: ExportCallMade) -> Finding:
        verb = "enters" if key.address == 0 else "acquires"
        message = f"{verb} {_with_article(key.kind)} and does not {'leave' if key.address == 0 else 'release'} it"
        evidence = [self._which(call, key, made)] if key.address else []
        return call.finding(self.name, message, export_site(call, made), [*evidence, *self._end(call, made.event)])

    def _irql(self, call: CheckedCall) -> Finding:
        other = (call.irql != call.irql_at_end).nonzero()[0]
        last = int(other[-1]) if len(other) else len(call.instructions) - 1
        event = next((at for at, place in enumerate(call.event_places) if place > last), 0)
        return call.finding(self.name, "leaves the IRQL at another level than it found", last, self._end(call, event))

    def _end(self, call: CheckedCall, since: int) -> list[str]:
        """Return what came after an event: the last exception, and how the call ended."""
        exceptions = [event for event in call.events[since:] if isinstance(event, ExceptionRaised)]
        lines = [
            f"then {call.explanation.explain_event(event)}, at {call.place(event.address)}" for event in exceptions[-1:]
        ]
        assert call.outcome is not None
        lines.append(f"the call {call.outcome.headline}")
        if call.irql_at_end != call.request.irql:
            lines.append(f"the IRQL was {describe_irql(call.request.irql)}, and is {describe_irql(call.irql_at_end)}")
        return lines

    def _which(self, call: CheckedCall, key: _Key, made: ExportCallMade) -> str:
        return f"{made.name} was given {memory_name(call, key.address, made.instruction - 1)}"


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiouE' else 'a'} {kind}"
