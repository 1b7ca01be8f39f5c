# SPDX-License-Identifier: GPL-2.0-or-later
"""The state before every instruction of a trace is that of a machine that stops before every instruction."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from emu import Machine, build_guest
from emu.address import PAGE_SIZE, Gva
from emu.memory.errors import NotMapped
from emu.outcome import Outcome, Unmodelled
from emu.trace import Trace
from emu.trace.trace import REGISTER_COLUMNS
from tests.conformance.machines import boot
from tests.conformance.seh_random.c_source import c_source
from tests.conformance.seh_random.generate import generate
from tests.conformance.seh_random.trial import INCLUDE
from tests.trace.random_code import BUFFER, RandomCode
from tests.trace.stepped import State, difference, stepped

PROFILES: Final = ("skylake-server,smap=permit", "nehalem", "epyc-rome,smap=permit")
STATES: Final = ("resident", "resident", "resident", "paged-out", "guard", "none", "ro")
BUDGET: Final = 400
SEEDS: Final = 8
"""Of the sample that runs in CI."""
BATCH: Final = 4

Program = Callable[[Machine], tuple[Callable[[], Outcome], Sequence[int]]]
"""Puts itself into a machine; returns its call, and the pages to look at."""


def random_code(seed: int) -> Program:
    """Return a random program of machine code, with buffers in random page states."""

    def prepare(machine: Machine) -> tuple[Callable[[], Outcome], Sequence[int]]:
        choose = random.Random(seed)
        user, kernel = machine.user.alloc(choose.randbytes(BUFFER)), machine.kernel.alloc(choose.randbytes(BUFFER))
        code = machine.kernel.alloc(BUFFER)
        machine.kernel.protect(code, "rwx")
        code.write(RandomCode(seed, reads_clock=False).assemble(code.address, user.address, kernel.address))
        second = user.address + BUFFER // 2
        match choose.choice(STATES):
            case "paged-out":
                machine.user.page_out(second)
            case "guard":
                machine.user.guard(second)
            case "none" | "ro" as protection:
                machine.user.protect(second, protection)
        stack = machine._system.stack.high
        pages = [buffer.address + at for buffer in (user, kernel, code) for at in (0, BUFFER // 2)]
        guarded = choose.random() < 0.8
        return lambda: machine.call(code.address, guarded=guarded, budget=BUDGET), [*pages, stack - 0x1000]

    return prepare


def compiled(seed: int, image: Path) -> Program:
    """Return a random program of structured exceptions, of an image that has it."""

    def prepare(machine: Machine) -> tuple[Callable[[], Outcome], Sequence[int]]:
        module = machine.load(image)
        stack = machine._system.stack.high
        mapped = machine._system.memory.read_available
        pages = [page for page in range(module.base, module.base + module.size, PAGE_SIZE) if mapped(Gva(page), 1)]
        return lambda: machine.call(module[f"program_{seed}"]), [*pages, stack - 0x1000, stack - 0x2000]

    return prepare


def build(seeds: Sequence[int], directory: Path) -> Path:
    """Compile random programs of structured exceptions into one image."""
    source = directory / "programs.c"
    source.write_text(c_source({seed: generate(seed) for seed in seeds}), encoding="utf-8")
    return build_guest([source], optimize="1", include=[INCLUDE])


class Case(NamedTuple):
    """A traced call, and the reference."""

    trace: Trace
    states: list[State]
    pages: Sequence[int]

    def check(self, indices: Iterable[int]) -> None:
        """Raise AssertionError where a state of the trace is another one than the reference's."""
        for index in indices:
            assert not difference(self.trace.state_at(index), self.states[index], self.pages), f"instruction {index}"


@contextmanager
def both(profile: str, program: Program) -> Iterator[Case]:
    """Run a program step by step, and once more in a trace, on a machine that stays as the trace needs it."""
    machine = boot(profile)
    call, pages = program(machine)
    with stepped(machine, pages) as reference:
        expected = call()
    machine = boot(profile)
    call, pages = program(machine)
    with machine.trace() as trace:
        outcome = call()
    assert outcome.headline == expected.headline
    states = reference.states
    # Whether the reference stops before an instruction that is refused, too, depends on which hook was set first.
    if isinstance(outcome, Unmodelled) and len(states) == len(trace):
        states.insert(-1, states[-1])
    assert len(states) == len(trace) + 1
    yield Case(trace, states, pages)


def compare(profile: str, program: Program, seed: int) -> None:
    """Compare every state: forwards, backwards, and some in any order; and the registers of any range."""
    choose = random.Random(seed)
    with both(profile, program) as case:
        indices = list(range(len(case.states)))
        case.check(indices)
        case.check(reversed(indices))
        case.check(choose.choices(indices, k=10))
        for _ in range(3):
            begin, end = sorted(choose.choices(indices, k=2))
            found = case.trace.registers(begin, end)
            expected = [[state.registers[name] for name in REGISTER_COLUMNS] for state in case.states[begin:end]]
            assert found.tolist() == expected


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_of_random_code(first: int) -> None:
    for seed in range(first, first + BATCH):
        compare(PROFILES[seed % len(PROFILES)], random_code(seed), seed)


def test_of_compiled_exceptions(tmp_path: Path) -> None:
    seeds = range(4)
    image = build(seeds, tmp_path)
    for seed in seeds:
        compare(PROFILES[0], compiled(seed, image), seed)


@pytest.mark.sweep
@pytest.mark.parametrize("first", range(SEEDS, 200, BATCH))
def test_of_more_random_code(first: int) -> None:
    test_of_random_code(first)


@pytest.mark.sweep
def test_of_more_compiled_exceptions(tmp_path: Path) -> None:
    seeds = range(100, 140)
    image = build(seeds, tmp_path)
    for seed in seeds:
        compare(PROFILES[seed % len(PROFILES)], compiled(seed, image), seed)


@pytest.mark.parametrize("seed", range(5))
def test_of_a_tail(seed: int) -> None:
    with both(PROFILES[0], random_code(seed)) as case:
        machine = boot(PROFILES[0])
        call, _ = random_code(seed)(machine)
        with machine.trace(last=10) as tail:
            call()
        skipped = len(case.trace) - len(tail)
        assert len(tail) == min(10, len(case.trace))
        Case(tail, case.states[skipped:], case.pages).check(range(len(tail) + 1))


@pytest.mark.parametrize("seed", range(5))
def test_of_a_part(seed: int) -> None:
    """Instructions that are left out are executed all the same."""
    with both(PROFILES[0], random_code(seed)) as case:
        begin = int(case.trace.instructions["rip"][3])
        machine = boot(PROFILES[0])
        call, _ = random_code(seed)(machine)
        with machine.trace((begin, begin + 50)) as part:
            call()
        positions = part.instructions["position"].tolist()
        assert 0 < len(positions) < len(case.trace)
        Case(part, [*(case.states[at] for at in positions), case.states[-1]], case.pages).check(range(len(part) + 1))


def test_there_is_none_outside(tmp_path: Path) -> None:
    with both(PROFILES[0], random_code(1)) as case:
        with pytest.raises(IndexError, match="no instruction -1"):
            case.trace.state_at(-1)
        with pytest.raises(IndexError, match=rf"instruction {len(case.trace) + 1} lies behind the end of the trace"):
            _ = case.trace.state_at(len(case.trace) + 1).registers
        with pytest.raises(NotMapped):
            case.trace.state_at(0).read(0x1000, 1)
