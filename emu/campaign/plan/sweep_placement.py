# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a sweep puts the buffers of a case in their pages, and what becomes of a page state inside a page.

A page state is a whole page's. An offset below 16 is an alignment: where the byte of a page state can begin a page with
it, the buffer is put so. Where it cannot, the page changes right before the first access to the byte, and the buffer
lies inside a page. An offset of 16 or more is a page offset and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from emu.address import PAGE_SIZE
from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.faults import BufferPlace, Fault
from emu.faults.fault import PAGE_STATES

ALIGNMENT: Final = 16
INSIDE: Final = 1024
"""Added to an alignment where nothing begins a page: page boundaries are far."""


class PlacedFault(NamedTuple):
    """A fault of a sweep, before the buffers are placed."""

    fault: Fault
    inside: Fault | None
    """What it is where its byte does not begin a page; None where that makes no difference."""
    in_source: bool
    byte: int

    @classmethod
    def exact(cls, fault: Fault) -> PlacedFault:
        """A fault that is the same wherever the buffers lie."""
        return cls(fault, None, False, 0)

    @classmethod
    def of(cls, fault: Fault) -> PlacedFault:
        """Return a fault as a sweep places it."""
        if not follows_page(fault):
            return cls.exact(fault)
        assert isinstance(fault.place, BufferPlace)
        return cls(fault, replace(fault, access=1), fault.place.buffer == SOURCE, fault.place.offset)


def follows_page(fault: Fault) -> bool:
    """Return whether a fault strikes at its byte only where that begins a page: a state that is there all the time."""
    place = fault.place
    return (
        fault.kind in PAGE_STATES
        and isinstance(place, BufferPlace)
        and place.buffer in (SOURCE, TARGET)
        and set(fault.conditions) <= {"times"}
    )


def place_one(placed: PlacedFault, source: int, target: int) -> tuple[tuple[Fault, ...], int, int]:
    """Return the faults and the page offsets of source and target of a case with one fault."""
    fault, inside, in_source, byte = placed
    if inside is None:
        return (fault,), source, target
    given = source if in_source else target
    if given >= ALIGNMENT:
        offset = given
        if (given + byte) % PAGE_SIZE:
            fault = inside
    elif (given + byte) % ALIGNMENT:
        offset, fault = given + INSIDE, inside
    else:
        offset = -byte % PAGE_SIZE
    return ((fault,), offset, target) if in_source else ((fault,), source, offset)


def place(faults: Sequence[PlacedFault], source: int, target: int) -> tuple[tuple[Fault, ...], int, int]:
    """Return the faults and the page offsets of source and target of a case with any number of faults."""
    if len(faults) == 1:
        return place_one(faults[0], source, target)
    source = _offset((each.byte for each in faults if each.inside is not None and each.in_source), source)
    target = _offset((each.byte for each in faults if each.inside is not None and not each.in_source), target)
    return (
        tuple(
            each.inside
            if each.inside is not None and (each.byte + (source if each.in_source else target)) % PAGE_SIZE
            else each.fault
            for each in faults
        ),
        source,
        target,
    )


def _offset(bytes_: Iterable[int], given: int) -> int:
    """Return a buffer's page offset; the first of the bytes that can begin a page does."""
    if given >= ALIGNMENT:
        return given
    inside = False
    for byte in bytes_:
        if not (given + byte) % ALIGNMENT:
            return -byte % PAGE_SIZE
        inside = True
    return given + INSIDE if inside else given
