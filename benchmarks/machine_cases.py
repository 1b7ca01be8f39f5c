# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot, the command, fault experiments and plain emulation."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import ROUNDS, Row, medians, row, seconds
from benchmarks.raw_engine import RawEngine
from emu import Machine, Raised, Returned, build_guest
from emu.address import Gva
from emu.cpu import registers as r
from emu.kernel.call import FRAME_SIZE
from emu.toolchain.compiler import find_toolchain

HERE = Path(__file__).parent
COPY_SIZE = 64 << 10
LONG_COPY_SIZE = 1 << 20
"""Long enough that a call's fixed cost, a few µs, is not what the ratio shows."""
LOOP_ITERATIONS = 200_000
FAULT_AT = 37


def boot() -> list[Row]:
    """Boot a machine, and run `emu copy` from the shell."""
    (booted,) = medians(lambda: Machine().close(), repeat=5)
    command = [str(Path(sysconfig.get_path("scripts")) / "emu"), "copy", "--fault", f"none@src+{FAULT_AT}"]

    def run_command() -> None:
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 1:
            raise RuntimeError(f"emu copy ended with {done.returncode}: {done.stderr.decode()}")

    def run_python() -> None:
        subprocess.run([sys.executable, "-c", "pass"], check=True)

    shell, bare = medians(run_command, run_python, rounds=7)
    return [
        row("boot a machine", seconds(booted), booted, 5e-3, "≤ 5 ms"),
        row("`emu copy` from the shell", seconds(shell), shell, 0.5, "≤ 0.5 s", f"{shell / bare:.1f}× an empty Python"),
    ]


def faults() -> list[Row]:
    """A guarded fault experiment through the public API, against a bare fault and the host CPU's own."""
    machine = Machine()
    source = machine.user.alloc(64, offset=4096 - FAULT_AT)
    target = machine.kernel.alloc(64)
    machine.user.protect(source.address + FAULT_AT, "none")
    machine.checkpoint()

    def experiment() -> None:
        if not isinstance(machine.call("CopyFromUser", target, source, 64), Raised):
            raise RuntimeError("the experiment did not raise")
        machine.reset()

    system = machine._system
    raw = RawEngine(system)
    raw.stop_at_faults()
    rep_movsb = _address_of(machine, b"\xf3\xa4")
    registers = [0] * 16
    registers[r.RDI], registers[r.RSP] = int(target), system.stack.high - 64
    context = raw.start_at(rep_movsb, registers)
    bad = Gva(source.address + FAULT_AT)
    ours, bare, host = medians(
        experiment, lambda: raw.fault_from_python(context, rep_movsb, bad), host_fault(), repeat=300
    )
    host /= HOST_FAULTS
    return [
        row(
            "guarded fault experiment: call, dispatch, reset",
            f"{1 / ours:,.0f}/s",
            8000,
            1 / ours,
            "≥ 8,000/s",
            seconds(ours),
        ),
        row(
            "  against a fault on raw Unicorn, no dispatch",
            f"{ours / bare:.1f}×",
            ours / bare,
            12,
            "≤ 12×",
            f"raw: {seconds(bare)}",
        ),
        Row("  against the host CPU's mprotect + SIGSEGV", f"{ours / host:.1f}×", f"host: {seconds(host)}"),
    ]


HOST_FAULTS = 20
"""Fault cycles in one call of the C function."""


def host_fault() -> Callable[[], object]:
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "host_fault.so"
        find_toolchain().run("cc", ["-O2", "-shared", "-fPIC", "-o", str(library), "host_fault.c"], HERE)
        cycles = ctypes.CDLL(str(library)).fault_cycles

    def run() -> None:
        if cycles(HOST_FAULTS) != HOST_FAULTS:
            raise RuntimeError("the host does not fault as expected")

    return run


def _address_of(machine: Machine, code: bytes) -> Gva:
    """Find an instruction of CopyFromUser."""
    start = machine.resolve("CopyFromUser")
    return Gva(start + machine._system.memory.read(start, 0x140).index(code))


def emulation() -> list[Row]:
    """Plain emulation, block budget included, against the bare engine and against Python hooks."""
    machine = Machine("nehalem")
    source = machine.user.alloc(bytes(range(256)) * (LONG_COPY_SIZE // 256))
    target = machine.kernel.alloc(LONG_COPY_SIZE)

    def copy(size: int) -> None:
        if not isinstance(machine.call("CopyFromUser", target, source, size), Returned):
            raise RuntimeError("the copy did not return")

    raw, hooked = RawEngine(machine._system), RawEngine(machine._system)
    count = hooked.hook_every_instruction()
    start, registers = call_state(machine, "CopyFromUser", [int(target), int(source), COPY_SIZE])
    hooked_start = hooked.start_at(start, registers)
    ours, with_hooks = medians(lambda: copy(COPY_SIZE), lambda: hooked.run(hooked_start, start), repeat=3)
    instructions = count[0] // (3 * ROUNDS + 1)
    registers[r.R8] = LONG_COPY_SIZE
    raw_start = raw.start_at(start, registers)
    long, bare = medians(lambda: copy(LONG_COPY_SIZE), lambda: raw.run(raw_start, start), repeat=5)
    rate = COPY_SIZE / ours / 1e9

    machine.load(build_guest([HERE / "tight_loop.S"]))
    start, registers = call_state(machine, "tight_loop", [LOOP_ITERATIONS])
    raw_loop = raw.start_at(start, registers)
    loop, bare_loop = medians(
        lambda: machine.call("tight_loop", LOOP_ITERATIONS), lambda: raw.run(raw_loop, start), repeat=5
    )
    return [
        row("64 KiB CopyFromUser, wide path (nehalem)", f"{rate:.2f} GB/s", 1, rate, "≥ 1 GB/s", seconds(ours)),
        row("1 MiB against the bare engine", f"{long / bare:.2f}×", long / bare, 1.15, "≤ 1.15×", seconds(long)),
        Row(
            "  against a Python hook an instruction",
            f"{with_hooks / ours:,.0f}× faster",
            f"hooked: {seconds(with_hooks)} for {instructions:,} instructions",
        ),
        row(
            "tightest loop (dec, jnz) against the bare engine",
            f"{loop / bare_loop:.2f}×",
            loop / bare_loop,
            1.8,
            "≤ 1.8×",
            f"{seconds(loop / LOOP_ITERATIONS)} an iteration",
        ),
    ]


def call_state(machine: Machine, symbol: str, arguments: list[int]) -> tuple[Gva, list[int]]:
    """Return where a guarded call of a symbol starts, and its registers."""
    system = machine._system
    registers = [0] * 16
    registers[r.RAX] = machine.resolve(symbol)
    registers[r.RSP] = system.stack.high - 8 - FRAME_SIZE
    for register, value in zip((r.RCX, r.RDX, r.R8, r.R9), arguments, strict=False):
        registers[register] = value
    return system.kernel["KiGuardedCallEnter"], registers
