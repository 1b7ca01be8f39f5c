# SPDX-License-Identifier: GPL-2.0-or-later
"""What memory an address is in, in words, the stack's frames and images among it."""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.tree import Activation

_LARGEST: Final = 1 << 20
"""Bytes of a frame at most; what is farther away is not on the stack."""


def frame_owner(call: CheckedCall, address: int, instruction: int) -> Activation | None:
    """Return the activation in whose frame an address of the stack lies as an instruction runs; None for no frame."""
    activation = call.tree.at(instruction)
    for each in () if activation is None else activation.chain():
        above = int(call.frames.slot[each.number]) - address
        if above > 0:
            return each if above < _LARGEST else None
    return None


def memory_name(call: CheckedCall, address: int, instruction: int) -> str:
    """Return which byte of a buffer, a pool block, an image or a frame an address is, else the number."""
    known = call.explanation.explain_data(Gva(address))
    if known:
        return known
    where = call.explanation.locate(Gva(address))
    owner = frame_owner(call, address, instruction) if where.startswith("0x") else None
    if owner is None:
        return where
    below = int(call.frames.slot[owner.number]) - address
    return f"the frame of {call.function_name(owner.entry)}, {below} bytes below its return address"
