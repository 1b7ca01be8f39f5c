# SPDX-License-Identifier: GPL-2.0-or-later
"""The log of a running machine: all that its processor was given, so that another one can run it again.

Guest code is deterministic. So the pages that the host changed between two runs and the registers that a run began
with say all that happened in it, and logging them is all that tracing costs while the guest runs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import NamedTuple

from emu.address import PAGE_SHIFT, PAGE_SIZE, Gva
from emu.cpu.processor import Snapshot
from emu.cpu.recorder import LongBlockLog, LongBlocks
from emu.events import Event
from emu.image import Module
from emu.kernel.explanation import Explanation
from emu.kernel.system import System
from emu.memory.half import Half
from emu.outcome import Outcome
from emu.trace.code import TracedBuffer, TracedModule
from emu.trace.source import TraceError

FRESH = b"\1"
"""In `Ram.host_written`: the host wrote the frame since the last run."""
LOGGED = b"\2"
"""And: it is in the log. Both mean to a reset that it has to bring the frame back."""


class Page(NamedTuple):
    """A frame as the host left it."""

    frame: int
    content: bytes


class Run(NamedTuple):
    """One run of the processor, from the host to the host."""

    begin: bytes
    """The state block (native/core.h) that it began with."""
    end: bytes
    """And ended with."""
    pages: tuple[Page, ...]
    """What the host had changed before it."""
    restored: Snapshot | None
    """Where the whole processor had gone back to before it."""
    stops: tuple[tuple[Gva, Gva], ...] | None
    """The exact stops that were set before it, None: those of the run before."""
    call: int
    """Index of the call that it belongs to."""
    events: int
    """How many events its call had seen before it."""


class LoggedCall(NamedTuple):
    """A call that the host made, and what it is explained by."""

    function: str
    arguments: tuple[int, ...]
    outcome: Outcome | None
    """None: an exception of the host's ended it."""
    events: tuple[Event, ...]
    explanation: Explanation
    end_run: int
    """Index behind its last run."""


