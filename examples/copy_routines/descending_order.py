# SPDX-License-Identifier: MIT
"""A judge of copies from the last byte to the first: `emu inject … --oracle descending_order.py:judge`.

For copies without a fault, and with a page of the source that is without access: `none@src+K`, from the start or, with
`access=1`, from the first access to byte K on.
"""

from emu import NtStatus, Raised, Returned
from emu.address import PAGE_SIZE
from emu.faults import BufferPlace
from emu.testing import POISON, RED_ZONE, CopyCase, Observation, describe_state, poison_for

STEP = 8
"""It copies so many bytes at once: fewer than these may be missing behind the one at which it ends."""


def judge(observation: Observation) -> str:
    """Say what is wrong with a copy, in one line; empty where nothing is."""
    case, outcome = observation.case, observation.outcome
    byte = _stops_at(case)
    if byte is None:
        if not isinstance(outcome, Returned):
            return f"wrong-status: it must return: {outcome}"
        starts = range(1)
    else:
        if not isinstance(outcome, Raised) or outcome.record.code != NtStatus.ACCESS_VIOLATION:
            return f"wrong-status: it must raise an access violation at byte {byte}: {outcome}"
        reported = (outcome.record.fault_address or 0) - observation.source_address
        if outcome.record.operation != "read" or not byte - STEP < reported <= byte:
            return f"wrong-status: it must raise an access violation at byte {byte}, not at {reported}"
        starts = range(byte + 1, min(byte + STEP, case.length) + 1)
    if observation.region not in [_region(observation.content, start) for start in starts]:
        return f"bytes {starts[-1]} to {case.length - 1} must have landed and none below byte {starts[0]}, or more did"
    if observation.source != observation.content or observation.pages_written:
        return "state-leak: it wrote elsewhere than to the target"
    leak = describe_state(observation.before, observation.after)
    return f"state-leak: {leak}" if leak else ""


def _stops_at(case: CopyCase) -> int | None:
    """Return the highest byte that cannot be read, which is the first that the copy comes to."""
    for fault in case.faults:
        assert isinstance(fault.place, BufferPlace), fault
        byte = fault.place.offset
        if fault.access is None:
            page_end = byte - (case.source_offset + byte) % PAGE_SIZE + PAGE_SIZE
            byte = min(page_end, case.length) - 1 if byte < case.length else byte
        return byte if byte < case.length else None
    return None


def _region(content: bytes, start: int) -> bytes:
    """Return the target between its red zones when everything from byte `start` on has landed, and nothing before."""
    red_zone = bytes((POISON,)) * RED_ZONE
    return red_zone + poison_for(content[:start]) + content[start:] + red_zone
