# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of emu/trace/activations.py, one instruction at a time, for what the native core makes of them."""

from __future__ import annotations

from collections.abc import Iterator

from emu.kernel.stubs import STUB_LENGTH
from emu.trace import Trace
from emu.trace.activations import BEGAN_BY, CALL, FILTER, HOST, Began, Ended, Happened, Step
from emu.trace.control_flow import Flow, flow_of
from emu.trace.layout import EventKind, InstructionFlag

STARTING = {EventKind.FrameSearched: FILTER, EventKind.FinallyRun: "__finally"}
MOVING = (*STARTING, EventKind.Landed, EventKind.ExecutionContinued)


class Model:
    """Has the return address of each open activation, None where the host began it."""

    def __init__(self, trace: Trace, deepest: int) -> None:
        self.trace = trace
        self.deepest = deepest
        self.open: list[int | None] = []
        self.moving: tuple[int, EventKind] | None = None

    def steps(self) -> Iterator[Step]:
        trace = self.trace
        events = list(enumerate(trace.events.tolist()))
        ended = 0
        for at in range(len(trace.instructions) + 1):
            is_end = at == len(trace.instructions)
            while True:
                call_ends = ended < len(trace.calls) and trace.calls[ended].end == at and not is_end
                if events and events[0][1][0] == at and (not call_ends or events[0][1][4] <= ended):
                    yield from self.event(*events.pop(0))
                elif call_ends:
                    yield from self.end(at, len(self.open))
                    ended += 1
                else:
                    break
            if not is_end:
                yield from self.instruction(at)
        yield from self.end(len(trace.instructions), len(self.open))

    def end(self, at: int, count: int) -> Iterator[Step]:
        del self.open[len(self.open) - count :]
        yield from [Ended(at)] * count

    def begin(self, at: int, by: str, return_address: int | None) -> Iterator[Step]:
        assert by in BEGAN_BY
        if len(self.open) == self.deepest:
            yield from self.end(at, self.deepest)
        self.open.append(return_address)
        yield Began(at, int(self.trace.instructions["code"][at]), by)

    def above(self, *addresses: int | None) -> int:
        """Return how many are to end for one to return to the first of some addresses that one does."""
        for address in addresses:
            if address in self.open:
                return self.open[::-1].index(address) + 1
        return 0

    def event(self, number: int, row: tuple[int, ...]) -> Iterator[Step]:
        at, rip, address, _, _, kind = row
        if kind == EventKind.FrameUnwound:
            yield from self.end(at, self.above(rip))
        if kind in MOVING:
            self.moving = at, EventKind(kind)
        yield Happened(at, number, EventKind(kind), rip, address)

    def instruction(self, at: int) -> Iterator[Step]:
        table, code = self.trace.instructions, self.trace.code
        rip, number = int(table["rip"][at]), int(table["code"][at])
        moved_by = self.moving[1] if self.moving is not None and self.moving[0] == at else None
        if not at:
            yield from (
                self.begin(at, HOST if moved_by is None else STARTING[moved_by], None)
                if (moved_by is None or moved_by in STARTING)
                else ()
            )
            return
        before = int(table["rip"][at - 1])
        behind = before + int(table["size"][at - 1])
        trapped = bool(table["flags"][at - 1] & InstructionFlag.TRAPPED)
        flow = Flow.NEXT if trapped else flow_of(code[int(table["code"][at - 1])])
        if rip in (before, behind) or (flow is Flow.JUMP and moved_by is None):
            return
        if moved_by is not None:
            if moved_by in STARTING:
                yield from self.begin(at, STARTING[moved_by], None)
        elif flow is Flow.CALL:
            yield from self.begin(at, CALL, behind)
        elif flow is Flow.RETURN:
            yield from self.end(at, self.above(rip, *([None] if flow_of(code[number]) is Flow.STOP else [])))
        elif not (
            before < rip <= before + STUB_LENGTH and code[int(table["code"][at - 1])].symbol == code[number].symbol
        ):
            yield from self.begin(at, HOST, None)
