# SPDX-License-Identifier: GPL-2.0-or-later
"""Uninitialised kernel memory that reaches user memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final, TypeAlias

import numpy as np

from emu.address import Gva
from emu.checks.call.accessor_calls import AccessorCall
from emu.checks.call.blame import caller_of_accessor, export_of_event, export_site
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.tree import Activation
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl
from emu.checks.information_leak.origins import LeakOrigin
from emu.checks.information_leak.shadow_run import LeakedWrite, ShadowRun
from emu.kernel.pool import format_tag

Addresses: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"

_SHOWN: Final = 6
"""Ranges of bytes that are listed."""


class InformationLeak(Check):
    """Bytes that the kernel never initialised reach user memory.

    Proves: a byte that was written to user memory is, or was made of, one of a pool block that the call had allocated
    without zeroing, or of a frame of the stack, and nothing had written it since the block was allocated or the
    function entered: padding of a structure, the end of a buffer that was not filled, a variable that was not set. It
    is followed through moves, `rep movs`, SSE registers and arithmetic, byte by byte, through any copies in kernel
    memory.
    Cannot see: blocks that were allocated before the call; what the code makes of comparing, counting or finding bits
    in uninitialised bytes; a choice (`cmov`) between an uninitialised and another value; registers that an unwind
    restores; single uninitialised bits in a byte that the code has set others of, which count as a byte. What a
    host's export writes is told from what it changes and from its documentation; one of a user's own is taken to write
    all of the block or frame from where its arguments point on.
    Cost: only in calls that write to user memory: some ten microseconds for each instruction that touches the stack, a
    block that the call allocated, or a register with such bytes; the others are passed over at once.
    """

    name = "information-leak"
    default: ClassVar[bool] = False

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each place that writes such bytes, with each memory that they come from."""
        accesses = call.accesses
        if not (accesses.is_user & accesses.is_write & accesses.performed).any():
            return
        run = ShadowRun(call)
        run.run()
        grouped: dict[tuple[int, int], list[LeakedWrite]] = {}
        for leak in run.leaks:
            activation = self._writer(call, leak)
            site = caller_of_accessor(call, int(accesses.instruction[leak.access]))
            for number in sorted(set(leak.shadow) - {0}):
                grouped.setdefault((site if activation is None else activation.begin, number), []).append(leak)
        for (_, number), leaks in sorted(grouped.items()):
            yield self._finding(call, leaks, number, run.origin(number))

    def _writer(self, call: CheckedCall, leak: LeakedWrite) -> Activation | None:
        """Return the outermost accessor that wrote; None where code did so itself."""
        return call.accessor_at(int(call.accesses.instruction[leak.access]))

    def _finding(self, call: CheckedCall, leaks: list[LeakedWrite], number: int, origin: LeakOrigin) -> Finding:
        accesses = call.accesses
        first = leaks[0].access
        activation = self._writer(call, leaks[0])
        what = "a pool block" if origin.life is not None else "the stack"
        made = (
            None if activation is None else next(each for each in call.accessor_calls if each.activation is activation)
        )
        bytes_of = np.unique(
            [
                int(accesses.address[leak.access]) + at
                for leak in leaks
                for at, mark in enumerate(leak.shadow)
                if mark == number
            ]
        )
        evidence = [*self._which(call, bytes_of, made), self._origin(call, origin)]
        at = int(accesses.instruction[first])
        if made is None:
            return call.finding(self.name, f"writes uninitialised bytes of {what} to user memory", at, evidence)
        message = f"{made.name} writes uninitialised bytes of {what} to user memory"
        return call.finding_at_call(self.name, message, made.activation, evidence)

    def _which(self, call: CheckedCall, addresses: Addresses, made: AccessorCall | None) -> list[str]:
        """Return which of the bytes that were written are not initialised."""
        declared = () if made is None else made.ranges
        target = next((each for each in declared if each.is_user and each.writes), None)
        count = len(addresses)
        if target is None:
            begin = int(addresses[0])
            return [f"{count} byte{'' if count == 1 else 's'}, from {call.data(begin)} on"]
        written = f"of the {target.size} that it writes, from {call.data(target.address)} on"
        return [f"{'all' if count == target.size else _listed(addresses - target.address)} {written}"]

    def _origin(self, call: CheckedCall, origin: LeakOrigin) -> str:
        life, frame = origin.life, origin.frame
        if life is not None:
            block = life.block
            made = export_of_event(call, life.allocated)
            where = block.caller if made is None else int(call.instructions.rip[export_site(call, made)])
            at, place = origin.address - block.address, call.place(Gva(where))
            block_of = f"a pool block of {block.size} bytes, tag {format_tag(block.tag)!r}"
            return f"the first is byte {at} of {block_of}, allocated at {place}"
        if frame is None:
            return "they are of the stack"
        below = int(call.frames.slot[frame.number]) - origin.address
        return f"the first is {below} bytes below the return address in the frame of {call.function_name(frame.entry)}"


def _listed(offsets: Addresses) -> str:
    """Return ascending numbers in words, those that follow each other as a range."""
    groups = np.split(offsets, (np.diff(offsets) > 1).nonzero()[0] + 1)
    ranges = [(int(group[0]), int(group[-1])) for group in groups]
    texts = [f"{first}" if first == last else f"{first} to {last}" for first, last in ranges[:_SHOWN]]
    if len(ranges) > _SHOWN:
        texts.append(f"{len(ranges) - _SHOWN} ranges more")
    listed = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    return f"byte{'' if len(offsets) == 1 else 's'} {listed}"
