# SPDX-License-Identifier: GPL-2.0-or-later
"""What has to hold of a machine after any input: it is reset, whole, and works."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from emu import Bugchecked, Machine, Raised, Returned, TimedOut, Unmodelled
from emu.events import Event
from emu.outcome import Outcome
from tests.conformance.machines import kernel_memory, still_copies

WORKS_EVERY = 200
"""Inputs from one proof that the machine still copies to the next."""
WHOLE_EVERY = 500
"""Inputs from one comparison of the whole of guest RAM to the next."""

TWICE_EVERY = 8
"""Inputs from one that runs twice to the next."""

_LARGEST = (1 << 64) - 1

History = tuple[Outcome, tuple[Event, ...]]
"""What came of a call, and what happened in it."""


def check_message(error: Exception, pattern: str = r"\S.*") -> None:
    """Assert that an error is one line of text that a pattern matches the whole of."""
    assert re.fullmatch(pattern, str(error)), error


def check_repeatable(run_once: Callable[[bytes], History | None], data: bytes) -> None:
    """Run an input; where its bytes say so, run it again and assert that the same happens."""
    history = run_once(data)
    if zlib.crc32(data) % TWICE_EVERY == 0:
        assert run_once(data) == history


class Watched:
    """A machine and the memory that it has to come back to."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.before = kernel_memory(machine)
        self._inputs = 0

    def check_outcome(self, outcome: Outcome) -> None:
        """Assert that a call ended in one of the five ways, with values that exist, and explains itself."""
        assert isinstance(outcome, Returned | Raised | Bugchecked | TimedOut | Unmodelled), outcome
        assert str(outcome)
        assert not self.machine._caller.run_loop._waiting
        if isinstance(outcome, Bugchecked):
            assert all(0 <= value <= _LARGEST for value in (outcome.code, *outcome.parameters)), outcome
        if isinstance(outcome, Raised):
            record = outcome.record
            assert all(0 <= value <= _LARGEST for value in (record.exception_address, *record.information)), record

    def check_reset(self) -> None:
        """Reset the machine; now and then assert that it is as it was, to the byte, and works."""
        machine = self.machine
        machine.reset()
        if self._inputs % WHOLE_EVERY == 0:
            assert kernel_memory(machine) == self.before
        if self._inputs % WORKS_EVERY == 0:
            still_copies(machine)
            machine.reset()
        self._inputs += 1
