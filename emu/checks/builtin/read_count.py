# SPDX-License-Identifier: GPL-2.0-or-later
"""How often an accessor touches each byte that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from emu.address import Gva
from emu.checks.call.accessor_calls import AccessorCall, DeclaredRange
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Numbers
from emu.checks.call.coverage import Coverage, coverage
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_MAY_REPEAT: Final = ("repeats", "locked")
"""Clauses of accessors that may fetch a byte again."""
_ATOMIC: Final = "atomic"


class ReadCount(Check):
    """An accessor fetches a user byte twice where it may not, or leaves bytes out.

    Proves: a typed accessor, an aggregate or a structure's, whose contract does not allow to fetch a byte again, did;
    or an accessor returned and had not read every byte of its source, or not written every one of its destination
    (contract C2). Copies, moves, fills and string lengths may access a location more than once (C6); how often they did
    is `trace.copy_map`'s to say. An instruction that faulted and ran again counts once.
    Cannot see: whether the two fetches of a byte gave the same value to what used them; a fetch by an export that the
    host implements.
    Cost: goes over the accesses of accessors, and sorts those of each that does not go through its ranges byte by byte
    upwards.
    """

    name = "read-count"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each accessor once for each of its ranges and each of the two."""
        if not call.accessor_calls:
            return
        for index, declared in call.accessor_ranges.out_of_order():
            made = call.accessor_calls[index]
            returned = bool(call.frames.returned[made.activation.number])
            may_repeat = any(clause in made.accessor.clauses for clause in _MAY_REPEAT)
            if returned or not may_repeat:
                yield from self._of_range(call, index, declared, returned=returned, once=not may_repeat)

    def _of_range(
        self,
        call: CheckedCall,
        index: int,
        declared: DeclaredRange,
        *,
        returned: bool,
        once: bool,
    ) -> Iterator[Finding]:
        made = call.accessor_calls[index]
        for kind, is_kind in (("read", declared.reads), ("written", declared.writes)):
            if not is_kind or (kind == "written" and _ATOMIC in made.accessor.clauses):
                continue
            its = _performed(call, index, is_read=kind == "read")
            reached = _coverage_of(call, its, declared)
            if once and kind == "read" and declared.is_user and reached.repeated:
                yield self._repeated(call, made, declared, its, reached)
            if returned and reached.missed:
                message = f"{made.name} returns without having {kind} all of {declared.name}"
                assert reached.first_missed is not None
                data = call.data(declared.address + reached.first_missed)
                missed = f"{reached.missed:,} of {declared.size:,} bytes are left out, the first is {data}"
                yield call.finding(self.name, message, made.activation.end - 1, [missed])

    def _repeated(
        self, call: CheckedCall, made: AccessorCall, declared: DeclaredRange, reads: Numbers, reached: Coverage
    ) -> Finding:
        accesses = call.accesses
        assert reached.first_repeated is not None
        address = np.uint64(declared.address + reached.first_repeated)
        first, second = reads[(accesses.address[reads] <= address) & (accesses.last[reads] >= address)][:2].tolist()
        before, again = (_own(call, made, int(accesses.instruction[number])) for number in (first, second))
        evidence = [
            f"{reached.repeated:,} of {declared.size:,} bytes, up to {reached.most:,} times, the first is "
            f"{call.data(int(address))}",
            f"fetched before at {call.place(Gva(int(call.instructions.rip[before])))}",
        ]
        return call.finding(self.name, f"{made.name} fetches a byte of {declared.name} again", again, evidence)


def _performed(call: CheckedCall, index: int, *, is_read: bool) -> Numbers:
    """Return the reads or the writes of an accessor call that were made."""
    accesses, numbers = call.accesses, call.accessor_ranges.of(index)
    of_kind = accesses.is_read if is_read else accesses.is_write
    return numbers[of_kind[numbers] & accesses.performed[numbers]]


def _own(call: CheckedCall, made: AccessorCall, at: int) -> int:
    """Return the instruction of the accessor itself that another one belongs to: the call of what it is in."""
    activation = call.tree.at(at)
    while activation is not None and activation is not made.activation and activation.call_site is not None:
        at, activation = activation.call_site, activation.parent
    return at


def _coverage_of(call: CheckedCall, numbers: Numbers, declared: DeclaredRange) -> Coverage:
    """Return what some accesses reach of a range."""
    begin, last = np.uint64(declared.address), np.uint64(min(declared.end, 1 << 64) - 1)
    first, end = call.accesses.address[numbers], call.accesses.last[numbers]
    touching = (end >= begin) & (first <= last)
    first, end = first[touching], end[touching]
    return coverage(np.maximum(first, begin) - begin, end - begin + np.uint64(1), int(last - begin) + 1)
