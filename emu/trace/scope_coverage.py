# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run reached of the `__try` blocks of an image: their bodies, filters, `__except` and `__finally` blocks.

The blocks are those of the scope tables of `__C_specific_handler`. Compilers write a block as several records, one for
each piece of its body, and again for each block inside of it: records of one function with the same handler and jump
target are one block here.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from emu.image import Module, PeImage
from emu.image.symbols import symbol_table
from emu.image.thunks import THUNK_SIZE, thunk_slot
from emu.seh.c_specific_handler import EXECUTE_HANDLER, Scope, decode_scope_table
from emu.seh.unwind_info import UnwindError, resolve_chain
from emu.trace.code import Code
from emu.trace.control_flow import Flow, flow_of
from emu.trace.edges import Edges, ScopeEvent
from emu.trace.layout import EventKind

HANDLERS_WITH_SCOPES = ("__C_specific_handler", "__GSHandlerCheck_SEH")
"""Language handlers whose data begins with a scope table."""


class TryPart(IntEnum):
    """The parts of a `__try` block that a run should reach."""

    BODY = 0
    ACCEPTED = 1
    REFUSED = 2
    EXCEPT = 3
    NORMAL = 4
    ABNORMAL = 5


class TryBlock(NamedTuple):
    """A `__try` block of an image; everything in it is by RVA."""

    function: int
    """Begin of the primary function that it is in."""
    body: tuple[tuple[int, int], ...]
    """The ranges of its body, in order."""
    handler: int
    """The filter, 1 for the constant one that accepts; or the `__finally`."""
    target: int
    """The `__except` block, 0 for a `__finally`."""

    @property
    def is_finally(self) -> bool:
        """Whether it is a `__try` with a `__finally`."""
        return not self.target

    @property
    def has_filter(self) -> bool:
        """Whether it is a `__try` with an `__except` whose filter is code."""
        return bool(self.target) and self.handler != EXECUTE_HANDLER

    @property
    def parts(self) -> tuple[TryPart, ...]:
        """The parts that it has: a constant filter cannot refuse."""
        if self.is_finally:
            return TryPart.BODY, TryPart.NORMAL, TryPart.ABNORMAL
        refusing = (TryPart.REFUSED,) if self.has_filter else ()
        return TryPart.BODY, TryPart.ACCEPTED, *refusing, TryPart.EXCEPT

    def covers(self, rva: int) -> bool:
        """Tell whether an RVA lies in its body."""
        return self.piece(rva) is not None

    def spans(self, rva: int) -> bool:
        """Tell whether an RVA lies in its body or in a gap of it."""
        return self.body[0][0] <= rva < self.body[-1][1]

    def piece(self, rva: int) -> int | None:
        """Return the number of the range of its body that an RVA lies in."""
        return next((number for number, (begin, end) in enumerate(self.body) if begin <= rva < end), None)


class TryCounts(NamedTuple):
    """How often each part of a `__try` block was reached."""

    entered: int = 0
    """Its body, from outside of it; a return from a callee is no entry."""
    accepted: int = 0
    """The filter answered that its `__except` takes the exception; a constant one always does."""
    refused: int = 0
    """The filter answered that the search goes on."""
    continued: int = 0
    """The filter answered that execution goes on where the exception was."""
    excepted: int = 0
    """Its `__except` block, at the end of an unwind."""
    normal: int = 0
    """Its `__finally`, run by the function itself: its body came to an end, or was left by a jump."""
    abnormal: int = 0
    """Its `__finally`, run by an unwind."""

    def of(self, part: TryPart) -> int:
        """Return the count of one part."""
        reached = (self.entered, self.accepted, self.refused, self.excepted, self.normal, self.abnormal)
        return reached[part]

    def __add__(self, other: object) -> TryCounts:
        """Return the sums, part by part."""
        if not isinstance(other, TryCounts):
            return NotImplemented
        return TryCounts(*map(sum, zip(self, other, strict=True)))


class _ScopeTables(NamedTuple):
    blocks: tuple[TryBlock, ...]
    primary: Callable[[int], int | None]


def try_blocks(image: PeImage) -> tuple[TryBlock, ...]:
    """Return the `__try` blocks of an image by function, the innermost first. A table that cannot be read has none."""
    return image.derive(_read_scope_tables).blocks


def primary_function(image: PeImage, rva: int) -> int | None:
    """Return the begin of the function that code belongs to, also where it is a part chained to it; None for a leaf."""
    return image.derive(_read_scope_tables).primary(rva)


def _read_scope_tables(image: PeImage) -> _ScopeTables:
    mapped = image.mapped()

    def read(rva: int, size: int) -> bytes:
        return mapped[rva : rva + size]

    imports = {entry.iat_rva: entry.name for entry in image.imports}

    def name_of(rva: int) -> str:
        slot = thunk_slot(read(rva, THUNK_SIZE), rva)
        if slot in imports:
            return imports[slot]
        found = symbol_table(image).nearest(rva)
        return "" if found is None or found[1] else found[0]

    primaries: dict[int, int] = {}
    blocks: list[TryBlock] = []
    for entry in image.functions:
        try:
            chain = resolve_chain(read, entry)
        except UnwindError:
            continue
        primaries[entry.begin] = chain.primary.begin
        info = chain.info
        if info.handler_rva is None or info.handler_data_rva is None:
            continue
        if name_of(info.handler_rva) in HANDLERS_WITH_SCOPES:
            with contextlib.suppress(UnwindError):
                blocks += _put_together(entry.begin, decode_scope_table(read, info.handler_data_rva))

    def primary(rva: int) -> int | None:
        entry = image.functions.lookup(rva)
        return None if entry is None else primaries.get(entry.begin, entry.begin)

    return _ScopeTables(tuple(blocks), primary)


