# SPDX-License-Identifier: GPL-2.0-or-later
"""How often each byte of a range was accessed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emu.trace.source import Words


class Coverage(NamedTuple):
    """What some accesses reach of a range. Bytes are numbered from 0 in it."""

    missed: int
    """Bytes that none reaches."""
    first_missed: int | None
    repeated: int
    """Bytes that more than one reaches."""
    first_repeated: int | None
    most: int
    """How often the byte is reached that is reached most often."""


def coverage(begin: Words, end: Words, size: int) -> Coverage:
    """Return what accesses reach of a range of `size` bytes.

    begin, end  of each access, the bytes from `begin` up to but not with `end`; those outside the range do not count
    """
    limit = np.uint64(size)
    begin, end = np.minimum(begin, limit), np.minimum(end, limit)
    places = np.concatenate([begin, end, np.array([0, size], np.uint64)])
    steps = np.concatenate([np.ones(len(begin), np.int64), -np.ones(len(end), np.int64), np.zeros(2, np.int64)])
    order = np.argsort(places, kind="stable")
    counts, places = np.cumsum(steps[order])[:-1], places[order]
    lengths = np.diff(places)
    reached = lengths > 0
    counts, lengths, starts = counts[reached], lengths[reached], places[:-1][reached]

    def sum_up(chosen: np.ndarray) -> tuple[int, int | None]:
        found = starts[chosen]
        return int(lengths[chosen].sum()), int(found[0]) if len(found) else None

    return Coverage(*sum_up(counts == 0), *sum_up(counts > 1), int(counts.max(initial=0)))
