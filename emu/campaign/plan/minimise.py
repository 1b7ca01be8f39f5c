# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a failing case as small as it gets while it fails: fewer faults, shorter, at smaller offsets, simpler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product, starmap
from typing import Any, Final

from emu.address import PAGE_SIZE
from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.sweep_placement import ALIGNMENT, follows_page
from emu.faults import BufferPlace, Fault, FaultError
from emu.faults.fault import CONDITIONS
from emu.profile import CPU_MODELS, PRIMITIVES, SMAP_POLICIES, Profile

MAXIMUM_TRIES: Final = 5000

PROFILES: Final = tuple(dict.fromkeys(starmap(Profile, product(CPU_MODELS, SMAP_POLICIES, PRIMITIVES))))
"""Every profile, the simplest first: the CPU with the fewest features."""

_NEAR: Final = 64
"""What fails for some lengths and offsets fails again within so many, a cache line."""

_COUNTS: Final = ("access", "insn", "times", "fail-nth")
"""Conditions that are smaller where their number is."""

_BUFFERS: Final = (SOURCE, TARGET)


def minimise(
    case: CopyCase,
    fails: Callable[[CopyCase], bool],
    *,
    profiles: Sequence[Profile] = PROFILES,
    tries: int = MAXIMUM_TRIES,
) -> CopyCase:
    """Return a case that fails and has no `smaller` one that does, or the smallest found within so many tries.

    `case` is taken to fail; `fails` must say the same of the same case each time.
    """
    passed: set[CopyCase] = set()
    while True:
        for candidate in smaller(case, profiles):
            if candidate in passed:
                continue
            if not tries:
                return case
            tries -= 1
            if fails(candidate):
                case = candidate
                break
            passed.add(candidate)
        else:
            return case


def smaller(case: CopyCase, profiles: Sequence[Profile] = PROFILES) -> Iterator[CopyCase]:
    """Return cases that are smaller by one step, the ones that save most first; `profiles` has the simplest first.

    A page state that begins a page still does: the buffer moves with its byte.
    """
    yield from _fewer_faults(case)
    yield from _shorter(case)
    yield from _earlier_bytes(case)
    yield from _fewer_conditions(case)
    yield from _smaller_offsets(case)
    rank = _rank(case.profile, profiles)
    yield from (case._replace(profile=profile) for profile in profiles[:rank])
    yield from (case._replace(irql=irql) for irql in range(case.irql))


def weight(case: CopyCase, profiles: Sequence[Profile] = PROFILES) -> tuple[int, ...]:
    """Return what is less for each of the `smaller` cases."""
    return (
        len(case.faults),
        case.length,
        sum(_byte(fault) for fault in case.faults),
        sum(len(fault.conditions) for fault in case.faults),
        sum(_condition(fault, name) for fault in case.faults for name in _COUNTS if name in fault.conditions),
        sum(_offset(case, buffer) for buffer in _BUFFERS if not _begins_page(case, buffer)),
        _rank(case.profile, profiles),
        case.irql,
    )


def _rank(profile: Profile, profiles: Sequence[Profile]) -> int:
    return profiles.index(profile) if profile in profiles else len(profiles)


def _place(fault: Fault) -> BufferPlace | None:
    """Return the byte of a buffer of the copy that a fault is at."""
    place = fault.place
    return place if isinstance(place, BufferPlace) and place.buffer in _BUFFERS else None


def _byte(fault: Fault) -> int:
    place = _place(fault)
    return place.offset if place is not None else 0


def _offset(case: CopyCase, buffer: str) -> int:
    return case.source_offset if buffer == SOURCE else case.target_offset


def _with_offset(case: CopyCase, buffer: str, offset: int) -> CopyCase:
    return case._replace(source_offset=offset) if buffer == SOURCE else case._replace(target_offset=offset)


def _placing(case: CopyCase, buffer: str) -> list[int]:
    """Return the faults, by their index, that depend on where the buffer lies: their byte begins a page."""
    return [
        index
        for index, fault in enumerate(case.faults)
        if (place := _place(fault)) is not None
        and place.buffer == buffer
        and follows_page(fault)
        and not (_offset(case, buffer) + place.offset) % PAGE_SIZE
    ]


def _begins_page(case: CopyCase, buffer: str) -> bool:
    return bool(_placing(case, buffer))


