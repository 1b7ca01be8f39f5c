# SPDX-License-Identifier: GPL-2.0-or-later
"""Stops of a running processor at the k-th access to a byte and behind the n-th instruction.

Instructions and accesses are counted by the recorder (emu/cpu/recorder.py), which records nothing here: what a trace
numbers them is what stops. Its hooks stay, so that from then on each instruction takes tens of nanoseconds.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Final, NamedTuple

from emu.address import Gva
from emu.cpu.engine import EngineError
from emu.cpu.native_core import Recording, Watchpoint, load_native_core
from emu.cpu.processor import Processor
from emu.cpu.recorder import NEVER

READS: Final = 1
WRITES: Final = 2
"""Kinds of accesses, to be added."""

_ENDLESS: Final = 1 << 62


class WatchedByte(NamedTuple):
    """A byte whose accesses are counted."""

    address: Gva
    kinds: int = READS | WRITES


class Watch:
    """Counts what a processor runs from now on. A stop ends the run with `Vector.RECORDER_STOP`, nothing done yet of
    the instruction that is to come or that makes the access; the run after it goes on there.
    """

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._points = (Watchpoint * 0)()
        self._context = processor.make_context()
        self._recording = Recording(
            stop_position=NEVER,
            instruction_room=_ENDLESS,
            access_room=_ENDLESS,
            filtered=True,
            context=self._context.pointer,
            watches=True,
        )
        library = load_native_core()
        if not library.core_record(processor.native, ctypes.byref(self._recording)):
            raise EngineError("the engine refused a hook of the recorder")
        # It cuts blocks as its own hooks have it, and no longer as it did before.
        library.core_set_long_blocks(processor.native, b"", 0, b"", 0)

    def begin(self, watched: Sequence[WatchedByte]) -> None:
        """Count from 0, these bytes and no others, and stop nowhere."""
        self._recording.position = 0
        self._recording.stop_position = NEVER
        self._set_points([(each.address, 0, 0, each.kinds) for each in watched])

    def add(self, byte: WatchedByte) -> None:
        """Count the accesses to one more byte from now on."""
        points = [(point.address, point.count, point.stop_at, point.kinds) for point in self._points]
        self._set_points([*points, (byte.address, 0, 0, byte.kinds)])

    def _set_points(self, points: Sequence[tuple[int, int, int, int]]) -> None:
        self._points = (Watchpoint * len(points))(*(Watchpoint(*point) for point in points))
        self._recording.watchpoints = ctypes.addressof(self._points)
        self._recording.watchpoint_count = len(points)

    @property
    def position(self) -> int:
        """How many instructions have been executed."""
        return int(self._recording.position)

    def stop_behind(self, instructions: int | None) -> None:
        """Stop when so many instructions have been executed, None: never."""
        self._recording.stop_position = NEVER if instructions is None else instructions

    def accesses(self, index: int) -> int:
        """Return how many accesses to a watched byte have been made: those of a trapped instruction have not."""
        return int(self._points[index].count)

    def stop_before_access(self, index: int, number: int | None) -> None:
        """Stop before the access of a number to a watched byte, counted from 1; None: before none."""
        self._points[index].stop_at = number or 0

    def take_hits(self) -> dict[int, int]:
        """Return the watched bytes, by index, before whose access the last run has stopped, and the access's size."""
        hits = {index: int(point.hit) for index, point in enumerate(self._points) if point.hit}
        for index in hits:
            self._points[index].hit = 0
        return hits
