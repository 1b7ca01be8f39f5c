# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines of tests: booted once a profile, and logging each call, so that a failure can show what ran.

The log costs 60 µs a test and 20 µs a call; the trace is made of it where a test fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, TypeAlias

from emu.address import PAGE_SIZE, Gva
from emu.cpu.recorder import Filter
from emu.faults import Fault, parse_fault
from emu.image import Module
from emu.machine import DEFAULT_BUDGET, Machine
from emu.memory.buffer import Buffer
from emu.memory.errors import NotMapped
from emu.memory.page_table import STATE_MASK, STATE_SHIFT, PageState
from emu.outcome import Outcome
from emu.profile import Profile
from emu.testing.current import MACHINES, current_item
from emu.testing.options import are_checks_wanted
from emu.trace.recorded import RecordedSource
from emu.trace.replay import Replay
from emu.trace.run_log import RunLog
from emu.trace.trace import Trace

if TYPE_CHECKING:
    from emu.checks.checker import Checker
    from emu.checks.finding import Finding

CALLS_LOGGED: Final = 64
"""Calls that go into one log: to begin one costs as much as to log a call."""

RUNS_LOGGED: Final = 10_000
"""Of the processor's runs; a log that would have more is given up. They take 4 to 8 KiB each."""

PAGES_NOTED: Final = 16
"""Of an argument."""

_IN_PAGE_ERROR: Final = PageState.IN_PAGE_ERROR << STATE_SHIFT


class NotedPage(NamedTuple):
    """A page of an argument, before the call."""

    address: Gva
    entry: int
    status: int
    """The NTSTATUS that paging it in fails with; 0 for none."""


class InjectedFault(NamedTuple):
    """A fault, and what the names in it were."""

    fault: Fault
    buffers: dict[str, Buffer | int]


class CallMade(NamedTuple):
    """The last call of a machine."""

    function: str | int
    arguments: tuple[int | Buffer, ...]
    guarded: bool
    irql: int
    budget: int
    pages: tuple[tuple[NotedPage, ...] | None, ...]
    """Those of each argument that is a buffer; None: too many, or no longer there."""
    faults: tuple[InjectedFault, ...]
    """Injected since the call before."""
    outcome: Outcome | None
    """None: an exception of the host's ended it."""


class BoundedLog(RunLog):
    """A log that is given up where it would become too long, or where another one begins."""

    gives_way = True
    given_up = False

    def run_begins(self) -> None:
        """Log what the run is given."""
        if len(self.runs) < RUNS_LOGGED:
            super().run_begins()
            return
        self.given_up = True
        self.finish()
        self.runs.clear()

    def run_ended(self) -> None:
        """Log how it ended."""
        if not self.given_up:
            super().run_ended()

    def call_ended(self, address: Gva, arguments: tuple[int, ...], outcome: Outcome | None) -> None:
        """Log the call."""
        if not self.finished:
            super().call_ended(address, arguments, outcome)


LogSink: TypeAlias = Callable[["LoggedMachine", RunLog], None]


