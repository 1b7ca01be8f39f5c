# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that may be paged out, touched at an IRQL at which it cannot be paged in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Mask
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl
from emu.image import Module
from emu.kernel.irql import APC_LEVEL, DISPATCH_LEVEL, HIGH_LEVEL, PASSIVE_LEVEL

_NAMES: Final = {
    PASSIVE_LEVEL: "PASSIVE_LEVEL",
    APC_LEVEL: "APC_LEVEL",
    DISPATCH_LEVEL: "DISPATCH_LEVEL",
    HIGH_LEVEL: "HIGH_LEVEL",
}
_PAGEABLE: Final = "PAGE"
"""How the names of pageable sections begin (Microsoft Learn, "Making Drivers Pageable")."""


class Irql(Check):
    """Pageable memory is touched, or an accessor called, above APC_LEVEL.

    Proves: an accessor was entered, or user memory, paged pool or a pageable section (`PAGE…`) was touched or run, at
    an IRQL at which no page can be read in. It is one, too, where the page happened to be resident.
    Cannot see: pageable kernel memory that no section and no pool type tells.
    Cost: works out the IRQL of each instruction, from what it was at each event and where the code wrote CR8; looks at
    the accesses only where it was above APC_LEVEL.
    """

    name = "irql"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each accessor's call, and each instruction that touches pageable memory itself, once."""
        if call.highest_irql <= APC_LEVEL:
            return
        high = call.irql > APC_LEVEL
        yield from self._accessors(call)
        yield from self._accesses(call, high)
        yield from self._code(call, high)

    def _accessors(self, call: CheckedCall) -> Iterator[Finding]:
        for made in call.accessor_calls:
            activation = made.activation
            irql = int(call.irql[activation.begin])
            if irql <= APC_LEVEL or (activation.parent and call.is_accessor(activation.parent)):
                continue
            message = f"{made.name} is called at {describe_irql(irql)}, and user memory may be paged out"
            yield call.finding_at_call(self.name, message, activation, ["it may be called up to APC_LEVEL (1)"])

    def _accesses(self, call: CheckedCall, high: Mask) -> Iterator[Finding]:
        accesses = call.accesses
        of_high = high[accesses.instruction] & ~call.in_accessor[accesses.instruction]
        if not of_high.any():
            return
        for what, touched in self._pageable(call):
            found = (of_high & touched).nonzero()[0]
            _, firsts = np.unique(accesses.rip[found], return_index=True)
            for first in sorted(found[firsts].tolist()):
                at = int(accesses.instruction[first])
                does = "reads" if accesses.is_read[first] else "writes"
                message = f"{does} {what} at {describe_irql(int(call.irql[at]))}, and it may be paged out"
                yield call.finding(self.name, message, at, [f"touching {call.data(int(accesses.address[first]))}"])

    def _pageable(self, call: CheckedCall) -> Iterator[tuple[str, Mask]]:
        accesses = call.accesses
        yield "user memory", accesses.is_user
        for life in call.pool_lives:
            if life.block.paged:
                yield "paged pool", accesses.touching(life.block.address, life.block.size)
        for module in call.modules:
            for name, begin, size in _pageable_sections(module):
                yield f"the pageable section {name}", accesses.touching(begin, size)

    def _code(self, call: CheckedCall, high: Mask) -> Iterator[Finding]:
        rip = call.instructions.rip
        for module in call.modules:
            for name, begin, size in _pageable_sections(module):
                at = (high & (rip >= np.uint64(begin)) & (rip < np.uint64(begin + size))).nonzero()[0]
                if len(at):
                    first = int(at[0])
                    message = f"code in the pageable section {name} runs at {describe_irql(int(call.irql[first]))}"
                    yield call.finding(self.name, message, first)


def _pageable_sections(module: Module) -> list[tuple[str, int, int]]:
    return [
        (section.name, module.base + section.rva, section.virtual_size)
        for section in module.image.sections
        if section.name.startswith(_PAGEABLE)
    ]


def describe_irql(irql: int) -> str:
    """Return an IRQL by its name and number."""
    return f"{_NAMES.get(irql, 'device IRQL')} ({irql})"
