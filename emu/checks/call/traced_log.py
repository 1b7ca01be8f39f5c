# SPDX-License-Identifier: GPL-2.0-or-later
"""A log that has ended, as the checks of all its calls share it."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Final, NamedTuple

from emu.address import Gva
from emu.checks.call.accessor_calls import accessors_of
from emu.checks.call.columns import CodeTable, Mask, Numbers
from emu.checks.call.source import CheckedSource
from emu.checks.call.tree import CallTree, call_trees
from emu.checks.hookspec import CallRequest
from emu.cpu.recorder import Places
from emu.image import Module
from emu.kernel.pool import PoolBlock
from emu.profile import Profile
from emu.trace.replay import Replay
from emu.trace.run_log import RunLog
from emu.trace.source import Words
from emu.trace.trace import Trace

KERNEL: Final = "ntoskrnl"
"""The name of the kernel image's module."""

_base = operator.attrgetter("base")


class Surroundings(NamedTuple):
    """What of a machine is noted when a call begins and ends."""

    request: CallRequest
    pool: tuple[PoolBlock, ...]
    """The pool blocks that were allocated when it began."""
    previous_mode: int
    allocated: tuple[PoolBlock | None, ...] = ()
    """Those that it allocated, one for each event; None where two have had the same address."""


def modules_of(log: RunLog) -> tuple[Module, ...]:
    """Return the modules that were loaded while a log was made, in order of address."""
    return tuple(sorted(log.images.values(), key=_base))


def begin_source(log: RunLog, spare: list[Replay], accessors: Mapping[str, str]) -> CheckedSource:
    """Return the source of a log's trace, with the registers where accessors begin; `accessors` as in `TracedLog`."""
    own = tuple(accessors.items())
    return CheckedSource(log, spare, lambda ended: _entry_places(modules_of(ended), own))


@functools.lru_cache(maxsize=16)
def _entry_places(modules: tuple[Module, ...], own: tuple[tuple[str, str], ...]) -> Places:
    return Places(accessors_of(modules, own))


class TracedLog:
    """A log that has ended, its trace, and what the calls in it share."""

    def __init__(self, trace: Trace, source: CheckedSource, profile: Profile, accessors: Mapping[str, str]) -> None:
        """`trace` is of `source`; `accessors` has a user's own ones: name → the documented one that each is as."""
        self.source = source
        self.trace = trace
        self.profile = profile
        self._own_accessors = accessors
        len(trace)  # now: whatever else is asked of the source would run the log by itself

    @functools.cached_property
    def code(self) -> CodeTable:
        """What each instruction of the code is."""
        return self.source.code_table

    @functools.cached_property
    def trees(self) -> list[CallTree]:
        """Who called whom in each call; jumps to accessors begin activations, too."""
        return call_trees(self.trace, self.is_accessor_entry)

    @functools.cached_property
    def modules(self) -> tuple[Module, ...]:
        """The modules that were loaded, in order of address."""
        return modules_of(self.source.log)

    @functools.cached_property
    def module_numbers(self) -> Numbers:
        """Of each code the index of its module; -1 outside of all."""
        return self.code.within(tuple((int(module.base), module.base + module.size) for module in self.modules))

    @functools.cached_property
    def in_kernel(self) -> Mask:
        """Whether each code is the kernel image's own."""
        kernel = next(module for module in self.modules if module.name == KERNEL)
        return self.code.within(((int(kernel.base), kernel.base + kernel.size),)) >= 0

    @functools.cached_property
    def _entries(self) -> Mapping[int, tuple[str, str]]:
        return accessors_of(self.modules, tuple(self._own_accessors.items()))

    @property
    def is_accessor_entry(self) -> Mask:
        """Whether each code is the first instruction of an accessor."""
        return self.code.at(_entry_places(self.modules, tuple(self._own_accessors.items())))

    def registers_before(self, instructions: Numbers) -> Words:
        """Return the registers before some instructions, in ascending order."""
        return self.source.registers_before(instructions, self.trace.instructions["code"])

    def accessor_at(self, entry: Gva) -> tuple[str, str] | None:
        """Return the name of the accessor that begins at an address, and that of the documented one that it is as."""
        return self._entries.get(entry)
