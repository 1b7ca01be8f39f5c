# SPDX-License-Identifier: GPL-2.0-or-later
"""Bits of the buffers that flip during a copy: which value of the byte must have landed.

The contract lets a copy read a byte more than once, but a byte that changes in between shows whether its second value
was used: a copy that is to be judged fetches each byte once.
"""

from __future__ import annotations

from typing import NamedTuple

from emu.campaign.experiment.landing import POISON, RED_ZONE, poison_for
from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.campaign.judge.observation import Observation
from emu.faults import BufferPlace, Fault
from emu.faults.fault import FLIP


class Flips(NamedTuple):
    """What a copy's flips have to do with what landed."""

    observation: Observation
    """As it would be without them."""
    complaint: str = ""
    """Which byte landed with the wrong one of its values."""
    missed: str = ""
    """A flip that must have struck, and did not."""


def undo_flips(observation: Observation, limit: int | None) -> Flips:
    """Undo the flips of the source and the target in what an observation holds. `limit`: the first byte that cannot
    land."""
    region, source = bytearray(observation.region), bytearray(observation.source)
    complaint = missed = ""
    for fault in observation.case.faults:
        place = fault.place
        if fault.kind != FLIP or not isinstance(place, BufferPlace) or fault.argument is None:
            continue
        if place.buffer == TARGET:
            _undo_in_target(observation.content, region, place.offset, fault)
        elif place.buffer == SOURCE and place.offset < len(source):
            byte, mask = place.offset, fault.argument
            original = observation.content[byte]
            struck = source[byte] != original
            if source[byte] == original ^ mask:
                source[byte] = original
            at = RED_ZONE + byte
            poison = poison_for(bytes((original,)))[0]
            if limit is not None and byte >= limit and region[at] == poison:
                continue
            flipped = region[at] == original ^ mask
            if fault.access is not None and fault.access > 1:
                if flipped:
                    complaint = complaint or (
                        f"byte {byte} of {len(source)} was fetched twice: {region[at]:#04x} landed, which it became "
                        f"before read {fault.access}, and not {original:#04x}"
                    )
                    region[at] = original
            elif flipped:
                region[at] = original
            elif region[at] == original and fault.insn is None:
                if struck:
                    complaint = complaint or (
                        f"byte {byte} of {len(source)} landed as {original:#04x}, "
                        f"which it was before its first read: it was {original ^ mask:#04x} then"
                    )
                else:
                    missed = missed or str(fault)
    return Flips(observation._replace(region=bytes(region), source=bytes(source)), complaint, missed)


def _undo_in_target(content: bytes, region: bytearray, byte: int, fault: Fault) -> None:
    """Undo a flip of the target's poison, or, behind an instruction, of what landed there."""
    at = RED_ZONE + byte
    assert fault.argument is not None
    if at >= len(region) or fault.access is not None:
        return
    flipped = region[at] ^ fault.argument
    if byte >= len(content):
        if flipped == POISON:
            region[at] = flipped
        return
    original = content[byte]
    if flipped == poison_for(bytes((original,)))[0] or (fault.insn is not None and flipped == original):
        region[at] = flipped
