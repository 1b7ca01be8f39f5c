# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks of one machine: tells the plugins what happens, and has them look at the calls that were logged."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pluggy

from emu.accessors import FAMILY
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.source import CheckedSource, blocks_of, quadword
from emu.checks.call.traced_log import Surroundings, TracedLog, begin_source
from emu.checks.check_error import CheckError
from emu.checks.configuration import Suppressions, check_accessors
from emu.checks.finding import Finding
from emu.checks.hookspec import PROJECT, CallRequest, MachineHooks
from emu.checks.registry import Selection, load_check, select_checks
from emu.cpu import registers as r
from emu.events import PoolAllocated
from emu.kernel.pool import PoolBlock
from emu.outcome import Outcome
from emu.trace.replay import Replay
from emu.trace.run_log import RunLog
from emu.trace.trace import Trace

if TYPE_CHECKING:
    from emu.image import Module
    from emu.machine import Machine

MODULES_AT_BOOT: Final = 2
"""The kernel and the accessor library."""
CALLS_WAITING: Final = 64
"""Calls that are looked at together at most."""
BLOCKS_WAITING: Final = 1 << 19
"""Blocks in a log; a call of more is looked at alone."""
LONGEST: Final = 1 << 22
"""Blocks of the calls that are looked at together: of so many iterations of `rep`, that takes some 1.2 GiB."""
RUNS_WAITING: Final = 10_000
"""Runs of the processor in a log; a call of more is looked at alone. They take 4 to 8 KiB each."""


class CallNotChecked(UserWarning):
    """A call that no check could look at; the message says why."""


