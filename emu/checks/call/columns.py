# SPDX-License-Identifier: GPL-2.0-or-later
"""The instructions and accesses of one call, column by column. Each column is made when it is first asked for."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from emu.address import Gva
from emu.checks.call.code_kind import CodeKind, kind_of
from emu.checks.call.native_passes import load_passes
from emu.cpu.array_address import array_address
from emu.cpu.recorder import CODE_TABLES_KEPT, Places, decode_code, is_kept
from emu.cpu.trap import ERROR_WRITE
from emu.events import TrapTaken
from emu.trace.layout import ACCESS, READ, WRITE, AccessFlag, InstructionFlag
from emu.trace.source import Table, Words

Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

USER_END: Final = 1 << 47
"""The first address that is not in the user's half (Intel SDM Vol. 1, 3.3.7.1)."""

MARKED: Final = int(~CodeKind.STRING)
"""The kinds of few instructions: a string instruction may be one of many iterations."""
_PLACES_KEPT: Final = 8
"""Sets of places, or of ranges, of which a table knows which code lies there."""

_ONE = np.uint64(1)
# NumPy takes its time with the members of an enumeration.
_TRAPPED: Final = int(InstructionFlag.TRAPPED)
_NOT_PERFORMED: Final = int(AccessFlag.NOT_PERFORMED)
_USER_END = np.uint64(USER_END)


class CodeTable:
    """The code of a trace by its number: what each instruction is. Traces of the same code share it (`code_table`)."""

    def __init__(self, encodings: Sequence[tuple[Gva, bytes]]) -> None:
        self.encodings = encodings
        self._values: dict[Callable[[bytes], int], Numbers] = {}
        self._at: dict[Places, Mask] = {}
        self._within: dict[tuple[tuple[int, int], ...], Numbers] = {}

    @functools.cached_property
    def kinds(self) -> Numbers:
        """`CodeKind` of each."""
        return np.array([kind_of(encoding) for _, encoding in self.encodings], np.int64)

    @functools.cached_property
    def kinds_address(self) -> int:
        """Where `kinds` lies."""
        return array_address(self.kinds)

    @functools.cached_property
    def rips(self) -> Words:
        """Address of each."""
        return np.array([rip for rip, _ in self.encodings], np.uint64)

    def values(self, function: Callable[[bytes], int]) -> Numbers:
        """Return what a function says of each one's bytes; it is asked once."""
        found = self._values.get(function)
        if found is None:
            found = self._values[function] = np.array([function(encoding) for _, encoding in self.encodings], np.int64)
        return found

    def at(self, places: Places) -> Mask:
        """Tell which lie at some places."""
        found = self._at.get(places)
        if found is None:
            if len(self._at) == _PLACES_KEPT:
                self._at.clear()
            addresses = places.addresses
            found = self._at[places] = np.array([rip in addresses for rip, _ in self.encodings], bool)
        return found

    def within(self, ranges: tuple[tuple[int, int], ...]) -> Numbers:
        """Return in which of one or more ranges (begin, end), in ascending order, each lies, -1 for none."""
        found = self._within.get(ranges)
        if found is None:
            if len(self._within) == _PLACES_KEPT:
                self._within.clear()
            begins, ends = np.array(ranges, np.uint64).reshape(-1, 2).T
            at = begins.searchsorted(self.rips, "right") - 1
            found = self._within[ranges] = np.where((at >= 0) & (self.rips < ends[at]), at, -1)
        return found


def code_table(rows: bytes) -> CodeTable:
    """Return the table of `Recorder.code_rows`, which others may have, too."""
    return _kept_table(rows) if is_kept(rows) else CodeTable(decode_code(rows))


@functools.lru_cache(maxsize=CODE_TABLES_KEPT)
def _kept_table(rows: bytes) -> CodeTable:
    return CodeTable(decode_code(rows))


class Marked(NamedTuple):
    """The instructions of some kinds that retired."""

    at: Numbers
    """Their indices."""
    kinds: Numbers
    """The `CodeKind` of each."""
    at_address: int
    kinds_address: int
    """Where the two lie."""
    number: int
    ran: int
    """The kinds of all instructions that ran, of those that trapped, too."""