def _less(value: int, lowest: int) -> Iterator[int]:
    """Return numbers from `lowest` up to below `value`: from afar each half as far as the one before, then all."""
    distance = value - lowest
    while distance > _NEAR:
        yield value - distance
        distance //= 2
    yield from range(value - distance, value)


def _with_fault(case: CopyCase, index: int, fault: Fault) -> CopyCase:
    return case._replace(faults=(*case.faults[:index], fault, *case.faults[index + 1 :]))


def _earlier(fault: Fault, distance: int) -> Fault:
    place = _place(fault)
    return fault if place is None else replace(fault, place=replace(place, offset=place.offset - distance))


def _moved(case: CopyCase, buffers: Sequence[str], distance: int) -> CopyCase:
    """Return the case with buffers that begin so much later in their pages."""
    for buffer in buffers:
        case = _with_offset(case, buffer, (_offset(case, buffer) + distance) % PAGE_SIZE)
    return case


def _fewer_faults(case: CopyCase) -> Iterator[CopyCase]:
    for index in range(len(case.faults)):
        yield case._replace(faults=case.faults[:index] + case.faults[index + 1 :])


def _shorter(case: CopyCase) -> Iterator[CopyCase]:
    bytes_ = [place.offset for place in map(_place, case.faults) if place is not None]
    for length in _less(case.length, max(bytes_, default=0)):
        yield case._replace(length=length)
    first = min(bytes_, default=case.length)
    placed = [buffer for buffer in _BUFFERS if _begins_page(case, buffer)]
    for left in _less(first, 0):
        cut = first - left
        faults = tuple(_earlier(fault, cut) for fault in case.faults)
        shorter = case._replace(length=case.length - cut, faults=faults)
        # The first bytes are left out where they are, and then those that remain are moved to where they began.
        yield _moved(shorter, _BUFFERS, cut)
        if bytes_ and len(placed) < len(_BUFFERS):
            yield _moved(shorter, placed, cut)


def _earlier_bytes(case: CopyCase) -> Iterator[CopyCase]:
    for index, fault in enumerate(case.faults):
        place = _place(fault)
        if place is None:
            continue
        placing = _placing(case, place.buffer)
        if index in placing and len(placing) > 1:
            continue
        for byte in _less(place.offset, 0):
            distance = place.offset - byte
            moved = _moved(case, (place.buffer,), distance) if index in placing else case
            yield _with_fault(moved, index, _earlier(fault, distance))


def _condition(fault: Fault, name: str) -> int:
    where = fault if name in CONDITIONS else fault.schedule
    value: int = getattr(where, name.replace("-", "_"))
    return value


def _fewer_conditions(case: CopyCase) -> Iterator[CopyCase]:
    for index, fault in enumerate(case.faults):
        for name in fault.conditions:
            simpler = _changed(fault, name, None)
            if simpler is not None:
                yield from _placed_for(_with_fault(case, index, simpler), simpler)
            if name in _COUNTS:
                for count in _less(_condition(fault, name), 1):
                    lower = _changed(fault, name, count)
                    if lower is not None:
                        yield _with_fault(case, index, lower)


def _placed_for(case: CopyCase, fault: Fault) -> Iterator[CopyCase]:
    """Return the case with a page boundary at a fault that needs one; nothing where another fault has placed it."""
    place = _place(fault)
    if place is None or not follows_page(fault):
        yield case
        return
    offset = -place.offset % PAGE_SIZE
    if offset == _offset(case, place.buffer) or not _begins_page(case, place.buffer):
        yield _with_offset(case, place.buffer, offset)


def _changed(fault: Fault, name: str, value: int | None) -> Fault | None:
    changes: dict[str, Any] = {name.replace("-", "_"): value}
    try:
        return replace(fault, **(changes if name in CONDITIONS else {"schedule": replace(fault.schedule, **changes)}))
    except FaultError:
        return None  # The kind of fault needs the condition.


def _smaller_offsets(case: CopyCase) -> Iterator[CopyCase]:
    for buffer in _BUFFERS:
        offset = _offset(case, buffer)
        if _begins_page(case, buffer):
            continue
        aligned = offset % ALIGNMENT
        for lower in dict.fromkeys((0, aligned, *_less(offset, 0))):
            if lower < offset:
                yield _with_offset(case, buffer, lower)