def _put_together(function: int, scopes: Iterable[Scope]) -> list[TryBlock]:
    bodies: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for scope in scopes:
        bodies.setdefault((scope.handler, scope.target), set()).add((scope.begin, scope.end))
    return [TryBlock(function, tuple(sorted(body)), *what) for what, body in bodies.items()]


def count_try_blocks(
    module: Module, code: Sequence[Code], places: Mapping[int, int], edges: Edges
) -> dict[TryBlock, TryCounts]:
    """Return what a trace reached of the blocks of a module. `places` has the RVA of each entry of `code` in it."""
    blocks = try_blocks(module.image)
    if not blocks:
        return {}
    counts = _count_flow(module.image, blocks, code, places, edges)
    for event, times in edges.answers.items():
        block = _block_of(module, blocks, event)
        if block is not None:
            counts[block] += _answer_counts(event, times)
    return counts


def _count_flow(
    image: PeImage, blocks: Sequence[TryBlock], code: Sequence[Code], places: Mapping[int, int], edges: Edges
) -> dict[TryBlock, TryCounts]:
    """Count what no event tells: entries into bodies, and `__finally` blocks that no unwind runs.

    A compiler may have a copy of the `__finally` behind the body in place of a call. So what counts is that control
    left the body otherwise than by a call, a return or a trap, and stayed in the function. A body may have gaps of
    code that cannot raise; leaving it for one of these and coming back is no leaving, nor is it to land in one. Where
    the ranges hold calls alone, as of mingw targets, a body that is left elsewhere than behind a call is missed.
    """
    functions = {number: primary_function(image, rva) for number, rva in places.items()}
    of_function = {
        number: [each for each in blocks if each.function == function] for number, function in functions.items()
    }
    inside = {
        number: frozenset(each for each in of_function[number] if each.covers(rva)) for number, rva in places.items()
    }
    excepts = {block.target: block for block in blocks if block.target}
    handlers = {block.handler: block for block in blocks if block.is_finally}
    entries: dict[TryBlock, Counter[int | None]] = {block: Counter() for block in blocks}
    left: Counter[TryBlock] = Counter()
    called: Counter[TryBlock] = Counter()
    for edge, times in edges.taken.items():
        if edge.code not in places:
            continue
        is_in, rva = inside[edge.code], places[edge.code]
        if edge.interrupted:
            landed = excepts.get(rva)
            for block in of_function[edge.code] if landed else ():
                if block not in is_in:
                    left[block] += times if block.spans(rva) else 0
                elif landed and not block.spans(landed.body[0][0]):
                    entries[block][block.piece(rva)] += times
            continue
        flow = Flow.STOP if edge.before is None else flow_of(code[edge.before])
        was_in = inside.get(-1 if edge.before is None else edge.before, frozenset())
        if flow is not Flow.RETURN:
            # Behind a hlt the host begins another call, which may be from the same __try block of the kernel.
            for block in is_in if flow is Flow.STOP else is_in - was_in:
                entries[block][block.piece(rva)] += times
        if flow in (Flow.NEXT, Flow.JUMP) and not edge.trapped:
            for block in was_in - is_in:
                left[block] += times if block.function == functions[edge.code] else 0
        if rva in handlers:
            called[handlers[rva]] += times
    executed = frozenset[TryBlock]().union(*inside.values())
    counts = {}
    for block in blocks:
        entered = max(entries[block].values(), default=0)
        came_back = entries[block].total() - entered
        normal = max(left[block] - came_back, called[block]) if block.is_finally else 0
        counts[block] = TryCounts(entered=max(entered, block in executed), normal=normal)
    return counts


def _block_of(module: Module, blocks: Iterable[TryBlock], event: ScopeEvent) -> TryBlock | None:
    """Return the block that an event is about, of several the one around the pc."""
    rva, pc = event.rip - module.base, event.pc - module.base
    if event.kind == EventKind.Landed:
        found = [block for block in blocks if block.target == rva and block.target]
    elif event.kind == EventKind.FinallyRun:
        found = [block for block in blocks if block.is_finally and block.handler == rva]
    elif event.rip:
        found = [block for block in blocks if block.has_filter and block.handler == rva]
    else:
        found = [block for block in blocks if block.handler == EXECUTE_HANDLER and block.target and block.covers(pc)]
    around = [block for block in found if block.covers(pc)]
    return next(iter(around or found), None)


def _answer_counts(event: ScopeEvent, times: int) -> TryCounts:
    if event.kind == EventKind.Landed:
        return TryCounts(excepted=times)
    if event.kind == EventKind.FinallyRun:
        return TryCounts(abnormal=times)
    if event.answer == 0:
        return TryCounts(refused=times)
    return TryCounts(accepted=times) if event.answer > 0 else TryCounts(continued=times)
