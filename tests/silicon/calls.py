# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of one accessor, made of its signature: with its range across each edge of a page, at every byte."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from emu.accessors import Accessor
from emu.accessors.accessor import Parameter
from emu.cpu import registers as r
from emu.memory.layout import USER_PROBE_ADDRESS
from tests.silicon.library import ENTRY_STACK, LIBRARY, OTHER, USER, Loaded, pattern
from tests.silicon.world import PAGE, Case, pack_registers

_AROUND: Final = (16, 32, 48, 64, 96, 128)
LENGTHS: Final = (*range(6), 7, 8, 9, *(each + near for each in _AROUND for near in (-1, 0, 1)), 66, 80, 130)
LONG: Final = 600
"""A length at which every routine that has a way for long ranges takes it."""
LONG_BYTES: Final = (0, 1, 15, 16, 63, 64, 65, 255, 511, 512, 513, 599, 600)
"""Where in a long range the page ends."""
DISTANCES: Final = (-130, -64, -33, -17, -16, -15, -8, -7, -1, 0, 1, 7, 8, 15, 16, 17, 33, 64, 130)
"""From the source of a move to its target."""

USER_MODE, KERNEL_MODE = 1, 0
_ARGUMENTS: Final = ("rcx", "rdx", "r8", "r9")
_ROOM: Final = 0x400
"""Where the other range begins in its page."""
_INITIAL_FLAGS: Final = 0x202
_POINTERS: Final = ("Destination", "Source", "Address", "String", "Pointer")


class Calls:
    """Makes cases of calls; the registers that the convention says nothing of hold random bits."""

    def __init__(self, accessor: Accessor, image: Loaded = LIBRARY) -> None:
        self._accessor = accessor
        self._random = random.Random(accessor.name)
        self._address = image.address_of(accessor.name)
        self._xmm = [self._random.randbytes(256) for _ in range(4)]
        names = [each.name for each in accessor.parameters]
        self._pointers = [name for name in names if name in _POINTERS]
        self._length = next((name for name in names if name in ("Length", "Size")), None)
        self._comparand = next((name for name in names if name in ("Comperand", "Comparand")), None)
        self._modes = (USER_MODE, KERNEL_MODE) if accessor.takes_mode else (USER_MODE,)
        self._sizes = (accessor.width,) if accessor.width else LENGTHS

    def plain(self, **given: int) -> Iterator[Case]:
        """Call once with each Mode."""
        for mode in self._modes:
            yield self._case(mode, given)

    def across_edges(self) -> Iterator[Case]:
        """Call with every byte of the range as the first behind an edge of the user page, and as the first in it."""
        for mode in self._modes:
            for size in self._sizes:
                for byte in range(size + 1):
                    yield from self._across(mode, size, byte)
            if self._length:
                for byte in LONG_BYTES:
                    yield from self._across(mode, LONG, byte)

    def _across(self, mode: int, size: int, byte: int) -> Iterator[Case]:
        for parameter in self._accessor.user_parameters:
            for start in (USER + PAGE - byte, USER - byte):
                yield self._case(mode, self._given(parameter.name, start, size))

    def inside(self) -> Iterator[Case]:
        """Call with everything there, at every alignment to 16 bytes."""
        (name, *_) = (parameter.name for parameter in self._accessor.user_parameters)
        for mode in self._modes:
            for size in self._sizes:
                for offset in range(16):
                    given = self._given(name, USER + _ROOM + offset, size)
                    yield self._case(mode, given)
                    if self._comparand:
                        found = pattern(0)[_ROOM + offset :][:size]
                        yield self._case(mode, {**given, self._comparand: int.from_bytes(found, "little")})

    def at_the_limit(self) -> Iterator[Case]:
        """Call with ranges that the check refuses; none of them is touched."""
        for parameter in self._accessor.user_parameters:
            for size in self._sizes:
                starts = [USER_PROBE_ADDRESS, 1 << 47, 0xFFFF_8000_0000_0000, (1 << 64) - 1]
                if size > 1:
                    starts += [USER_PROBE_ADDRESS - size // 2, (1 << 64) - size // 2]
                for start in starts:
                    yield self._case(USER_MODE, self._given(parameter.name, start, size))

    def moves(self) -> Iterator[Case]:
        """Move between overlapping ranges that lie across the edges of the page."""
        for size in LENGTHS:
            for distance in DISTANCES:
                span = size + abs(distance)
                for byte in range(0, span + 1, 2 + span // 16):
                    for edge in (USER, USER + PAGE):
                        source = edge - byte + max(0, -distance)
                        given = {"Destination": source + distance, "Source": source, "Length": size}
                        yield self._case(USER_MODE, given)

    def strings(self) -> Iterator[Case]:
        """Measure strings around the edges of the page: of every length that ends there, and of those that do not."""
        width = 2 if "Wide" in self._accessor.name else 1
        for mode in self._modes:
            for before in (*range(1, 40), 63, 64, 65, 127, 128, 129, 130):
                start = USER + PAGE - before
                yield self._string(mode, start)
                for end in range(start, USER + PAGE - width + 1, width * (1 + before // 24)):
                    yield self._string(mode, start, end, width)
            for before in range(1, 18):
                yield self._string(mode, USER - before)
            for start in range(USER, USER + 17):
                for characters in (*range(34), 64, 100, 129):
                    yield self._string(mode, start, start + characters * width, width)
        for start in (USER_PROBE_ADDRESS, USER_PROBE_ADDRESS + 1, 1 << 47, 0xFFFF_8000_0000_0000, (1 << 64) - 1):
            yield self._string(USER_MODE, start)

    def _string(self, mode: int, start: int, end: int = 0, width: int = 0) -> Case:
        (parameter,) = self._accessor.user_parameters
        return self._case(mode, {parameter.name: start}, [(end + at, 0) for at in range(width)])

    def _given(self, name: str, start: int, size: int) -> dict[str, int]:
        """Return the pointers, the one of that name as told, and the length."""
        given = {each: OTHER + _ROOM + self._random.getrandbits(5) for each in self._pointers}
        given[name] = start
        if self._length:
            given[self._length] = size
        return given

    def _case(self, mode: int, given: Mapping[str, int], pokes: Iterable[tuple[int, int]] = ()) -> Case:
        """Make one call; parameters that are not given get random bits."""
        bits = self._random.getrandbits
        registers = {name: bits(64) for name in r.GPR_NAMES}
        by_hidden_pointer = self._accessor.returns == "UNICODE_STRING"
        arguments = [OTHER + PAGE // 2] if by_hidden_pointer else []
        for parameter in self._accessor.parameters:
            arguments.append(self._argument(parameter, mode, given))
        registers |= zip(_ARGUMENTS, arguments, strict=False)
        arithmetic = bits(12) & r.FLAGS_ARITHMETIC
        registers |= {"rsp": ENTRY_STACK, "rip": self._address, "rflags": _INITIAL_FLAGS | arithmetic}
        described = ", ".join(f"{each:#x}" for each in arguments)
        label = f"{self._accessor.name}({described})"
        return Case(pack_registers(registers, self._xmm[bits(2)]), label, tuple(pokes))

    def _argument(self, parameter: Parameter, mode: int, given: Mapping[str, int]) -> int:
        if parameter.name in given:
            return given[parameter.name]
        if parameter.name == "Mode":
            return mode
        if parameter.type == "UNICODE_STRING":  # by value: the convention passes a pointer to a copy
            return OTHER + _ROOM
        return self._random.getrandbits(64)
