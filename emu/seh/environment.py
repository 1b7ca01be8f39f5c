# SPDX-License-Identifier: GPL-2.0-or-later
"""What the dispatcher needs of the system around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from emu.address import Gva
from emu.events import Event
from emu.seh.frames import GuestFrames
from emu.seh.handler_call import HandlerCall
from emu.seh.requests import Steps
from emu.seh.virtual_unwind import ImageUnwinder, StackReader


class Memory(StackReader, Protocol):
    """Guest memory, through every page state; raises `emu.memory.errors.NotMapped`."""

    def write(self, address: Gva, data: bytes, /) -> None: ...

    def write_u64(self, address: Gva, value: int, /) -> None: ...


HostHandler: TypeAlias = "Callable[[Environment, HandlerCall], Steps]"
"""A language handler that the host runs; its result is a disposition."""


class Environment:
    """The dispatcher's view of a booted system.

    `find_unwinder` gives the image that a pc lies in; `host_handler` the host's own handler behind an address, if
    it is one; `emit` takes the events.
    """

    def __init__(
        self,
        memory: Memory,
        frames: GuestFrames,
        find_unwinder: Callable[[int], ImageUnwinder | None],
        host_handler: Callable[[Gva], HostHandler | None],
        emit: Callable[[Event], None],
    ) -> None:
        self.memory = memory
        self.frames = frames
        self.find_unwinder = find_unwinder
        self.host_handler = host_handler
        self.emit = emit