class RunLog:
    """Logs what a system runs, from `__init__` to `finish`."""

    gives_way = False
    """Whether it ends where another one begins."""
    given_up = False
    """Whether it became too long to be kept."""

    def __init__(self, system: System) -> None:
        running = system.cpu.log
        if isinstance(running, RunLog) and running.gives_way:
            running.finish()
        if system.cpu.log is not None:
            raise TraceError("a trace is being taken already; end it before the next one begins")
        self._system = system
        self._host_written = system.ram.host_written
        self.profile = system.profile
        self.ram_size = system.ram.size
        self.root = system.memory.root
        self.descriptor_table = system.kernel["KiGlobalDescriptorTable"]
        self.unreachable = system.kernel["KiUnreachable"]
        self.export_at = system.stubs.name_at
        self._executable = bytes(system.ram.executable)
        self.code_frames = set(_flagged(self._executable, b"\1"))
        """The frames that have been executable at some time."""
        self.base = bytes(system.ram.bytes[: self._frames_that_matter() << PAGE_SHIFT])
        self.snapshot = system.cpu.snapshot()
        self.runs: list[Run] = []
        self.calls: list[LoggedCall] = []
        self.images: dict[Gva, Module] = {}
        self.clash = ""
        """What is wrong with that: one address names two images."""
        self.buffers: tuple[TracedBuffer, ...] = ()
        self.long_blocks = LongBlocks()
        self.finished = False
        self._restored: Snapshot | None = None
        self._stops: tuple[tuple[Gva, Gva], ...] | None = system.cpu.stops
        self._begin: tuple[bytes, int] | None = None
        self._pages: list[Page] = []
        self._long_block_log = LongBlockLog(system.cpu)
        self._forget_fresh()
        system.ram.logged = True
        system.cpu.log = self

    def _forget_fresh(self) -> None:
        self._host_written[:] = self._host_written.replace(FRESH, LOGGED)

    def _frames_that_matter(self) -> int:
        """Return up to which frame there may be something: all, for a guest with page tables of its own."""
        system = self._system
        return system.ram.frames if system.cpu.paging_changed else system.memory.frames_ever_used

    def _note_pages(self) -> None:
        """Note what the host has changed. Whatever interrupts this on the host, nothing is left out."""
        written, ram = self._host_written, self._system.ram
        frame = -1
        for frame in _flagged(written, FRESH):
            start = frame << PAGE_SHIFT
            self._pages.append(Page(frame, bytes(ram.bytes[start : start + PAGE_SIZE])))
            written[frame] = LOGGED[0]
        if frame >= 0 and self._executable != ram.executable:
            self._executable = bytes(ram.executable)
            self.code_frames.update(_flagged(self._executable, b"\1"))

    def run_begins(self) -> None:
        """Log what the run is given."""
        self._note_pages()
        self._begin = bytes(self._system.cpu.block), len(self._system.events)

    def run_ended(self) -> None:
        """Log how it ended."""
        assert self._begin is not None
        begin, events = self._begin
        end = bytes(self._system.cpu.block)
        pages, self._pages = tuple(self._pages), []
        self.runs.append(Run(begin, end, pages, self._restored, self._stops, len(self.calls), events))
        self._restored = self._stops = None

    def restored(self, snapshot: Snapshot) -> None:
        """Log that the processor goes back to a snapshot."""
        self._restored = snapshot

    def stops_set(self, ranges: tuple[tuple[Gva, Gva], ...]) -> None:
        """Log that exact stops were set."""
        self._stops = ranges

    def call_ended(self, address: Gva, arguments: tuple[int, ...], outcome: Outcome | None) -> None:
        """Log the call whose runs have just ended; no outcome: an exception of the host's ended it.

        One that ended before its first run has left nothing to log.
        """
        if len(self.runs) == (self.calls[-1].end_run if self.calls else 0):
            return
        self._note_surroundings()
        explanation = Explanation(self._system)
        name = explanation.locate(address)
        events = tuple(self._system.events)
        self.calls.append(LoggedCall(name, arguments, outcome, events, explanation, len(self.runs)))

    def _note_surroundings(self) -> None:
        for module in self._system.modules.modules:
            known = self.images.setdefault(module.base, module)
            if known.image is not module.image:
                self.clash = f"{known.name} and {module.name} were both loaded at {module.base:#x}"
        self.buffers = tuple(
            dict.fromkeys((*self.buffers, *_buffers(self._system.user), *_buffers(self._system.kernel_data)))
        )

    def finish(self) -> None:
        """Stop logging."""
        if self.finished:
            return
        self._complete()
        self.long_blocks = self._long_block_log.finish()
        self._system.cpu.log = None
        self._system.ram.logged = False

    def so_far(self) -> RunLog:
        """Return a finished log of the calls that have ended; this one goes on."""
        log = copy.copy(self)
        if not self.finished:
            self._note_pages()
            log.runs, log.calls = self.runs.copy(), self.calls.copy()
            log.images, log.code_frames = self.images.copy(), self.code_frames.copy()
            log._complete()
            log.long_blocks = self._long_block_log.so_far()
        return log

    def _complete(self) -> None:
        """Add what the log ends with."""
        self.finished = True
        self._note_surroundings()
        self._note_pages()
        self.last_pages = tuple(self._pages)
        self.last_block = bytes(self._system.cpu.block)

    @property
    def modules(self) -> tuple[TracedModule, ...]:
        """The images that were loaded."""
        return tuple(
            TracedModule(module.name, module.base, module.size, Gva(module.base + (module.image.entry_point or 0)))
            for module in self.images.values()
        )


def _flagged(frames: bytes | bytearray, flag: bytes) -> Iterator[int]:
    """Find the frames with a flag."""
    frame = frames.find(flag)
    while frame >= 0:
        yield frame
        frame = frames.find(flag, frame + 1)


def _buffers(half: Half) -> list[TracedBuffer]:
    is_user = half.name == "user"
    return [
        TracedBuffer(buffer.name or f"{half.name}+{number}", buffer.origin, buffer.size, is_user)
        for number, buffer in enumerate(half.buffers)
    ]
