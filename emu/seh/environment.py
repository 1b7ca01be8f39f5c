# SPDX-License-Identifier: GPL-2.0-or-later
"""What the dispatcher needs of the system around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from emu.address import Gva
from emu.events import Event
from emu.seh.context import Context
from emu.seh.frames import GuestFrames
from emu.seh.handler_call import HandlerCall
from emu.seh.requests import Steps
from emu.seh.virtual_unwind import Frame, StackReader


class Memory(StackReader, Protocol):
    """Guest memory, through every page state; raises `emu.memory.errors.NotMapped`."""

    def write(self, address: Gva, data: bytes, /) -> None: ...

    def write_u64(self, address: Gva, value: int, /) -> None: ...


class Image(Protocol):
    """A loaded image that can be unwound through (emu.seh.virtual_unwind.ImageUnwinder, loaded)."""

    @property
    def base(self) -> Gva: ...

    @property
    def cookie_address(self) -> Gva | None:
        """Where the image's `__security_cookie` lies, if it says so."""

    def frame_offset(self, pc: Gva) -> int:
        """Return how far above the frame's base its frame register points; 0 without one."""

    def virtual_unwind(self, pc: Gva, context: Context, memory: StackReader, handler_type: int) -> Frame: ...

    def entry_address(self, pc: Gva) -> int:
        """Return where the RUNTIME_FUNCTION of a pc lies in guest memory, an indirect one followed; 0 for a leaf."""


_OVERRUN = 0x4000
"""More than the frames of one dispatch take."""


class StackLimits(NamedTuple):
    """The stack that frames must lie on: `low` to `high`, exclusive."""

    low: int
    high: int

    def contains(self, stack_pointer: int) -> bool:
        """Tell whether a stack pointer is on this stack. A body may have it at any byte; frames are aligned."""
        return self.low <= stack_pointer < self.high

    def holds(self, frame: int) -> bool:
        """Tell whether a frame is on this stack and aligned."""
        return self.low <= frame < self.high and not frame & 7

    def is_overrun_at(self, address: int) -> bool:
        """Tell whether an address lies just below the stack, where one frame too many would be."""
        return self.low - _OVERRUN <= address < self.low


HostHandler: TypeAlias = "Callable[[Environment, HandlerCall], Steps]"
"""A language handler that the host runs; its result is a disposition."""


class Environment:
    """The dispatcher's view of a booted system.

    `find_image` gives the image that a pc lies in; `host_handler` the host's own handler behind an address, if
    it is one; `emit` takes the events; `stack` is where frames may be.
    """

    def __init__(
        self,
        memory: Memory,
        frames: GuestFrames,
        find_image: Callable[[int], Image | None],
        host_handler: Callable[[Gva], HostHandler | None],
        emit: Callable[[Event], None],
        stack: StackLimits,
    ) -> None:
        self.memory = memory
        self.frames = frames
        self.find_image = find_image
        self.host_handler = host_handler
        self.emit = emit
        self.stack = stack
