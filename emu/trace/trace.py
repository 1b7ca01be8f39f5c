# SPDX-License-Identifier: GPL-2.0-or-later
"""A trace: everything that ran, and the questions that a person asks of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from emu.events import Event
from emu.image import Module
from emu.trace.code import Code, TracedBuffer, TracedCall, TracedModule
from emu.trace.source import CHUNK, Chunk, MachineState, Table, TraceSource, Words, slices
from emu.trace.tables import Tables, gather

if TYPE_CHECKING:
    from pathlib import Path

    from emu.trace.copy_map import CopyMap
    from emu.trace.coverage import Coverage
    from emu.trace.diff import TraceDiff
    from emu.trace.layout import EventKind
    from emu.trace.profile import TraceProfile
    from emu.trace.query import Indices

REGISTER_COLUMNS = (
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags",
)  # fmt: skip
"""The columns of `Trace.registers`."""


WHOLE_CHUNK = 1 << 20
"""Instructions of a chunk where the trace is put together: most traces are one. One that is as short is kept."""


class Trace:
    """Every instruction, memory access and event of a run, on one time line.

    Time is the index of an instruction. The tables are NumPy structured arrays; `emu.trace.layout` says what their
    fields are.
    """

    def __init__(self, source: TraceSource) -> None:
        self._source = source
        self._tables: Tables | None = None

    def _whole(self) -> Tables:
        if self._tables is None:
            self._tables = gather(self.chunks(WHOLE_CHUNK))
        return self._tables

    def __len__(self) -> int:
        return len(self.instructions)

    @property
    def source(self) -> TraceSource:
        """Where it comes from."""
        return self._source

    @property
    def instructions(self) -> Table:
        """The instructions, in the order in which they ran; `INSTRUCTION`."""
        return self._whole().instructions

    @property
    def accesses(self) -> Table:
        """The memory accesses, in the order in which they were made; `ACCESS`."""
        return self._whole().accesses

    @property
    def events(self) -> Table:
        """Traps, page-ins, exceptions, filters, unwinds, host calls, in order; `EVENT`."""
        return self._whole().events

    @property
    def code(self) -> Sequence[Code]:
        """The code that ran; `code` of an instruction is an index into it."""
        return self._source.code

    @property
    def calls(self) -> Sequence[TracedCall]:
        """The calls that the host made."""
        return self._source.calls

    @property
    def modules(self) -> Sequence[TracedModule]:
        """The images that were loaded."""
        return self._source.modules

    @property
    def images(self) -> Sequence[Module]:
        """The same images with their symbols and source lines; none for a trace that was read from a file."""
        return self._source.images

    @property
    def buffers(self) -> Sequence[TracedBuffer]:
        """The buffers that were allocated."""
        return self._source.buffers

    def chunks(self, size: int = CHUNK) -> Iterator[Chunk]:
        """Give the trace in pieces of `size` instructions, for what need not have it in memory as a whole.

        Raises ValueError for a size that holds none.
        """
        if size < 1:
            raise ValueError(f"chunks of {size} instructions hold none; give 1 or more")
        if self._tables is not None:
            return slices(*self._tables, size)
        return self._keep_if_short(self._source.chunks(size))

    def _keep_if_short(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        kept: list[Chunk] = []
        count = 0
        for chunk in chunks:
            count += len(chunk.instructions)
            if count <= WHOLE_CHUNK:
                kept.append(chunk)
            else:
                kept.clear()
            yield chunk
        if count <= WHOLE_CHUNK and self._tables is None:
            self._tables = gather(kept)

    def event(self, index: int) -> Event:
        """Return an event of `events` whole."""
        return self._source.event(index)

    def explain(self, index: int) -> str:
        """Return an event of `events` in words, in one line."""
        return self._source.explain(index)

    def registers(self, begin: int = 0, end: int | None = None) -> Words:
        """Return the general registers before each instruction of a range: shape (end - begin, 18), `REGISTER_COLUMNS`.

        Raises `TraceError` for a trace that was read from a file.
        """
        return self._source.registers(begin, len(self) if end is None else end)

    def state_at(self, index: int) -> MachineState:
        """Return the machine as it was before an instruction, all registers and any memory.

        The index behind the last instruction is the end of the trace. Raises IndexError, and `TraceError` for a trace
        that was read from a file.
        """
        return self._source.state_at(index)

    def where(self, *, rip: object = None, address: object = None, kind: EventKind | str | None = None) -> Indices:
        """Return the indices of the instructions that ran at a place, touched a byte, stand next to an event.

        See `emu.trace.query.where` for what each of the three may be. Raises `TraceError`.
        """
        from emu.trace.query import where  # noqa: PLC0415 (each question is a module of its own, loaded when asked)

        return where(self, rip=rip, address=address, kind=kind)

    def copy_map(self, source: object, target: object) -> CopyMap:
        """Return for each byte of a source and a target who read or wrote it, how often, how wide, in which order.

        Both are buffers, or (address, size). Raises `TraceError` for what is no range of memory.
        """
        from emu.trace.copy_map import copy_map  # noqa: PLC0415

        return copy_map(self, source, target)

    def profile(self) -> TraceProfile:
        """Return instructions and bytes by symbol, by source line and by mnemonic."""
        from emu.trace.profile import profile  # noqa: PLC0415

        return profile(self)

    def coverage(self) -> Coverage:
        """Return what the trace reached of its images: lines, functions, `__try` blocks. `a | b` sums runs."""
        from emu.trace.coverage import coverage  # noqa: PLC0415

        return coverage(self, self.images)

    def text(self, *, begin: int = 0, end: int | None = None, fold: bool = True, color: bool = False) -> str:
        """Return the trace as a listing, see `emu.trace.listing`; `fold` puts repetitions into one line."""
        from emu.trace.listing import listing  # noqa: PLC0415

        return "\n".join(listing(self, begin=begin, end=end, fold=fold, color=color))

    def save(self, path: Path | str) -> None:
        """Write the trace to a file of its own, which `emu.trace.load` reads; registers and states stay behind.

        Raises OSError; what was at `path` before is then still there.
        """
        from emu.trace.file import save  # noqa: PLC0415

        save(self, path)

    def diff(self, other: Trace, *, relative: bool = True, window: int = 4096, context: int = 3) -> TraceDiff | None:
        """Return how this trace differs from another one, None where they are the same, see `emu.trace.diff`."""
        from emu.trace.diff import diff  # noqa: PLC0415

        return diff(self, other, relative=relative, window=window, context=context)
