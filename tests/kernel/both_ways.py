# SPDX-License-Identifier: GPL-2.0-or-later
"""One call twice: its dispatches made by the native core where it can, then all by emu/seh. The same comes of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from emu import Machine
from emu.events import Event
from emu.kernel.straight_dispatch import StraightDispatch
from emu.outcome import Outcome
from tests.conformance.machines import kernel_memory


class After(NamedTuple):
    """All that a call leaves."""

    outcome: Outcome
    events: tuple[Event, ...]
    registers: dict[str, int]
    irql: int
    debug_output: list[str]
    memory: bytes


class BothWays:
    """Makes calls both ways and compares; `straight` counts the dispatches that the native core has made."""

    def __init__(self, machine: Machine, patch: pytest.MonkeyPatch) -> None:
        self.machine = machine
        self.straight = 0
        self._patch = patch

    def call(self, prepare: Callable[[Machine], tuple[Any, ...]], **keywords: Any) -> After:
        """Make the call whose function and arguments `prepare` gives, from the same state both times."""
        dispatch = StraightDispatch.dispatch

        def counted(self_: StraightDispatch) -> bool:
            landed = dispatch(self_)
            self.straight += landed
            return landed

        found = []
        for way in (counted, lambda self_: False):
            self.machine.reset()
            with self._patch.context() as patch:
                patch.setattr(StraightDispatch, "dispatch", way)
                outcome = self.machine.call(*prepare(self.machine), **keywords)
            machine = self.machine
            found.append(
                After(
                    outcome,
                    machine.events,
                    machine.registers,
                    machine.irql,
                    machine.debug_output,
                    kernel_memory(machine),
                )
            )
        for name, one, other in zip(After._fields, *found, strict=True):
            assert one == other, name
        return found[0]
