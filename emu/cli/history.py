# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened, as the sections of the display: faults as the CPU reported them, page-ins, searches and unwinds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emu.address import PAGE_SIZE, Gva
from emu.cli.call_result import CallResult
from emu.cli.source_quote import quote
from emu.cli.words import describe_address, fault_reason, plural, shortened, trap_name
from emu.cpu.trap import Vector, describe_error_code
from emu.events import (
    BugcheckRaised,
    DispatchFailed,
    Event,
    ExceptionRaised,
    ExecutionContinued,
    ExportCalled,
    FaultStruck,
    FilterAnswered,
    FinallyRun,
    FramesConsolidated,
    FrameSearched,
    FrameUnwound,
    Landed,
    PagedIn,
    StackGrown,
    TrapTaken,
)
from emu.nt.exception_record import describe_filter_answer
from emu.outcome import make_record

PAGE_INS_SHOWN: Final = 4
STEPS_SHOWN: Final = 60


class History:
    """Reads the events once, in order."""

    def __init__(self, result: CallResult) -> None:
        self._result = result
        self._events = result.events
        self._at = 0

    def sections(self) -> Iterator[tuple[str, str, RenderableType]]:
        """Return (title, rest of the heading, content) of every section."""
        while (event := self._peek()) is not None:
            if isinstance(event, TrapTaken):
                if isinstance(self._peek(1), PagedIn | StackGrown):
                    yield "Page-ins", "the page came back, and the instruction was retried", self._page_ins()
                else:
                    self._at += 1
                    yield "Fault", trap_name(event.vector), self._trap(event)
            elif isinstance(event, ExceptionRaised):
                self._at += 1
                yield "Search and unwind", _exception_heading(event), self._steps()
            elif isinstance(event, BugcheckRaised):
                self._at += 1
            elif isinstance(event, FaultStruck):
                yield "Injected", "", self._struck()
            else:
                yield "Calls", "", self._steps()

    def _struck(self) -> RenderableType:
        table = _grid(2)
        while isinstance(event := self._peek(), FaultStruck):
            self._at += 1
            where = self._result.explanation.locate(event.rip)
            table.add_row(Text(event.fault, "bold"), Text.assemble("struck before ", (where, "cyan")))
        return table

    def _peek(self, ahead: int = 0) -> Event | None:
        at = self._at + ahead
        return self._events[at] if at < len(self._events) else None

    def _page_ins(self) -> RenderableType:
        found: list[TrapTaken] = []
        while isinstance(trap := self._peek(), TrapTaken) and isinstance(self._peek(1), PagedIn | StackGrown):
            found.append(trap)
            self._at += 2
        table = _grid(4)
        shown = found if len(found) <= PAGE_INS_SHOWN else [*found[: PAGE_INS_SHOWN - 1], found[-1]]
        for number, trap in enumerate(shown):
            if len(shown) < len(found) and number == PAGE_INS_SHOWN - 1:
                table.add_row("", Text(f"⋮ {plural(len(found) - len(shown), 'page')} more", "dim"))
            page = trap.address - trap.address % PAGE_SIZE
            table.add_row(
                Text("paged in" if trap.page == "paged-out" else "stack grown", "yellow"),
                f"0x{page:016x}",
                describe_address(self._result, trap.address),
                _code(self._result.explanation.locate(trap.rip)),
            )
        return table

    def _trap(self, trap: TrapTaken) -> RenderableType:
        table = _grid(2)
        if trap.vector == Vector.PAGE_FAULT:
            where = Text(f"0x{trap.address:016x}  ")
            described = describe_address(self._result, trap.address)
            if described := described or self._result.explanation.explain_data(trap.address):
                where.append(f"{described}, ", "bold red")
            where.append(fault_reason(self._result, trap))
            code = f"{trap.error_code:#x}  {describe_error_code(trap.error_code)}"
            table.add_row(Text("error code", "dim"), code)
            table.add_row(Text("CR2", "dim"), where)
        self._add_code(table, trap.rip)
        return table

    def _add_code(self, table: Table, rip: Gva) -> None:
        explanation = self._result.explanation
        table.add_row(Text("RIP", "dim"), Text.assemble(f"0x{rip:016x}  ", (explanation.locate(rip), "cyan")))
        if instruction := explanation.instruction(rip):
            table.add_row(Text("instruction", "dim"), Text(instruction, "bold"))
        quoted = quote(self._result, rip)
        if quoted is None:
            return
        table.add_row(Text("line", "dim"), Text(f"{quoted.line.file}:{quoted.line.line}", "cyan"))
        for number, text in quoted.lines:
            here = number == quoted.line.line
            line = Text(
                f"{'>' if here else ' '} {number:>4}  {text}", "" if here else "dim", no_wrap=True, overflow="crop"
            )
            table.add_row("", line)

    def _steps(self) -> RenderableType:
        table = _grid(3)
        if isinstance(self._peek(), FrameSearched):
            table.add_row(*(Text(heading, "dim") for heading in ("phase", "at", "establisher frame   handler")))
        found: list[Event] = []
        while (event := self._peek()) is not None:
            if isinstance(event, TrapTaken | ExceptionRaised | BugcheckRaised | FaultStruck):
                break
            self._at += 1
            found.append(event)
        repeated = [(event, len(list(equal))) for event, equal in groupby(found)]
        first, left_out, last = shortened(repeated, STEPS_SHOWN)
        for event, count in first:
            table.add_row(*self._steps_alike(event, count))
        if left_out:
            shown = sum(count for _, count in (*first, *last))
            table.add_row("", Text(f"⋮ {plural(len(found) - shown, 'event')} more", "dim"))
        for event, count in last:
            table.add_row(*self._steps_alike(event, count))
        return table

    def _steps_alike(self, event: Event, count: int) -> tuple[Text, Text, Text]:
        verb, where, rest = self._step(event)
        return verb, where, rest if count == 1 else rest.append(f" ×{count}")

    def _step(self, event: Event) -> tuple[Text, Text, Text]:
        locate = self._result.explanation.locate
        match event:
            case FrameSearched(pc, establisher, handler):
                return _verb("search"), _code(locate(pc)), self._frame(establisher, handler, pc)
            case FrameUnwound(pc, establisher, handler):
                return _verb("unwind"), _code(locate(pc)), self._frame(establisher, handler, None)
            case FilterAnswered(_, None, answer):
                return _verb("filter"), Text("constant"), Text(describe_filter_answer(answer), "bold")
            case FilterAnswered(_, address, answer):
                return _verb("filter"), _code(locate(Gva(address or 0))), Text(describe_filter_answer(answer), "bold")
            case FinallyRun(_, address):
                return _verb("finally"), _code(locate(address)), Text("runs with AbnormalTermination")
            case FramesConsolidated(callback, _):
                return _verb("callback"), _code(locate(callback)), Text("is asked where to go on")
            case Landed(address, _):
                function = locate(address).partition("+")[0].partition("!")[2]
                whose = "the __except of " if self._result.explanation.is_except_block(address) else ""
                return (
                    _verb("landed", "bold green"),
                    _code(locate(address)),
                    Text(f"in {whose}{function}", "bold green"),
                )
            case ExecutionContinued(rip):
                return _verb("continue", "bold green"), _code(locate(rip)), Text("from the context, as changed")
            case DispatchFailed(pc, reason):
                return _verb("stopped", "bold red"), _code(locate(pc)), Text(reason)
            case ExportCalled(name, return_address):
                return _verb("call"), _code(f"ntoskrnl!{name}"), Text(f"from {locate(return_address)}")
            case _:
                verb, _, rest = self._result.explanation.explain_event(event).partition(" ")
                return _verb(verb), Text(""), Text(rest.strip())

    def _frame(self, establisher: Gva, handler: Gva | None, searched: Gva | None) -> Text:
        frame = Text(f"0x{establisher:016x}  ", "dim")
        if handler is None:
            return frame.append("no handler")
        explanation = self._result.explanation
        frame.append(explanation.handler_name(handler), "not dim")
        scopes = "" if searched is None else explanation.describe_scopes(searched)
        return frame.append(f", {scopes}", "not dim") if scopes else frame


def _exception_heading(event: ExceptionRaised) -> str:
    record = str(make_record(event.code, 0, event.address, event.information)).partition(", at ")[0]
    return f"{record}{', raised by software' if event.software else ''}"


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns):
        table.add_column(overflow="fold")
    return table


def _verb(word: str, style: str = "dim") -> Text:
    return Text(word, style)


def _code(where: str) -> Text:
    return Text(where, "cyan")