class Checker:
    """Runs the plugins of a machine."""

    def __init__(
        self,
        machine: Machine,
        selection: Selection | None,
        plugins: Iterable[object] = (),
        *,
        accessors: Mapping[str, str] | None = None,
        suppressions: Suppressions | None = None,
        replays: list[Replay],
    ) -> None:
        self._machine = machine
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(MachineHooks)
        for name in select_checks(selection):
            self._register(load_check(name)(), name)
        for plugin in plugins:
            self._register(plugin, getattr(plugin, "name", type(plugin).__name__))
        self._hook: Any = self._manager.hook
        self.accessors = dict(accessors or {})
        check_accessors(self.accessors)
        self._suppressions = Suppressions(()) if suppressions is None else suppressions
        self._replays = replays
        self._found: dict[tuple[str, str, int], Finding] = {}
        self._waiting: list[Surroundings] = []
        self._log: RunLog | None = None
        """The log that the waiting calls are in."""
        self._checked = 0
        """How many calls of that log have been looked at."""
        self._begun: Surroundings | None = None
        self.looks_at_calls = bool(self._hook.emu_check_call.get_hookimpls())
        """Whether a plugin looks at the trace of calls, so that they are to be logged."""

    def _register(self, plugin: object, name: str) -> None:
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise CheckError(f"the plugin {name!r} cannot be used: {' '.join(str(error).split())}") from error

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the plugins."""
        return tuple(name for name, _ in self._manager.list_name_plugin())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found since boot or the last reset, each thing once, in order."""
        if self._log is not None and self._waiting:
            self.look_at(self._log if self._log.finished else self._log.so_far())
        return tuple(self._found.values())

    def take(self) -> tuple[Finding, ...]:
        """Return what was found, and forget it."""
        found = self.findings
        self._found.clear()
        return found

    def _add(self, results: Sequence[Iterable[Finding] | None]) -> None:
        for found in reversed(results):  # pluggy asks the plugin first that was registered last
            for finding in found or ():
                if finding.identity not in self._found and not self._suppressions.leaves_out(finding):
                    self._found[finding.identity] = finding

    def _tell(self, hook: Any, **happened: object) -> None:
        """Call a hook, which seldom has a plugin: pluggy takes its time to find that out."""
        if hook.get_hookimpls():
            self._add(hook(**happened))

    def declare_accessor(self, routine: str, as_: str) -> None:
        """Take note of a routine that is as an accessor; an accessor itself stays what it is."""
        check_accessors({routine: as_})
        if routine not in FAMILY:
            self.accessors.setdefault(routine, as_)

    def begin(self) -> None:
        """Tell the plugins of the machine, and of what it has loaded already."""
        self._add(self._hook.emu_machine_booted(machine=self._machine))
        for module in self._machine.modules[MODULES_AT_BOOT:]:
            self.module_loaded(module)

    def module_loaded(self, module: Module) -> None:
        """Tell the plugins."""
        self._add(self._hook.emu_module_loaded(machine=self._machine, module=module))

    def checkpoint_made(self) -> None:
        """Tell the plugins."""
        self._tell(self._hook.emu_checkpoint_made, machine=self._machine)

    def machine_reset(self) -> None:
        """Forget what was found, and the calls that nobody has looked at."""
        self._found.clear()
        self.forget_log()
        self._tell(self._hook.emu_machine_reset, machine=self._machine)

    def machine_closes(self) -> None:
        """Tell the plugins."""
        self._add(self._hook.emu_machine_closes(machine=self._machine))

    def call_begins(self, request: CallRequest) -> None:
        """Tell the plugins, and note what a look at the call will need."""
        machine = self._machine
        self._begun = Surroundings(request, tuple(machine.pool.outstanding), machine.previous_mode)
        self._tell(self._hook.emu_call_begins, machine=machine, request=request)

    def call_ended(self, log: RunLog | None, outcome: Outcome | None) -> None:
        """Tell the plugins; the call is the last one of a log, or, where it had no run, in none."""
        begun = self._begun
        assert begun is not None
        self._begun = None
        if self.looks_at_calls:
            self._note(log, begun._replace(allocated=self._allocated()))
        self._tell(self._hook.emu_call_ended, machine=self._machine, request=begun.request, outcome=outcome)

    def _allocated(self) -> tuple[PoolBlock | None, ...]:
        pool = self._machine.pool
        addresses = [event.address for event in self._machine.system.events if isinstance(event, PoolAllocated)]
        if not addresses:
            return ()
        found: list[PoolBlock | None] = []
        for address in addresses:
            freed = pool.freed_at(address)
            block = pool.block_at(address) or (freed.block if freed else None)
            found.append(block if addresses.count(address) == 1 else None)
        return tuple(found)

    def _note(self, log: RunLog | None, begun: Surroundings) -> None:
        if log is not self._log:
            self.forget_log()
            self._log = log
            self._checked = 0 if log is None else max(len(log.calls) - 1, 0)
        if log is None:
            _warn("another trace of this processor is being taken")
        elif log.given_up:
            self._waiting.clear()
            _warn("it ran too long for its log to be kept")
        elif len(log.calls) > self._checked + len(self._waiting):
            self._waiting.append(begun)

    @property
    def is_full(self) -> bool:
        """Whether the calls that wait are to be looked at before another one."""
        log = self._log
        if log is None or not log.runs:
            return False
        blocks = quadword(log.runs[-1].end, r.BLOCKS) - quadword(log.runs[0].begin, r.BLOCKS)
        return len(self._waiting) >= CALLS_WAITING or len(log.runs) > RUNS_WAITING or blocks > BLOCKS_WAITING

    def forget_log(self) -> None:
        """Have nothing more to do with a log."""
        self._log = None
        self._waiting.clear()
        self._checked = 0

    def begin_trace(self) -> tuple[RunLog, Trace]:
        """Begin a trace that both its user and the plugins look at."""
        log = RunLog(self._machine.system)
        return log, Trace(begin_source(log, self._replays, self.accessors))

    def look_at(self, log: RunLog, trace: Trace | None = None) -> None:
        """Have the plugins look at the calls of a finished log that they have not seen.

        trace  what `begin_trace` gave with the log
        """
        waiting = self._waiting
        if not waiting:
            return
        self._waiting = []
        first, self._checked = self._checked, self._checked + len(waiting)
        blocks = blocks_of(log.runs)
        if blocks > LONGEST:
            _warn(f"{blocks:,} blocks ran in it, and a trace of more than {LONGEST:,} takes too much memory")
            return
        source = None if trace is None else trace.source
        if trace is None or not isinstance(source, CheckedSource):
            source = begin_source(log, self._replays, self.accessors)
            trace = Trace(source)
        traced = TracedLog(trace, source, self._machine.profile, self.accessors)
        for number, surroundings in enumerate(waiting, first):
            self._add(self._hook.emu_check_call(call=CheckedCall(traced, number, surroundings)))


def _warn(why: str) -> None:
    warnings.warn(f"no check has looked at a call: {why}", CallNotChecked, stacklevel=4)
