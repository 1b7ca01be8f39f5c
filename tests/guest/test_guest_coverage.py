# SPDX-License-Identifier: GPL-2.0-or-later
"""Every line, every instruction and every part of a `__try` block of the library and of the kernel's frames is run.

What cannot be run is left out by the rules of reachable_code.py, and must not run.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import pytest

from emu import Machine, Profile, build_guest
from emu.address import Gva
from emu.toolchain.layout import guest_directory
from emu.trace.coverage import Coverage
from tests.conformance.seh.programs import PROGRAMS
from tests.guest.reachable_code import folded, instructions
from tests.guest.ways import LIMIT, Ways, named

if TYPE_CHECKING:
    from emu.testing.machines import MachinePool

LIBRARY = tuple(sorted(path.name for path in (guest_directory() / "umaccess").iterdir()))
FRAMES = ("consolidation.S", "export_stubs.S", "guarded_call.S", "handler_thunks.S", "trap_entry.S")

FILES = {
    "umaccess": LIBRARY,
    "ntoskrnl": (*FRAMES, "user_primitives.S", *(f"../umaccess/{name}" for name in LIBRARY)),
}
"""What must be covered, by module; the kernel's primitives are the library's sources."""

REACHING = (
    "consolidation",  # the frame of a consolidated unwind
    "executive_raises",  # the stubs of ExRaiseAccessViolation and ExRaiseDatatypeMisalignment
    "filters_raise_in_turn",  # the thunks of handlers, for the search and for the unwind
)
"""Programs of tests/conformance/seh which reach what no copy does."""


def _accessors(machine: Machine) -> Coverage:
    """Take every way through the library and the kernel's primitives that leaves the machine running."""
    ways = Ways(machine)
    with machine.trace() as trace:
        ways.take_all()
        machine.call(ways.library["CopyFromUser"], 0, 0, 0, guarded=False)
        machine.call(ways.library["CopyFromUser"], 0, LIMIT, 1)
        machine.call(ways.library["CopyFromUser"], 0, LIMIT, 1, guarded=False)
    return trace.coverage()


def _first_use(machine: Machine) -> Coverage:
    """Use the library for the first time, as a driver does."""
    library = named(machine, "umaccess")
    machine.system.memory.write_u64(library["UmaKernelRtlCopyFromUser"], 0)
    with machine.trace() as trace:
        machine.call(library["CopyFromUser"], 0, 0, 0)
    return trace.coverage()


def _stop(machine: Machine, image: str) -> Coverage:
    ways = Ways(machine)
    with machine.trace() as trace:
        ways.stop(named(machine, image))
    return trace.coverage()


def _program(machine: Machine, name: str) -> Coverage:
    (program,) = (program for program in PROGRAMS if program.name == name)
    module = machine.load(build_guest(program.path))
    with machine.trace() as trace:
        machine.call(module[name])
    return trace.coverage()


@pytest.fixture(scope="module")
def runs(machine_pool: MachinePool) -> dict[str, Coverage]:
    """What each run reached, by the run's name."""

    def fresh() -> Machine:
        return machine_pool.take(Profile())

    return {
        "accessors": _accessors(fresh()),
        "first use on a kernel with primitives": _first_use(machine_pool.take(Profile(primitives="kernel"))),
        **{image: _stop(fresh(), image) for image in FILES},
        **{name: _program(fresh(), name) for name in REACHING},
    }


@pytest.fixture(scope="module")
def covered(runs: dict[str, Coverage]) -> Coverage:
    """What all runs together reached."""
    return reduce(or_, runs.values())


def _missed_lines(machine: Machine, covered: Coverage) -> list[str]:
    """Return the lines that can run and did not, and those that cannot and did."""
    ran = {(each.file, line) for each in covered.files for line, hits in each.lines.items() if hits}
    wrong = []
    for name, files in FILES.items():
        code = instructions(named(machine, name), files)
        reachable = {(each.file, each.line) for each in code if not each.never_reached}
        never = {(each.file, each.line) for each in code} - reachable
        wrong += [f"{file}:{line} did not run" for file, line in sorted(reachable - ran)]
        wrong += [f"{file}:{line} ran, and no rule lets it" for file, line in sorted(never & ran)]
    return wrong


def test_every_line_is_run(machine: Machine, covered: Coverage) -> None:
    assert _missed_lines(machine, covered) == []


def test_every_instruction_is_run(machine: Machine, covered: Coverage) -> None:
    """A line of a macro is more than one of them. Of the export stubs, which are one macro, each runs in some stub."""
    for name, files in FILES.items():
        module = named(machine, name)
        (of_module,) = (each for each in covered.modules if each.name == name)
        ran = {folded(module, rva) for rva in of_module.instructions}
        code = instructions(module, files)
        assert code
        missed = [each for each in code if not each.never_reached and folded(module, each.rva) not in ran]
        assert [f"{each.file}:{each.line} {module.describe(Gva(module.base + each.rva))}" for each in missed] == []
        assert [each for each in code if each.never_reached and each.rva in of_module.instructions] == []


def test_every_part_of_every_try_block_is_run(covered: Coverage) -> None:
    """The kernel's one `__try` is that around a guarded call; the library has none: the exception is its caller's."""
    blocks = [block for name in FILES for module in covered.only(name).modules for block in module.try_blocks()]
    assert [block.function for block in blocks] == ["KiGuardedCall"]
    missed = [f"{block}: {part.name}" for block in blocks for part in block.block.parts if not block.counts.of(part)]
    assert missed == []


@pytest.mark.parametrize("run", ["accessors", *FILES, *REACHING])
def test_what_no_run_reaches_is_told(machine: Machine, runs: dict[str, Coverage], run: str) -> None:
    """Without any one of the runs something is missed."""
    others = reduce(or_, (coverage for name, coverage in runs.items() if name != run))
    assert any(each.endswith("did not run") for each in _missed_lines(machine, others))