class LoggedMachine(Machine):
    """A machine that knows its last call, and has a log from which a trace of it can be made."""

    keeps_log: ClassVar[bool] = True
    sink: LogSink | None = None
    """Who is given each log that has ended."""
    default_irql = 0
    last_call: CallMade | None = None
    _in_test = False
    _kept: RunLog | None = None
    _injected: list[InjectedFault]
    images: list[tuple[Module, Path]]
    """What the test has loaded, and from where."""
    _is_held = False
    """Whether all calls of the test are to be in one log."""
    _was_reset = False
    _found: dict[tuple[str, str, int], Finding]
    """What was found in the test before resets."""

    def begin_test(self) -> None:
        """Begin to log calls."""
        self._in_test = self.keeps_log
        self._injected = []
        self.images = []
        self._found = {}

    def end_test(self) -> None:
        """Log no more, and forget what was."""
        self._end_log()
        self._checker = None
        self._found = {}
        self._in_test = self._is_held = self._was_reset = False
        self._kept = self.last_call = None
        self.default_irql = 0

    def call(
        self,
        function: str | int,
        *arguments: int | Buffer,
        guarded: bool = True,
        irql: int | None = None,
        budget: int = DEFAULT_BUDGET,
    ) -> Outcome:
        """Call guest code, see `Machine.call`; the IRQL is by default that of the test's marker."""
        if irql is None:
            irql = self.default_irql
        if not self._in_test:
            return super().call(function, *arguments, guarded=guarded, irql=irql, budget=budget)
        outcome = None
        pages = tuple(self._note_pages(argument) if isinstance(argument, Buffer) else () for argument in arguments)
        faults, self._injected = tuple(self._injected), []
        runs = self._runs
        try:
            outcome = super().call(function, *arguments, guarded=guarded, irql=irql, budget=budget)
        finally:
            if outcome is not None or self._runs != runs:
                self.last_call = CallMade(function, arguments, guarded, irql, budget, pages, faults, outcome)
        return outcome

    @property
    def _runs(self) -> tuple[RunLog | None, int]:
        return self._kept, 0 if self._kept is None else len(self._kept.runs)

    def _note_pages(self, buffer: Buffer) -> tuple[NotedPage, ...] | None:
        memory = self._system.memory
        begin = buffer.address
        pages = range(begin - begin % PAGE_SIZE, begin + max(buffer.size, 1), PAGE_SIZE)
        if len(pages) > PAGES_NOTED:
            return None
        try:
            entries = [(Gva(page), memory.entry(Gva(page))) for page in pages]
        except NotMapped:
            return None
        return tuple(
            NotedPage(page, entry, memory.in_page_status(page) if entry & STATE_MASK == _IN_PAGE_ERROR else 0)
            for page, entry in entries
        )

    def call_plainly(
        self, address: Gva, arguments: Sequence[int], *, irql: int = 0, budget: int = DEFAULT_BUDGET
    ) -> Outcome:
        """Make a call that nobody traces, see `Machine.call_plainly`."""
        self._end_log()
        return super().call_plainly(address, arguments, irql=irql, budget=budget)

    def _call_address(
        self,
        address: Gva,
        arguments: Sequence[int],
        *,
        guarded: bool = True,
        irql: int = 0,
        budget: int = DEFAULT_BUDGET,
    ) -> Outcome:
        if self._in_test and (self._log is None or self._log is self._kept):
            self._begin_log()
        return super()._call_address(address, arguments, guarded=guarded, irql=irql, budget=budget)

    def _begin_log(self) -> None:
        if self._kept is None or self._kept.finished:
            self._log = None
        else:
            is_full = self._checker is not None and self._checker.is_full
            if self._is_held or not (is_full or len(self._kept.calls) >= CALLS_LOGGED):
                return
            self._end_log()
        if self._system.cpu.log is not None:
            return  # somebody else takes a trace
        self._kept = self._log = RunLog(self._system) if self._is_held else BoundedLog(self._system)

    def _end_log(self) -> None:
        log = self._kept
        if log is None or log.finished:
            return
        self._log = None
        log.finish()
        self._hand_on(log)

    def _hand_on(self, log: RunLog) -> None:
        if self._checker is not None and not log.given_up:
            self._checker.look_at(log)
        if self.sink is not None and log.calls and not (isinstance(log, BoundedLog) and log.given_up):
            self.sink(self, log)

    def _begin_check_log(self, checker: Checker) -> None:
        if not self._in_test:
            super()._begin_check_log(checker)
        elif self._log is None or self._log is self._kept:
            self._begin_log()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the checks found since the test began or the last reset, see `Machine.findings`."""
        if self._checker is not None and not self._is_held:
            self._end_log()
        return super().findings

    @property
    def findings_of_test(self) -> tuple[Finding, ...]:
        """What they found in the whole test."""
        self._found |= {finding.identity: finding for finding in self.findings}
        return tuple(self._found.values())

    def trace_of(self, log: RunLog) -> Trace:
        """Return the trace that a finished log of this machine is."""
        return Trace(RecordedSource(log, Filter(), self._replays))

    @property
    def replays(self) -> list[Replay]:
        """Replays of this machine that nobody uses."""
        return self._replays

    @property
    def log(self) -> RunLog | None:
        """A finished log whose last call is `last_call`; None where it was too long to be kept."""
        log = self._kept
        if log is None or not log.calls or (isinstance(log, BoundedLog) and log.given_up):
            return None
        return log.so_far()

    def hold_log(self) -> RunLog:
        """Begin a log that has all further calls of the test in it, and return it."""
        self._check_running()
        self._end_log()
        self._is_held = True
        self._kept = self._log = log = RunLog(self._system)
        return log

    @contextmanager
    def trace(
        self,
        *only: str | Module | tuple[int, int],
        begin: str | int | None = None,
        end: str | int | None = None,
        user_only: bool = False,
        last: int | None = None,
    ) -> Iterator[Trace]:
        """Trace what runs in a `with` block, see `Machine.trace`."""
        if not self._is_held:
            self._end_log()
        log = None
        try:
            with super().trace(*only, begin=begin, end=end, user_only=user_only, last=last) as trace:
                log = self._log
                yield trace
        finally:
            if log is not None and log.calls:
                self._kept = log
                self._hand_on(log)

    def load(self, image: Path | str) -> Module:
        """Load an image, see `Machine.load`."""
        if self._was_reset and not self._is_held:
            self._end_log()  # another image may come to lie where one was
        module = super().load(image)
        if self._in_test:
            self.images.append((module, Path(image)))
        return module

    def inject(self, fault: Fault | str, **buffers: Buffer | int) -> None:
        """Arm a fault, see `Machine.inject`."""
        parsed = parse_fault(fault) if isinstance(fault, str) else fault
        super().inject(parsed, **buffers)
        if self._in_test:
            self._injected.append(InjectedFault(parsed, buffers))

    def close(self) -> None:
        """Give the machine's memory back, see `Machine.close`."""
        self._end_log()
        super().close()

    def reset(self) -> None:
        """Go back to the last checkpoint, see `Machine.reset`."""
        if self._in_test and self._checker is not None:
            self._found |= {finding.identity: finding for finding in self.findings}
        super().reset()
        self._was_reset = True
        if self._in_test:
            self._injected.clear()


class MachinePool:
    """One booted machine for each profile."""

    sink: LogSink | None = None
    """Who is given the logs of all machines."""

    def __init__(self) -> None:
        self._machines: dict[Profile, LoggedMachine] = {}

    def take(self, profile: Profile) -> LoggedMachine:
        """Return a machine as it is after boot. Boots another one where `reset` no longer leads there."""
        machine = self._machines.get(profile)
        if machine is not None:
            machine.end_test()
            if not machine.resets_to_boot:
                machine.close()
                machine = None
        if machine is None:
            machine = self._machines[profile] = LoggedMachine(profile)
            machine.sink = self.sink
        else:
            machine.reset()
        item = current_item()
        machines = [] if item is None else item.stash[MACHINES]
        if machine not in machines:
            machines.append(machine)
        machine.begin_test()
        if item is not None and are_checks_wanted(item):
            from emu.testing.check_findings import checks_of  # noqa: PLC0415 (few runs check anything)

            checks_of(item.config).begin(machine, item)
        return machine

    def close(self) -> None:
        """Give back the memory of all machines."""
        for machine in self._machines.values():
            machine.close()
