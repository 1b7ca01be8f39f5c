# SPDX-License-Identifier: GPL-2.0-or-later
"""Every recorded access is the one that the instruction must make: random copies, and the conformance programs.

What is expected comes from the instructions and the registers before them alone, see tests/trace/interpreter.py.
"""

from __future__ import annotations

import random
from itertools import islice

import pytest

from emu import Returned, build_guest
from emu.memory.half import Half
from emu.trace import Trace
from tests.conformance.seh.programs import LEVELS, PROGRAMS, TARGETS, Program
from tests.guest.machines import ALL_PROFILES, fresh_machine
from tests.trace.expectation import Model, mismatches

PAGE = 4096
POISON = 0xCC
STATES = ("resident", "paged-out", "none", "guard", "unmapped", "ro")
COPIES_AT_ONCE = 20


def assert_expected(trace: Trace, known: dict[int, bytes], case: str, model: Model | None = None) -> None:
    """Assert that every access of a trace is as expected, and that there are some."""
    found = list(islice(mismatches(trace, known, model), 5))
    assert not found, "\n".join((case, *found))
    assert len(trace.accesses), case


def _set_state(half: Half, address: int, state: str) -> None:
    if state == "paged-out":
        half.page_out(address)
    elif state == "guard":
        half.guard(address)
    elif state == "unmapped":
        half.unmap(address)
    elif state != "resident":
        half.protect(address, state)


def _offset(choose: random.Random, length: int) -> int:
    """Return where in its page a buffer begins; half of them have a page boundary within."""
    return (PAGE - choose.randrange(length)) % PAGE if choose.random() < 0.5 else choose.randrange(PAGE)


def check_copy(seed: int) -> None:
    """Copy once with everything drawn from a seed: the profile, the length, where it lies, what its pages are."""
    choose = random.Random(seed)
    profile = choose.choice(ALL_PROFILES)
    length = choose.randint(0, 300) if choose.random() < 0.9 else choose.randint(301, 5000)
    size = max(length, 1)
    content = choose.randbytes(size)
    machine = fresh_machine(profile)
    source = machine.user.alloc(content, offset=_offset(choose, size))
    target = machine.kernel.alloc(bytes((POISON,)) * size, offset=_offset(choose, size))
    states = choose.choice(STATES), choose.choices(STATES, (8, 4, 1, 1, 1, 1))[0]
    case = f"seed {seed}: {profile}, {length} bytes, {source.address:#x} {states[0]} → {target.address:#x} {states[1]}"
    for half, buffer, state in zip((machine.user, machine.kernel), (source, target), states, strict=True):
        _set_state(half, buffer.address + choose.randrange(size), state)
    with machine.trace() as trace:
        outcome = machine.call("CopyFromUser", target, source, length)
    model = Model()
    assert_expected(trace, {source.address: content, target.address: bytes((POISON,)) * size}, case, model)
    if isinstance(outcome, Returned):
        for at, byte in enumerate(target.read()):
            assert model.memory.get(target.address + at, byte) == byte, f"{case}: target +{at}"


def test_random_copies() -> None:
    for seed in range(60):
        check_copy(seed)


@pytest.mark.sweep
@pytest.mark.parametrize("begin", range(0, 1000, COPIES_AT_ONCE))
def test_a_thousand_random_copies(begin: int) -> None:
    for seed in range(begin, begin + COPIES_AT_ONCE):
        check_copy(seed)


def check_program(program: Program, level: str, target: str) -> None:
    """Build a program, call it, and look at its accesses."""
    machine = fresh_machine()
    module = machine.load(build_guest([program.path], optimize=level, target=target))
    with machine.trace() as trace:
        machine.call(module[program.name])
    assert_expected(trace, {}, f"{program.name}-O{level}-{target}")


SAMPLE = (
    "access_violation_write",
    "continue_with_changed_xmm",
    "copy_in_pieces",
    "memory_functions_fault",
    "nested_three_deep",
    "saved_xmm_registers",
    "step_saves",
    "unwind_from_every_instruction",
)


@pytest.mark.parametrize("program", [program for program in PROGRAMS if program.name in SAMPLE], ids=lambda it: it.name)
def test_programs(program: Program) -> None:
    check_program(program, "0", "msvc")


@pytest.mark.sweep
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_program(program: Program, target: str) -> None:
    for level in LEVELS if program.path.suffix == ".c" else LEVELS[:1]:
        check_program(program, level, target)
