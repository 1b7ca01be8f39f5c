# SPDX-License-Identifier: GPL-2.0-or-later
"""A range of addresses, in the forms in which a question about a trace names one."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple, Protocol, SupportsIndex, TypeAlias, runtime_checkable

import numpy as np

from emu.address import ADDRESS_MASK
from emu.trace.source import Table, TraceError


@runtime_checkable
class Sized(Protocol):
    """What has a place and a length: a `Buffer`, a `TracedBuffer`."""

    @property
    def address(self) -> int: ...

    @property
    def size(self) -> int: ...


Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"


def take(table: Table, which: np.ndarray[Any, Any]) -> Table:
    """Return rows by a mask or by their indices, as plain bytes: NumPy would go through them field by field."""
    rows: Table = np.ascontiguousarray(table).view(f"V{table.dtype.itemsize}")[which].view(table.dtype)
    return rows


class Extent(NamedTuple):
    """The addresses from `begin` up to, not including, `end`."""

    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.end - self.begin

    def holds(self, addresses: np.ndarray[Any, np.dtype[np.uint64]]) -> Mask:
        """Tell which addresses lie in it."""
        if not self.size:
            return np.zeros(len(addresses), bool)
        held: Mask = (addresses >= np.uint64(self.begin)) & (addresses <= np.uint64(self.end - 1))
        return held

    def touched_by(self, accesses: Table) -> Mask:
        """Tell which accesses touch one of its bytes at least."""
        if not self.size:
            return np.zeros(len(accesses), bool)
        first = accesses["address"]
        last = first + (accesses["size"] - 1).astype(np.uint64)
        touched: Mask = (first <= np.uint64(self.end - 1)) & (last >= np.uint64(self.begin))
        return touched


def extent_of(where: object, what: str = "address") -> Extent:
    """Return the range of an address (one byte), `(begin, end)`, a `range` of step 1, or what has address and size.

    Raises `TraceError` for what is none of these, for an end before its begin, and outside the 64-bit addresses.
    """
    match where:
        case range() if where.step == 1:
            begin, end = where.start, max(where.start, where.stop)
        case Sized():
            begin, end = where.address, where.address + where.size
        case (SupportsIndex() as first, SupportsIndex() as behind):
            begin, end = operator.index(first), operator.index(behind)
        case SupportsIndex():
            begin = operator.index(where)
            end = begin + 1
        case _:
            raise TraceError(f"{what}={where!r} names no place; give an address, (begin, end), or a buffer")
    if not 0 <= begin <= end <= ADDRESS_MASK + 1:
        raise TraceError(f"{what}={where!r} is no range of addresses; give begin <= end, both from 0 to 2**64")
    return Extent(begin, end)
