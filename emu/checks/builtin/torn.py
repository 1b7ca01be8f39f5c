# SPDX-License-Identifier: GPL-2.0-or-later
"""Values that are accessed in parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emu.checks.call.accessor_calls import AccessorCall, DeclaredRange
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.untrusted import argument_origins, given_value
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_CLAUSE: Final = "one-access"
_LOCKED: Final = "atomic"
_REFUSES: Final = "misalignment"
_LINE: Final = 64
"""Aligned bytes that Intel's processors access at once, whatever lies across in them (SDM Vol. 3A, 9.1.1)."""
_QUADWORD: Final = 8
"""Those of AMD's (APM Vol. 2, 7.3.2)."""
_PAGE: Final = 4096


class Torn(Check):
    """A typed value is accessed in parts, so that it may be made of two values of different moments.

    Proves: a typed or interlocked accessor, whose contract is one access of the type's width, made several smaller
    ones; or its user value lies across a border that the processor model of the profile does not access as a whole:
    a cache line of 64 bytes on Intel's, eight bytes on AMD's. Then the write of another thread may be seen in part. Or
    an interlocked accessor, which refuses such an address each time, was given one that is no multiple of its width,
    and the driver had made it of what were multiples.
    Cannot see: whether another thread writes there. The emulated processor itself does every access as a whole. An
    address that user code gave misaligned is no mistake of the driver's.
    Cost: looks at the accesses of typed accessors.
    """

    name = "torn"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each call of an accessor once."""
        if not call.accessor_calls:
            return
        ranges = call.accessor_ranges
        for index in ranges.outermost:
            made = call.accessor_calls[index]
            if _REFUSES in made.accessor.clauses:
                yield from self._misaligned(call, made)
            if _CLAUSE not in made.accessor.clauses:
                continue
            for position, declared in enumerate(made.ranges):
                if ranges.is_in_parts(index, position):
                    yield self._in_parts(call, made, declared, index)
                elif declared.address // _QUADWORD != (declared.end - 1) // _QUADWORD:
                    yield from self._across(call, made, declared)

    def _in_parts(self, call: CheckedCall, made: AccessorCall, declared: DeclaredRange, index: int) -> Finding:
        accesses = call.accesses
        numbers = call.accessor_ranges.of(index)
        of_kind = accesses.is_read if declared.reads else accesses.is_write
        numbers = numbers[accesses.performed[numbers] & of_kind[numbers]]
        is_its = (accesses.address[numbers] < declared.end) & (accesses.last[numbers] >= declared.address)
        numbers = numbers[is_its & (accesses.size[numbers] < declared.size)]
        sizes = accesses.size[numbers].tolist()
        does = "reads" if declared.reads else "writes"
        message = f"{made.name} {does} {declared.name} in parts"
        evidence = f"{declared.size} bytes at {call.data(declared.address)}, in accesses of {_listed(sizes)} bytes"
        return call.finding(self.name, message, int(accesses.instruction[numbers[1]]), [evidence])

    def _across(self, call: CheckedCall, made: AccessorCall, declared: DeclaredRange) -> Iterator[Finding]:
        is_amd = call.profile.model.description.startswith("AMD")
        whole = _QUADWORD if is_amd else _LINE
        if not declared.is_user or _LOCKED in made.accessor.clauses:
            return
        last = declared.end - 1
        if declared.address // whole == last // whole:
            return
        places = "pages" if declared.address // _PAGE != last // _PAGE else "quadwords" if is_amd else "cache lines"
        does, may = (
            ("reads", "may see half of another thread's write")
            if declared.reads
            else ("writes", "another thread may see half of it")
        )
        evidence = [
            f"{declared.size} bytes at {call.data(declared.address)}; "
            f"{call.profile.model.description.partition(',')[0]} accesses at once what lies in {whole} aligned bytes"
        ]
        message = f"{made.name} {does} its {declared.name}, which lies in two {places}, and {may}"
        yield call.finding_at_call(self.name, message, made.activation, evidence)

    def _misaligned(self, call: CheckedCall, made: AccessorCall) -> Iterator[Finding]:
        declared, width = made.ranges[0], made.ranges[0].size
        if not declared.address % width or not declared.is_user or made.activation is call.callee:
            return
        given = [given_value(call, each) for each in argument_origins(call, made, declared.name)]
        if any(given) and not any(value % width for value in given if value is not None):
            message = f"{made.name} is given a {declared.name} that is no multiple of {width}"
            evidence = f"{call.data(declared.address)}; it raises STATUS_DATATYPE_MISALIGNMENT"
            yield call.finding_at_call(self.name, message, made.activation, [evidence])


def _listed(sizes: list[int]) -> str:
    shown = ", ".join(map(str, sizes[:-1]))
    return f"{shown} and {sizes[-1]}"
