# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs guest/frames.S and reads what guest/observer.c wrote down."""

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

from emu import Machine
from emu.address import Gva
from emu.nt.context import CONTEXT
from emu.nt.dispatcher_context import DISPATCHER_CONTEXT
from emu.nt.exception_record import EXCEPTION_RECORD64
from emu.outcome import Outcome
from tests.conformance.machines import load, read

LANDED = 0x1A4D
CONTINUED = 0x7AC4

EVERY_CALL = 0xFFFF_FFFF_FFFF_FFFF
ABSOLUTE, RECORD, ORIGINAL_CONTEXT, DISPATCHER, DISPATCHER_CONTEXT_RECORD = range(5)

NONVOLATILE = ("rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15")


class Poke(ctypes.LittleEndianStructure):
    """A quadword that the filter or handler writes: to an address, or into one of the structures it was given."""

    _fields_ = (
        ("call", ctypes.c_uint64),
        ("base", ctypes.c_uint64),
        ("offset", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


class Seen(ctypes.LittleEndianStructure):
    """What one call of the language handler saw."""

    _fields_ = (
        ("record_address", ctypes.c_uint64),
        ("frame", ctypes.c_uint64),
        ("context_address", ctypes.c_uint64),
        ("dispatcher_address", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("record", EXCEPTION_RECORD64),
        ("dispatcher", DISPATCHER_CONTEXT),
        ("context", CONTEXT),
        ("dispatcher_context", CONTEXT),
    )


class Report(ctypes.LittleEndianStructure):
    """`struct report` of guest/observer.c."""

    _fields_ = (
        ("answers", ctypes.c_uint32 * 2),
        ("filter_calls", ctypes.c_uint64),
        ("pointers", ctypes.c_uint64),
        ("frame", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
        ("landing_rax", ctypes.c_uint64),
        ("landing_rsp", ctypes.c_uint64),
        ("landing_flags", ctypes.c_uint64),
        ("landing_nonvolatile", ctypes.c_uint64 * 8),
        ("unused", ctypes.c_uint64),
        ("body_rsp", ctypes.c_uint64),
        ("unused_one", ctypes.c_uint64),
        ("landing_xmm", ctypes.c_uint8 * 160),
        ("record", EXCEPTION_RECORD64),
        ("unused_two", ctypes.c_uint64),
        ("context", CONTEXT),
        ("poke_count", ctypes.c_uint64),
        ("unused_three", ctypes.c_uint8 * 0x148),
        ("inputs", ctypes.c_uint64 * 8),
        ("inputs_xmm", ctypes.c_uint8 * 160),
        ("result", ctypes.c_uint64),
        ("finally_calls", ctypes.c_uint64),
        ("finally_argument", ctypes.c_uint64 * 2),
        ("finally_frame", ctypes.c_uint64 * 2),
        ("handler_calls", ctypes.c_uint64),
        ("dispositions", ctypes.c_uint32 * 8),
        ("pokes", Poke * 16),
        ("padding", ctypes.c_uint64),
        ("seen", Seen * 8),
    )


assert Report.inputs.offset == 0x800
assert Report.seen.offset == 0xB40

REGISTER_INPUTS = tuple(0x1111_0000_0000_0000 * (number + 1) + 0xC0DE for number in range(8))
XMM_INPUTS = bytes(range(16, 176))


class Pointers(NamedTuple):
    """EXCEPTION_POINTERS as they lie on the guest's stack."""

    record: int
    context: int


class Observer:
    """The observing guest image, loaded into a machine, and its report."""

    def __init__(self, machine: Machine, optimize: str = "1", target: str = "msvc") -> None:
        self.machine = machine
        self.module = load(machine, "frames.S", "observer.c", optimize=optimize, target=target)
        self.buffer = machine.kernel.alloc(ctypes.sizeof(Report), name="report")

    def __getitem__(self, symbol: str) -> Gva:
        return self.module[symbol]

    def run(
        self,
        target: str | int,
        argument: int,
        *,
        caller: str = "observed_call",
        answers: tuple[int, int] = (0, 0),
        pokes: Sequence[tuple[int, int, int, int]] = (),
        dispositions: Sequence[int] = (),
        guarded: bool = True,
        irql: int = 0,
        budget: int = 100_000,
    ) -> Outcome:
        """Call `caller(report, target, argument)`; the callers are those of guest/frames.S."""
        report = Report()
        report.answers[:] = [answer & 0xFFFF_FFFF for answer in answers]
        report.inputs[:] = REGISTER_INPUTS
        report.inputs_xmm[:] = XMM_INPUTS
        report.poke_count = len(pokes)
        for index, poke in enumerate(pokes):
            report.pokes[index] = Poke(*(value & 0xFFFF_FFFF_FFFF_FFFF for value in poke))
        for index, disposition in enumerate(dispositions):
            report.dispositions[index] = disposition & 0xFFFF_FFFF
        self.buffer.write(bytes(report))
        address = self[target] if isinstance(target, str) else target
        return self.machine.call(
            self[caller], self.buffer, address, int(argument), guarded=guarded, irql=irql, budget=budget
        )

    @property
    def report(self) -> Report:
        """What the guest has written down so far."""
        return Report.from_buffer_copy(self.buffer.read())

    def pointers(self) -> Pointers:
        """Return the EXCEPTION_POINTERS that the filter got."""
        data = read(self.machine, self.report.pointers, 16)
        return Pointers(int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little"))
