# SPDX-License-Identifier: GPL-2.0-or-later
"""Structured exceptions: one frame unwound, one fault caught further up, and a search through many frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, medians, row, seconds
from emu import Machine, Raised, Returned, build_guest
from emu.address import Gva
from emu.events import FrameSearched
from emu.nt.unwind import UNW_FLAG_EHANDLER
from emu.seh.context import RBP, RSP, Context

HERE = Path(__file__).parent
NOWHERE = 0x10
CAUGHT = 0xFFFF_FFFF
"""What caught_above returns from its `__except` block."""
SHALLOW, DEEP = 100, 1000
"""Frames. A thousand of 16 bytes leave room for the dispatch on a kernel stack of 24 KiB."""


def exceptions() -> list[Row]:
    """Unwinding and dispatch through the public API, and the unwinder alone."""
    machine = Machine()
    machine.load(build_guest([HERE / "caught_above.c", HERE / "deep_frames.S"]))
    machine.checkpoint()

    def caught() -> None:
        outcome = machine.call("caught_above", NOWHERE)
        if not isinstance(outcome, Returned) or outcome.value != CAUGHT:
            raise RuntimeError(f"the fault was not caught: {outcome}")
        machine.reset()

    def deep(frames: int) -> None:
        if not isinstance(machine.call("deep_frames", frames), Raised):
            raise RuntimeError("the recursion did not fault")

    unwound, experiment = medians(_warm_frame(machine), caught, repeat=300)
    shallow, thousand = medians(lambda: deep(SHALLOW), lambda: deep(DEEP), repeat=10)
    # The cost of the call itself falls out of the difference.
    each = (thousand - shallow) / (DEEP - SHALLOW)
    linearity = each / (shallow / SHALLOW)
    return [
        row("virtual unwind of a warm frame", seconds(unwound), unwound, 1.5e-6, "≤ 1.5 µs"),
        row(
            "fault caught three frames up, one __finally, reset",
            seconds(experiment),
            experiment,
            150e-6,
            "≤ 150 µs",
            f"{experiment / unwound:.0f} virtual unwinds",
        ),
        row(
            f"search and unwind through {DEEP} frames",
            seconds(thousand),
            linearity,
            1.2,
            "linear",
            f"{seconds(each)} a frame, {linearity:.2f}× that of {SHALLOW}",
        ),
    ]


def _warm_frame(machine: Machine) -> Callable[[], None]:
    """Return the unwinding of the frame that has the `__finally`, as the search meets it."""
    machine.call("caught_above", NOWHERE)
    searched = [event for event in machine.events if isinstance(event, FrameSearched)]
    frame = next(event for event in searched if event.handler is not None)
    module = machine._system.modules.find(frame.pc)
    assert module is not None
    registers = [0] * 16
    registers[RSP] = registers[RBP] = int(frame.establisher)
    context, memory = Context(registers[:], frame.pc), machine._system.memory

    def unwind() -> None:
        context.gpr[RSP] = context.gpr[RBP] = registers[RSP]
        module.virtual_unwind(Gva(frame.pc), context, memory, UNW_FLAG_EHANDLER)

    return unwind