class Instructions:
    """The instructions of a call, numbered from 0."""

    def __init__(self, table: Table, code_table: CodeTable) -> None:
        self.table = table
        """`emu.trace.layout.INSTRUCTION`; `first_access` counts from the trace's first access."""
        self._code_table = code_table

    def __len__(self) -> int:
        return len(self.table)

    @functools.cached_property
    def rip(self) -> Words:
        """Address of each."""
        return np.ascontiguousarray(self.table["rip"])

    @functools.cached_property
    def code(self) -> Words:
        """The number of its code, see `CodeTable`."""
        return np.ascontiguousarray(self.table["code"])

    @functools.cached_property
    def trapped(self) -> Mask:
        """Whether it did not retire."""
        return np.asarray(self.table["flags"] & _TRAPPED, bool)

    @functools.cached_property
    def kinds(self) -> Numbers:
        """`CodeKind` of each."""
        return self._code_table.kinds[self.code]

    def values(self, function: Callable[[bytes], int]) -> Numbers:
        """Return what a function says of the bytes of each code, by its number."""
        return self._code_table.values(function)

    def encoding(self, index: int) -> bytes:
        """Return the bytes of one."""
        return self._code_table.encodings[self.code_of(index)][1]

    @functools.cached_property
    def marked(self) -> Marked:
        """Those of the kinds `MARKED` that retired."""
        return self._find(MARKED)

    def _find(self, wanted: int) -> Marked:
        count = len(self.table)
        room, ran = np.empty(2 * count, np.int64), ctypes.c_int64()
        at = array_address(room)
        number = load_passes().checks_kinds_that_ran(
            *(array_address(self.table), count, self._code_table.kinds_address, wanted),
            *(at, at + 8 * count, ctypes.byref(ran)),
        )
        return Marked(room[:number], room[count : count + number], at, at + 8 * count, number, ran.value)

    def has_kind(self, kind: int) -> bool:
        """Tell whether one of a kind ran."""
        return self.marked.ran & kind != 0

    def kind_of_code(self, number: int) -> CodeKind:
        """Return what the code of a number is."""
        return CodeKind(int(self._code_table.kinds[number]))

    def kind(self, index: int) -> int:
        """Return the `CodeKind` of one."""
        return int(self._code_table.kinds[self.code_of(index)])

    def code_of(self, index: int) -> int:
        """Return the number of the code of one."""
        return int(self.table["code"][index])

    def of_kind(self, kind: CodeKind) -> Numbers:
        """Return the indices of the instructions of a kind that retired."""
        wanted = int(kind)
        marked = self.marked
        if not marked.ran & wanted:
            return np.zeros(0, np.int64)
        if wanted & ~MARKED:
            return self._find(wanted).at
        return marked.at[(marked.kinds & wanted).nonzero()[0]]


def with_faults(table: Table, faults: Sequence[tuple[int, TrapTaken]]) -> Table:
    """Return accesses with those that page faults kept from being made: the first byte that could not be touched.

    faults  index in the trace of each instruction, and its trap
    """
    if not faults:
        return table
    rows = np.zeros(len(faults), ACCESS)
    for row, (index, trap) in zip(rows, faults, strict=True):
        row["instruction"], row["address"], row["size"] = index, trap.address, 1
        row["kind"] = WRITE if trap.error_code & ERROR_WRITE else READ
        row["flags"] = AccessFlag.NOT_PERFORMED
    behind = table["instruction"].searchsorted(rows["instruction"], "right")
    together: Table = np.insert(table, behind, rows)
    return together


class Accesses:
    """The memory accesses of a call, numbered from 0, in the order in which they were made."""

    def __init__(self, table: Table, first_instruction: int, instructions: Instructions) -> None:
        self.table = table
        """`emu.trace.layout.ACCESS`; `instruction` counts from the trace's first instruction."""
        self._first = first_instruction
        self._instructions = instructions

    def __len__(self) -> int:
        return len(self.table)

    @functools.cached_property
    def instruction(self) -> Numbers:
        """Index of the instruction that made it."""
        return (self.table["instruction"] - np.uint64(self._first)).view(np.int64)

    @functools.cached_property
    def rip(self) -> Words:
        """Address of that instruction."""
        return self._instructions.rip[self.instruction]

    @functools.cached_property
    def address(self) -> Words:
        """Address of its first byte."""
        return np.ascontiguousarray(self.table["address"])

    @functools.cached_property
    def size(self) -> Words:
        """Its bytes."""
        return self.table["size"].astype(np.uint64)

    @functools.cached_property
    def last(self) -> Words:
        """Address of its last byte."""
        last: Words = self.address + self.table["size"]
        last -= _ONE
        return last

    @functools.cached_property
    def is_read(self) -> Mask:
        """Whether it reads."""
        return np.asarray(self.table["kind"] == READ, bool)

    @functools.cached_property
    def is_write(self) -> Mask:
        """Whether it writes."""
        return np.asarray(self.table["kind"] == WRITE, bool)

    @functools.cached_property
    def is_user(self) -> Mask:
        """Whether it begins in the user's half of the address space, mapped there or not."""
        return self.address < _USER_END

    @functools.cached_property
    def performed(self) -> Mask:
        """Whether its instruction retired."""
        return np.asarray(self.table["flags"] & _NOT_PERFORMED == 0, bool)

    def value(self, index: int) -> int:
        """Return what was read or written, little-endian."""
        row = self.table[index]
        return int(row["low"]) | int(row["high"]) << 64

    def touching(self, address: int, size: int) -> Mask:
        """Tell which touch a byte of a range; none where it is empty."""
        if size <= 0:
            return np.zeros(len(self), bool)
        return (self.address <= np.uint64(address + size - 1)) & (self.last >= np.uint64(address))
