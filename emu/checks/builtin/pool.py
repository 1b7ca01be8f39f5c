# SPDX-License-Identifier: GPL-2.0-or-later
"""Pool blocks that are run over, used after they were freed, freed wrongly, and lost."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator
from typing import Final

import numpy as np

from emu.address import Gva
from emu.checks.call.blame import caller_of_accessor, export_of_event, export_site
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Numbers
from emu.checks.call.export_calls import ExportCallMade
from emu.checks.call.pool_accesses import pool_suspects, shares_pages
from emu.checks.call.pool_lives import PoolLife
from emu.checks.call.reachable import unreachable
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl
from emu.events import ExceptionRaised
from emu.kernel.exports import pool as exports
from emu.kernel.pool import format_tag
from emu.nt.bugcheck import BugCheck
from emu.outcome import Bugchecked, Raised, Returned

_FREES: Final = ("ExFreePool", "ExFreePool2", "ExFreePoolWithTag")

_STOPS: Final = ("KeBugCheck", "KeBugCheckEx")
"""What stops the machine because its caller asks for it."""

_MISUSES: Final = {
    exports.FREED_TWICE: "frees a pool block that was freed already",
    exports.FREED_AT_WRONG_IRQL: "frees a pool block at an IRQL that is too high for it",
    exports.WRONG_TAG: "frees a pool block with another tag than that of its allocation",
    exports.FREED_USER_ADDRESS: "frees a user address",
    exports.FREED_NULL: "frees the null pointer",
    exports.FREED_NO_BLOCK: "frees an address at which no pool block begins",
    exports.ALLOCATED_AT_WRONG_IRQL: "allocates pool at an IRQL that is too high for it",
    exports.TAG_ZERO: "allocates pool with the tag 0",
}
"""By the first parameter of bugcheck 0xC2."""

_ENDED: Final = (Returned, Raised)
"""How a call ends that leaves something behind to look at."""


class Pool(Check):
    """A pool block is overrun, used after it was freed, freed wrongly, or lost.

    Proves: an instruction touched a byte right before or behind a block, on its pages or the page behind it, or any
    byte of a block that the call had freed; an export refused what it was to free or allocate; a block that the call
    allocated was still there when it returned or raised, and no pointer to it was in what it returned, in an image, a
    buffer of the host's, another block, or with an export of the user's own. What an exception went past is said.
    Cannot see: a block that was freed in an earlier call; an overrun that lands in another block, or that an export of
    the host's makes and nobody frees the block; a pointer that is kept encoded, which makes a block look lost, and one
    that is kept by chance in what nobody reads, which hides a loss. Reads of the kernel's own string routines beside a
    block, which go by whole words, are left out.
    Cost: compares the accesses with the pool's pages, all at once; reads the memory through only where a block that
    the call allocated is left.
    """

    name = "pool"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each place that touches what it must not, what an export refused, and each block that is lost."""
        lives = call.pool_lives
        if lives:
            yield from self._accesses(call, lives)
        yield from self._misuse(call)
        if isinstance(call.outcome, _ENDED):
            yield from self._lost(call)

    def _accesses(self, call: CheckedCall, lives: tuple[PoolLife, ...]) -> Iterator[Finding]:
        for (number, is_freed), suspects in itertools.groupby(
            pool_suspects(call.native_tables, lives), operator.itemgetter(0, 1)
        ):
            life = lives[number]
            again = next((each.begin for each in lives[number + 1 :] if shares_pages(each, life)), None)
            found = np.array([suspect.access for suspect in suspects], np.int64)
            at = call.accesses.instruction[found]
            wrong = at < (len(call.instructions) if again is None else again)
            if not is_freed:
                wrong &= ~call.in_kernel[at] | call.accesses.is_write[found] | call.in_accessor[at]
            yield from self._each(call, life, found[wrong], freed=is_freed)

    def _each(self, call: CheckedCall, life: PoolLife, found: Numbers, *, freed: bool) -> Iterator[Finding]:
        """Report what is wrong of one block: each place of a driver's and each kind once."""
        if not len(found):
            return
        accesses = call.accesses
        _, firsts = np.unique(accesses.instruction[found], return_index=True)
        reported: set[tuple[int, str]] = set()
        seen: set[tuple[int, bool]] = set()
        for access in sorted(found[firsts].tolist()):
            site = caller_of_accessor(call, int(accesses.instruction[access]))
            key = int(call.instructions.rip[site]), bool(accesses.is_write[access])
            if key in seen and site == int(accesses.instruction[access]):
                continue
            seen.add(key)
            does = "writes" if accesses.is_write[access] else "reads"
            where = "a pool block after it was freed" if freed else f"{self._side(call, life, access)} a pool block"
            message = f"{does} {where}"
            if (key[0], message) not in reported:
                reported.add((key[0], message))
                yield call.finding(self.name, message, site, self._evidence(call, life, access, site))

    def _side(self, call: CheckedCall, life: PoolLife, access: int) -> str:
        return "before" if int(call.accesses.address[access]) < life.block.address else "behind the end of"

    def _evidence(self, call: CheckedCall, life: PoolLife, access: int, site: int) -> list[str]:
        accesses, block = call.accesses, life.block
        address, size = int(accesses.address[access]), int(accesses.size[access])
        offset = address - block.address
        where = f", {-offset} before" if offset < 0 else f" at offset {offset} of"
        lines = [f"touching {size} byte{'' if size == 1 else 's'}{where} {self._block(call, life)}"]
        if int(accesses.instruction[access]) != site:
            lines.append(f"in {call.place(Gva(int(accesses.rip[access])))}")
        if life.freed is not None and int(accesses.instruction[access]) >= (life.end or 0):
            made = export_of_event(call, life.freed)
            if made is not None:
                lines.append(f"freed at {call.place(Gva(int(call.instructions.rip[export_site(call, made)])))}")
        return lines

    def _block(self, call: CheckedCall, life: PoolLife) -> str:
        block = life.block
        allocated = f"allocated from {call.explanation.locate(block.caller)}"
        return f"a block of {block.size} bytes, tag {format_tag(block.tag)!r}, {allocated}"

    def _misuse(self, call: CheckedCall) -> Iterator[Finding]:
        outcome = call.outcome
        if not isinstance(outcome, Bugchecked) or not call.export_calls:
            return
        made = call.export_calls[-1]
        if made.name in _STOPS:
            return
        if outcome.code == BugCheck.BAD_POOL_CALLER:
            message = _MISUSES.get(outcome.parameters[0], "")
            freed = outcome.parameters[0] == exports.FREED_TWICE
        elif outcome.code == BugCheck.SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION:
            side = "before" if outcome.parameters[3] == exports.CORRUPTED_BEFORE else "behind the end of"
            message, freed = f"frees a pool block, and what lies {side} it was overwritten", False
        else:
            return
        if message:
            yield call.finding(self.name, message, export_site(call, made), self._misused(call, made, freed))

    def _misused(self, call: CheckedCall, made: ExportCallMade, freed: bool) -> Iterator[str]:
        if made.name not in _FREES:
            return
        lives = [life for life in call.pool_lives if life.block.address == made.arguments[0]]
        if not lives:
            yield f"{made.name} was given {call.data(made.arguments[0])}"
            return
        life = lives[-1]
        yield f"{made.name} was given the address of {self._block(call, life)}"
        before = None if life.freed is None else export_of_event(call, life.freed)
        if freed and before is not None:
            yield f"freed before at {call.place(Gva(int(call.instructions.rip[export_site(call, before)])))}"

    def _lost(self, call: CheckedCall) -> Iterator[Finding]:
        left = [life for life in call.pool_lives if life.allocated is not None and life.end is None]
        if not left:
            return
        lost = {block.address for block in unreachable(call, [life.block for life in left])}
        for life in left:
            made = export_of_event(call, life.allocated) if life.block.address in lost else None
            if made is None:
                continue
            exceptions = [event for event in call.events[made.event :] if isinstance(event, ExceptionRaised)]
            passed = ", and an exception passes it" if exceptions else ""
            message = f"allocates a pool block that is never freed{passed}"
            yield call.finding(self.name, message, export_site(call, made), self._how_lost(call, life, exceptions))

    def _how_lost(self, call: CheckedCall, life: PoolLife, exceptions: list[ExceptionRaised]) -> Iterator[str]:
        block = life.block
        yield f"{block.size} bytes, tag {format_tag(block.tag)!r}; no pointer to it is left"
        for event in exceptions[-1:]:
            yield f"then {call.explanation.explain_event(event)}, at {call.place(event.address)}"
        assert call.outcome is not None
        yield f"the call {call.outcome.headline}"
