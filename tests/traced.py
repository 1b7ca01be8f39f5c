# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces every call of every machine, and compares what running it again leaves with what the call left.

A trace's log adds no hook to the machine that runs: its engine is the same with and without. What has hooks is the
processor that runs the log again. So that both end every run alike (the replay checks that itself), and leave the same
registers and the same memory to the byte, compares a machine with hooks on all code and data with one without, call
by call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from emu import Machine
from emu.address import PAGE_SHIFT, PAGE_SIZE, Gva
from emu.cpu import registers as r
from emu.cpu.native_core import STOP_REFUSED
from emu.outcome import Outcome
from emu.trace.replay import Replay


def trace_every_call(patch: pytest.MonkeyPatch) -> None:
    """Have every call run in a trace, unless one is being taken already, and look at it when it has ended."""
    call = Machine._call_address

    def traced_call(machine: Machine, address: Gva, arguments: Sequence[int], **options: Any) -> Outcome:
        if machine._system.cpu.log is not None:
            return call(machine, address, arguments, **options)
        try:
            with machine.trace() as trace:
                return call(machine, address, arguments, **options)
        finally:
            if not machine._stopped.startswith("the machine is closed"):
                for _ in trace.chunks():
                    pass
                compare(machine, machine._replays[-1])

    patch.setattr(Machine, "_call_address", traced_call)


def compare(machine: Machine, replay: Replay) -> None:
    """Raise AssertionError where a replay that has gone through a log differs from the machine that was logged."""
    system = machine._system
    replay.finish()
    expected, got = (np.array(each, np.uint64) for each in (system.cpu.registers, replay._processor.registers))
    compared = [*range(r.CR3 + 1), r.BUDGET, r.BLOCKS, r.TIMESTAMP_READS]
    assert got[compared].tolist() == expected[compared].tolist(), "registers of the replay, and of the machine"
    assert bytes(replay._processor.xmm) == bytes(system.cpu.xmm)
    assert (replay._processor.mxcsr, replay._processor.irql) == (system.cpu.mxcsr, system.cpu.irql)
    if system.cpu.block[: r.XMM_OFFSET].cast("I")[r.REASON] == STOP_REFUSED:
        return  # the machine may have executed what stands behind a refused instruction in its block: nobody goes on
    used = system.ram.size if system.cpu.paging_changed else system.memory.frames_used << PAGE_SHIFT
    memory, again = (np.frombuffer(each.bytes, np.uint64, used >> 3) for each in (system.ram, replay._ram))
    if not np.array_equal(memory, again):
        at = int(np.flatnonzero(memory != again)[0])
        raise AssertionError(
            f"guest-physical {at << 3:#x} (frame {at // (PAGE_SIZE >> 3)}) holds {again[at]:#x} in the replay, "
            f"and {memory[at]:#x} in the machine"
        )
