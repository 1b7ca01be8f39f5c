# SPDX-License-Identifier: GPL-2.0-or-later
"""One successful call of each routine in a trace, and what of the arenas it touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from emu import Returned
from emu.accessors import FAMILY
from emu.address import Gva
from emu.cpu.registers import FLAG_AC
from emu.trace import Trace
from emu.trace.layout import WRITE as WRITTEN
from emu.trace.trace import REGISTER_COLUMNS
from tests.conformance.accessors.access_cases import mode_side
from tests.conformance.accessors.arenas import ARENAS, KERNEL_SOURCE, USER_SOURCE
from tests.conformance.accessors.case import Case, shape_of
from tests.conformance.accessors.string_cases import string_case
from tests.conformance.accessors.suite import LIBRARY_IMAGE, fresh_bench, routines
from tests.conformance.accessors.terms import KERNEL_MODE, USER_MODE, Given, Kind, arguments

_RFLAGS: Final = REGISTER_COLUMNS.index("rflags")

REPS = 600
"""A length at which `rep movsb` pays."""


class Touch(NamedTuple):
    """An access."""

    address: int
    size: int
    is_write: bool
    instruction: int
    """Which one of the trace made it."""


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
    """What a trace of a call shows, on the bench of a profile; not of the first call there. The trace is not kept."""

    def __init__(self, profile: str, case: Case) -> None:
        machine = fresh_bench(profile).machine
        self.case = case
        space = machine.system.memory
        for patch in case.patches:
            space.write(Gva(patch.address), patch.data)
        address = routines(profile, LIBRARY_IMAGE).addresses[case.symbol]
        given = arguments(FAMILY[case.name], case.given)
        machine.call(address, *given)  # the first one finds out what the processor has
        with machine.trace() as trace:
            outcome = machine.call(address, *given)
        assert type(outcome) is Returned, f"{case}: {outcome}"
        accesses = list(_accesses(trace))
        self.touches = [each for each in accesses if _is_in_arena(each)]
        """The accesses to the arenas, in order."""
        self.others = [each for each in accesses if not _is_in_arena(each)]
        names = [code.mnemonic for code in trace.code]
        self.mnemonics = [names[index] for index in trace.instructions["code"].tolist()]
        """The mnemonic of each instruction."""
        self.ac: list[bool] = (trace.registers()[:, _RFLAGS] & FLAG_AC != 0).tolist()
        """AC before each instruction."""

    def bytes_touched(self, *, is_write: bool) -> set[int]:
        """Return the addresses of the bytes that were read, or written."""
        return {
            byte
            for touch in self.touches
            if touch.is_write == is_write
            for byte in range(touch.address, touch.address + touch.size)
        }


def _accesses(trace: Trace) -> Iterator[Touch]:
    fields = ("address", "size", "kind", "instruction")
    for address, size, kind, instruction in zip(*(trace.accesses[field].tolist() for field in fields), strict=True):
        yield Touch(address, size, kind == WRITTEN, instruction)


def _is_in_arena(touch: Touch) -> bool:
    return any(arena.holds(touch.address) for arena in ARENAS)
