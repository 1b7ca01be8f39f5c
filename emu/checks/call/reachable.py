# SPDX-License-Identifier: GPL-2.0-or-later
"""Which pool blocks somebody still has a pointer to when a call has ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from emu.address import PAGE_SIZE, Gva
from emu.checks.call.checked_call import CheckedCall
from emu.kernel.exports import EXPORTS
from emu.kernel.pool import PoolBlock
from emu.memory.errors import NotMapped
from emu.outcome import Returned
from emu.trace.source import MachineState

_POINTER: Final = 8


def unreachable(call: CheckedCall, blocks: Sequence[PoolBlock]) -> list[PoolBlock]:
    """Return those of some blocks that nobody can find any more.

    Looked through are what the call returned, every image, every buffer of the host's, the other pool blocks, and the
    blocks that a pointer was found to, at each byte. A pointer into a block counts, one that was given to an export of
    the user's own, too; the stack does not.
    """
    state = call.state_at(len(call.instructions))
    lost = {block.address: block for block in blocks}
    others = [life.block for life in call.pool_lives if life.end is None and life.block.address not in lost]
    waiting: list[tuple[int, int]] = [(module.base, module.size) for module in call.modules]
    waiting += [(buffer.address, buffer.size) for buffer in call.trace.buffers]
    waiting += [(block.address, block.size) for block in others]
    for block in _pointed_to(lost.values(), np.array(_given_away(call), np.uint64)):
        waiting.append((block.address, block.size))
        del lost[block.address]
    while waiting and lost:
        begin, size = waiting.pop()
        for content in _pages(state, begin, size):
            for block in _pointed_to(lost.values(), _pointers(content)):
                waiting.append((block.address, block.size))
                del lost[block.address]
    return list(lost.values())


def _given_away(call: CheckedCall) -> list[int]:
    returned = [call.outcome.value] if isinstance(call.outcome, Returned) else []
    theirs = [each for made in call.export_calls if made.name not in EXPORTS for each in made.arguments]
    return returned + theirs


def _pages(state: MachineState, begin: int, size: int) -> Iterable[bytes]:
    """Give what is mapped of a range, in pieces as long as can be."""
    try:
        yield state.read(Gva(begin), size)
    except NotMapped:
        for at in range(begin, begin + size, PAGE_SIZE):
            try:
                yield state.read(Gva(at), min(PAGE_SIZE, begin + size - at))
            except NotMapped:
                continue


def _pointers(content: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return the quadwords at all bytes that could be addresses of the kernel's half."""
    found = [
        np.frombuffer(content, "<u8", (len(content) - shift) // _POINTER, shift)
        for shift in range(min(_POINTER, len(content)))
        if len(content) - shift >= _POINTER
    ]
    every = np.concatenate(found) if found else np.zeros(0, np.uint64)
    return every[every >= np.uint64(1 << 63)]


def _pointed_to(blocks: Iterable[PoolBlock], pointers: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> list[PoolBlock]:
    return [
        block
        for block in blocks
        if ((pointers >= np.uint64(block.address)) & (pointers < np.uint64(block.address + max(block.size, 1)))).any()
    ]
