# SPDX-License-Identifier: GPL-2.0-or-later
"""The same user bytes fetched twice in one call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from emu.accessors import FAMILY
from emu.address import Gva
from emu.checks.builtin.direct_user_access import PROBES
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.columns import Mask
from emu.checks.call.fetches import FetchedByte, Fetches, FetchPair
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

AGAIN: Final = "fetches user memory again that it has fetched before"
READS_BACK: Final = "reads back what it has written to user memory"

BENIGN: Final = "benign"

_INTERLOCKED: Final = frozenset(
    name for name, accessor in FAMILY.items() if accessor.family == "interlocked" or "Interlocked" in name
)


class ArgumentByte(NamedTuple):
    """A byte that was fetched again, by the argument that it lies in."""

    position: int
    """Of the argument."""
    offset: int
    value: int
    """What the earlier fetch found."""
    read: int
    """Which read of the byte in the call the later fetch is, counted from 1."""


@dataclass(frozen=True, slots=True)
class DoubleFetchFinding(Finding):
    """A finding that running again can confirm (emu/campaign/confirm)."""

    written: bool = field(default=False, kw_only=True)
    """The call wrote the bytes itself."""
    fetched: tuple[ArgumentByte, ...] = field(default=(), kw_only=True)
    """The bytes; none where they are not those of an argument."""
    answer: str = field(default="", kw_only=True)
    """What came of running it again: `confirmed`, `benign`, `not confirmed`; empty where nobody has."""

    @property
    def is_harmless(self) -> bool:
        """Whether running it again has shown that nothing depends on the second fetch."""
        return self.answer == BENIGN


class DoubleFetch(Check):
    """User memory is fetched twice in one call, and may change in between.

    Proves: two fetches read the same bytes, or one reads what the call has written there. A fetch is one accessor call,
    however often it touches a byte, or one instruction outside of the accessors. Running the call again with a byte
    flipped between the two says whether that matters: `emu run --checks` and `emu replay --checks` do, and call it
    confirmed where the call leaves what it leaves with neither value, and benign where it does not.
    Cannot see: fetches by exports that the host implements, and double fetches in paths that were not taken. The
    second fetch of an interlocked operation is left out, as a loop around it is the way to do it right, and so is what
    ProbeForWrite touches.
    Cost: sorts the accesses to user memory; more where ranges meet.
    """

    name = "double-fetch"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report the two places once, with the bytes that both fetch."""
        fetches = Fetches(call, lambda: self._by_probes(call))
        for pair in fetches.pairs():
            if not self._is_interlocked(call, fetches, pair.later):
                yield self._finding(call, fetches, pair)

    @staticmethod
    def _by_probes(call: CheckedCall) -> Mask:
        accesses, direct = call.accesses, call.direct_user_accesses
        by_probes = np.zeros(len(accesses), bool)
        direct = direct[call.in_kernel[accesses.instruction[direct]]]
        if len(direct):
            rips = np.unique(accesses.rip[direct])
            probes = [rip for rip in rips.tolist() if call.function_name(Gva(rip)) in PROBES]
            by_probes[direct] = np.isin(accesses.rip[direct], probes)
        return by_probes

    @staticmethod
    def _is_interlocked(call: CheckedCall, fetches: Fetches, access: int) -> bool:
        accessor = fetches.accessor_of(access)
        if accessor is None:
            return bool(call.instructions.kind(int(call.accesses.instruction[access])) & CodeKind.LOCKED)
        return call.function_name(accessor.entry).rpartition("!")[2] in _INTERLOCKED

    def _finding(self, call: CheckedCall, fetches: Fetches, pair: FetchPair) -> Finding:
        name = call.data(pair.fetched[0].address)
        bytes_ = name if pair.total == 1 else f"{pair.total} bytes, from {name} on"
        earlier = self._at(call, fetches, pair.earlier, "")
        verb = "written" if pair.written else "fetched"
        evidence = [f"{bytes_}, {verb} before at {earlier.where}", *(f"  {line}" for line in earlier.evidence)]
        later = self._at(call, fetches, pair.later, READS_BACK if pair.written else AGAIN)
        return DoubleFetchFinding(
            later.check,
            later.message,
            later.where,
            (*evidence, *later.evidence),
            written=pair.written,
            fetched=tuple(_argument_bytes(call, pair.fetched)),
        )

    def _at(self, call: CheckedCall, fetches: Fetches, access: int, message: str) -> Finding:
        accessor = fetches.accessor_of(access)
        if accessor is not None:
            return call.finding_at_call(self.name, message, accessor)
        return call.finding(self.name, message, int(call.accesses.instruction[access]))


def _argument_bytes(call: CheckedCall, fetched: tuple[FetchedByte, ...]) -> Iterator[ArgumentByte]:
    for byte in fetched:
        for position, buffer in enumerate(call.request.buffers):
            if buffer is not None and buffer.address <= byte.address < buffer.address + buffer.size:
                yield ArgumentByte(position, byte.address - buffer.address, byte.value, byte.read)
                break
