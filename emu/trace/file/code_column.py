# SPDX-License-Identifier: GPL-2.0-or-later
"""Which code ran: as the distance back to where it ran before, which in a loop is the loop's length, over and over."""

from __future__ import annotations

from typing import Any

import numpy as np

from emu.trace.file.byte_stream import ByteReader, Malformed, put_block
from emu.trace.file.columns import (
    Indices,
    delta,
    read_sparse,
    read_varints,
    running_sum,
    sparse,
    unzigzag,
    varints,
    words,
    zigzag,
)
from emu.trace.file.groups import Groups


def put_code(out: bytearray, code: np.ndarray[Any, np.dtype[np.uint32]], groups: Groups) -> None:
    """Append the code of each instruction."""
    before = groups.before()
    is_new = before < 0
    distance = np.where(is_new, 0, np.arange(len(code)) - before)
    put_block(out, sparse(delta(words(distance))))
    put_block(out, varints(zigzag(delta(words(code[is_new])))))


def take_code(stream: ByteReader, count: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Undo `put_code`. Raises `Malformed`."""
    distance = running_sum(read_sparse(stream.block(), count))
    new = running_sum(unzigzag(read_varints(stream.block())))
    rows = np.arange(count)
    if (distance > words(rows)).any():
        raise Malformed("code is said to have run before its block")
    is_new = distance == 0
    if np.count_nonzero(is_new) != len(new):
        raise Malformed(f"{len(new)} codes are named where {np.count_nonzero(is_new)} begin")
    if new.max(initial=0) > 0xFFFF_FFFF:
        raise Malformed(f"code {int(new.max())} stands where there is room for 32 bits")
    code = np.zeros(count, np.uint32)
    code[is_new] = new
    return code[roots(rows - distance.astype(np.intp))]


def roots(sources: Indices) -> Indices:
    """Follow each row to where what it copies comes from: `sources` names an earlier row, or the row itself.

    Each round doubles the way that has been gone, so there are as many as the longest chain has bits.
    """
    while not np.array_equal(further := sources[sources], sources):
        sources = further
    return sources
