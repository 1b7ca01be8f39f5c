# SPDX-License-Identifier: GPL-2.0-or-later
"""Confirms a double fetch: the call is made again with a byte flipped between the two fetches.

What it then leaves is compared with what it leaves with the byte as it was, and with the byte flipped from the start.
Where it is neither, no single value of the byte explains what the call did: the double fetch is confirmed.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from emu.campaign.confirm.aftermath import Aftermath
from emu.checks.builtin.double_fetch import BENIGN, ArgumentByte, DoubleFetchFinding
from emu.faults import BufferPlace, Fault
from emu.faults.fault import FLIP

MOST_BYTES: Final = 16
"""Of a double fetch that are flipped; the first ones, where sizes and types are."""
_MASKS: Final = (0xFF, 0x01, 0x80, 0x20)

Run: TypeAlias = Callable[[Sequence[Fault]], Aftermath]
"""Makes the call with some faults, from the same state each time."""


class Answer(enum.Enum):
    """What came of it."""

    CONFIRMED = "confirmed"
    BENIGN = BENIGN
    UNKNOWN = "not confirmed"


class Confirmation(NamedTuple):
    """An answer, and why."""

    answer: Answer
    reason: str
    fault: Fault | None = None
    """The flip that confirms it."""

    def __str__(self) -> str:
        return f"{self.answer.value}: {self.reason}"


def confirm_double_fetch(
    finding: DoubleFetchFinding, run: Run, name: Callable[[int], str] = "arg{}".format
) -> Confirmation:
    """Run the call of a finding again, until a flip confirms it or none is left.

    name  of an argument by its position, as faults call it
    """
    if not finding.fetched:
        return Confirmation(Answer.UNKNOWN, "the bytes are in no buffer that the call was given")
    as_it_was = run(())
    noticed = ""
    for byte, mask in _flips(finding.fetched):
        buffer = name(byte.position)
        between = Fault(FLIP, BufferPlace(buffer, byte.offset), mask, access=byte.read)
        now = run((between,))
        flipped = {(buffer, byte.offset): mask}
        differs = now.differs_from(as_it_was, flipped)
        if not differs:
            continue
        what = f"it {differs}, which it does not without"
        if not finding.written:
            from_the_start = run((Fault(FLIP, BufferPlace(buffer, byte.offset), mask, access=1),))
            from_the_new = now.differs_from(from_the_start, {})
            if not from_the_new:
                continue
            what = _tell(now, as_it_was, differs, from_the_start, from_the_new)
        change = f"byte {byte.offset} of {buffer} changed from {byte.value:#04x} to {byte.value ^ mask:#04x} in between"
        if now.is_refusal and now.exceptions == as_it_was.exceptions:
            noticed = noticed or f"the call notices: with {change} it {now.outcome}"
            continue
        return Confirmation(Answer.CONFIRMED, f"with {change} {what}", between)
    if noticed:
        return Confirmation(Answer.BENIGN, noticed)
    tried = min(len(finding.fetched), MOST_BYTES)
    which = "the byte" if tried == 1 else f"any of {tried} bytes"
    return Confirmation(
        Answer.BENIGN, f"with {which} changed between the two fetches the call does what it does with one value"
    )


def with_confirmation(finding: DoubleFetchFinding, confirmation: Confirmation) -> DoubleFetchFinding:
    """Return a finding that says what came of running it again."""
    evidence = (*finding.evidence, str(confirmation))
    return dataclasses.replace(finding, answer=confirmation.answer.value, evidence=evidence)


def _flips(fetched: Sequence[ArgumentByte]) -> Iterator[tuple[ArgumentByte, int]]:
    """Give flips, those first that tell most: every byte cleared, or all of its bits, then single bits."""
    some = fetched[:MOST_BYTES]
    for byte in some:
        if byte.value:
            yield byte, byte.value
    for mask in _MASKS:
        for byte in some:
            if mask != byte.value:
                yield byte, mask


def _tell(now: Aftermath, old: Aftermath, from_old: str, new: Aftermath, from_new: str) -> str:
    """Say what a run does that neither of the two with one value does."""
    if now.outcome in (old.outcome, new.outcome):
        return f"it {from_old if now.outcome == old.outcome else from_new}, as with neither value throughout"
    if old.outcome == new.outcome:
        return f"it {now.outcome}; with either value throughout it {old.outcome}"
    return f"it {now.outcome}; with the old value throughout it {old.outcome}, with the new one it {new.outcome}"
