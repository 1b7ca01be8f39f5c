# SPDX-License-Identifier: GPL-2.0-or-later
"""One successful call of each routine in a trace, and what of the arenas it touched."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from emu import Returned
from emu.accessors import FAMILY
from emu.address import Gva
from emu.trace import Trace
from emu.trace.layout import WRITE as WRITTEN
from tests.conformance.accessors.access_cases import mode_side
from tests.conformance.accessors.arenas import ARENAS, KERNEL_SOURCE, USER_SOURCE
from tests.conformance.accessors.case import Case, shape_of
from tests.conformance.accessors.string_cases import string_case
from tests.conformance.accessors.suite import LIBRARY_IMAGE, fresh_bench, routines
from tests.conformance.accessors.terms import KERNEL_MODE, USER_MODE, Given, Kind, arguments

REPS = 600
"""A length at which `rep movsb` pays."""


class Touch(NamedTuple):
    """An access to an arena."""

    address: int
    size: int
    is_write: bool
    rip: int
    instruction: int


def plain_case(name: str, length: int = 45, mode: int = USER_MODE) -> Case:
    """Return a call that succeeds, at odd addresses where the routine allows it; a string lies on two pages."""
    shape = shape_of(FAMILY[name])
    if shape.kind is Kind.STRING_LENGTH:
        arena = KERNEL_SOURCE if mode == KERNEL_MODE else USER_SOURCE
        return string_case(shape, "success", arena.boundary - 21, 19, mode=mode)
    if shape.kind is Kind.FAST_FAIL:
        return shape.case("success", "a kernel address", Given(KERNEL_SOURCE.base))
    if mode == KERNEL_MODE and shape.accessor.user_parameters:
        shape = shape.with_mode_side(*mode_side(shape))
    given = shape.given(shape.width or length)._replace(mode=mode)
    if shape.kind is not Kind.INTERLOCKED:
        given = given._replace(source=given.source + 3, target=given.target + 5)
    return shape.case("success", f"{given.length} bytes", given)


class TracedCall:
    """A call that was traced on the bench of a profile; not the first one there."""

    def __init__(self, profile: str, case: Case) -> None:
        machine = fresh_bench(profile).machine
        self.case = case
        self.trace: Trace
        space = machine.system.memory
        for patch in case.patches:
            space.write(Gva(patch.address), patch.data)
        address = routines(profile, LIBRARY_IMAGE).addresses[case.symbol]
        given = arguments(FAMILY[case.name], case.given)
        machine.call(address, *given)  # the first one finds out what the processor has
        with machine.trace() as self.trace:
            outcome = machine.call(address, *given)
        assert type(outcome) is Returned, f"{case}: {outcome}"
        self.touches = self._touches()

    def _touches(self) -> list[Touch]:
        """Return the accesses to the arenas, in order."""
        instructions = self.trace.instructions
        return [
            Touch(
                int(row["address"]),
                int(row["size"]),
                int(row["kind"]) == WRITTEN,
                int(instructions["rip"][int(row["instruction"])]),
                int(row["instruction"]),
            )
            for row in self.trace.accesses
            if any(arena.base <= int(row["address"]) < arena.end for arena in ARENAS)
        ]

    def bytes_touched(self, *, is_write: bool) -> set[int]:
        """Return the addresses of the bytes that were read, or written."""
        return {
            byte
            for touch in self.touches
            if touch.is_write == is_write
            for byte in range(touch.address, touch.address + touch.size)
        }

    @cached_property
    def mnemonics(self) -> list[str]:
        """The mnemonic of each instruction."""
        names = [code.mnemonic for code in self.trace.code]
        return [names[int(index)] for index in self.trace.instructions["code"]]
