# SPDX-License-Identifier: GPL-2.0-or-later
"""Ranges given to a copy that must not overlap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emu.checks.call.accessor_calls import DeclaredRange
from emu.checks.call.checked_call import CheckedCall
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

CLAUSE: Final = "no-overlap"


class Overlap(Check):
    """A copy is given two ranges that overlap.

    Proves: an accessor whose contract does not support overlap was entered with a source and a destination that have
    bytes in common, whatever it then did with them. MoveToUserFromUser may be.
    Cannot see: one physical page that is mapped at two addresses.
    Cost: looks at the arguments of accessors.
    """

    name = "overlap"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each call of an accessor; what the accessor calls in its turn has the same ranges."""
        for made in call.accessor_calls:
            ranges, parent = made.ranges, made.activation.parent
            if len(ranges) != 2 or not ranges[0].overlaps(ranges[1]):
                continue
            if CLAUSE in made.accessor.clauses and not (parent and call.is_accessor(parent)):
                shared = min(each.end for each in ranges) - max(each.address for each in ranges)
                all_of = "all" if shared == ranges[0].size else f"{shared}"
                yield call.finding_at_call(
                    self.name,
                    f"{made.name} is called with ranges that overlap: {all_of} of {ranges[0].size} bytes",
                    made.activation,
                    [self._range(call, each) for each in ranges],
                )

    def _range(self, call: CheckedCall, declared: DeclaredRange) -> str:
        return f"{declared.name} begins at {call.data(declared.address)}"
