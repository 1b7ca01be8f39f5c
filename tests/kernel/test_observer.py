# SPDX-License-Identifier: GPL-2.0-or-later
"""An observer of the run loop: told of the start, of stops, and of what moves the processor between them."""

from __future__ import annotations

from pathlib import Path

from emu import Machine, Returned, build_guest
from emu.address import Gva
from emu.cpu import registers as r
from emu.kernel.run_loop import RunLoop

PROGRAM = Path(__file__).parent.parent / "conformance" / "seh" / "alloca_in_callee.c"


class Record:
    """Writes down what it is told, with RIP."""

    def __init__(self, run_loop: RunLoop) -> None:
        self._registers = run_loop.system.cpu.registers
        self.told: list[tuple[str, int]] = []

    def started(self) -> None:
        self.told.append(("started", self._registers[r.RIP]))

    def at_instruction(self, rip: Gva) -> None:
        assert rip == self._registers[r.RIP]
        self.told.append(("at", rip))

    def guest_called(self) -> None:
        self.told.append(("called", self._registers[r.RIP]))

    def context_loaded(self) -> None:
        self.told.append(("loaded", self._registers[r.RIP]))


def test_an_observer_is_told_of_everything_that_moves_the_processor() -> None:
    machine = Machine()
    module = machine.load(build_guest([PROGRAM]))
    run_loop = machine._caller.run_loop
    observer = run_loop.observer = Record(run_loop)
    entry = module["alloca_in_callee"]
    run_loop.system.cpu.stop_in([(entry, Gva(entry + 1))])
    assert machine.call(entry) == Returned(1000)
    kinds = [kind for kind, _ in observer.told]
    assert kinds == ["started", "at", "called", "called", "loaded"]
    bottom, stopped, in_filter, in_finally, landed = (Gva(rip) for _, rip in observer.told)
    assert machine.modules[0].describe(bottom).startswith("ntoskrnl!KiGuardedCall")
    assert stopped == entry
    assert module.describe(in_filter).startswith("alloca_in_callee!alloca_in_callee+")
    assert module.describe(in_finally).startswith("alloca_in_callee!outer+")
    assert module.describe(landed).startswith("alloca_in_callee!alloca_in_callee+")
    run_loop.observer = None
    observer.told.clear()
    machine.call(entry)
    assert observer.told == []
    machine.close()
