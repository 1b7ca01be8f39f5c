# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs on the emulated kernel: built together, run one by one, compared with the model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from emu import Bugchecked, Machine, Raised, Returned, build_guest
from emu.outcome import Outcome
from tests.conformance.seh_random.c_source import c_source, program_source
from tests.conformance.seh_random.generate import generate
from tests.conformance.seh_random.model import run
from tests.conformance.seh_random.shrink import smaller
from tests.conformance.seh_random.statements import Program

INCLUDE = Path(__file__).parents[1] / "seh"
"""Where program.h is."""

BATCH = 50
"""Programs in one image: enough that the compiler's start does not count."""


class Build(NamedTuple):
    """How programs are compiled."""

    target: str
    optimize: str

    def __str__(self) -> str:
        return f"{self.target} -O{self.optimize}"


def what_happens(machine: Machine, programs: Mapping[int, Program], build: Build) -> dict[int, tuple[str, ...]]:
    """Run programs, and return what each wrote down."""
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "programs.c"
        source.write_text(c_source(programs), encoding="utf-8")
        image = build_guest([source], optimize=build.optimize, target=build.target, include=[INCLUDE])
    machine.reset()
    module = machine.load(image)
    machine.checkpoint()
    happened = {}
    for number in programs:
        outcome = machine.call(module[f"program_{number}"])
        happened[number] = (*"".join(machine.debug_output).splitlines(), _ending(outcome))
        machine.reset()
    return happened


def _ending(outcome: Outcome) -> str:
    match outcome:
        case Returned(value):
            return f"returned {value & 0xFFFF_FFFF:X}"
        case Raised(record):
            return f"raised {record.code:08X}"
        case Bugchecked(code):
            return f"bugchecked {code:X}"
    return str(outcome)


class Disagreement(NamedTuple):
    """A program that does something else than the model says."""

    seed: int
    build: Build
    program: Program
    expected: tuple[str, ...]
    happened: tuple[str, ...]

    def __str__(self) -> str:
        agreed = 0
        for expected, happened in zip(self.expected, self.happened, strict=False):
            if expected != happened:
                break
            agreed += 1
        return "\n".join(
            [
                f"the program of seed {self.seed}, made smaller, disagrees with the model at {self.build}",
                "again: python -m tests.conformance.seh_random "
                f"{self.seed} --target {self.build.target} --optimize {self.build.optimize} --shrink",
                "",
                program_source(self.seed, self.program),
                *(f"    {line}" for line in self.expected[:agreed]),
                *(f"  - {line}" for line in self.expected[agreed:]),
                *(f"  + {line}" for line in self.happened[agreed:]),
                "(-: expected, +: happened)",
            ]
        )


def disagreements(machine: Machine, programs: Mapping[int, Program], build: Build) -> Iterator[Disagreement]:
    """Run programs, and yield those that disagree with the model."""
    happened = what_happens(machine, programs, build)
    for number, program in programs.items():
        expected = run(program).lines
        if happened[number] != expected:
            yield Disagreement(number, build, program, expected, happened[number])


def shrink(machine: Machine, found: Disagreement) -> Disagreement:
    """Return a disagreement of the smallest program that leaving things out comes to."""
    while True:
        candidates = list(smaller(found.program))
        for start in range(0, len(candidates), BATCH):
            batch = dict(enumerate(candidates[start : start + BATCH]))
            better = next(disagreements(machine, batch, found.build), None)
            if better is not None:
                found = better._replace(seed=found.seed)
                break
        else:
            return found


def check(machine: Machine, seeds: Iterable[int], build: Build) -> None:
    """Run the programs of seeds. Raises AssertionError with the first disagreement, made smaller."""
    programs = {seed: generate(seed, build.target) for seed in seeds}
    found = list(disagreements(machine, programs, build))
    if found:
        others = ", ".join(str(each.seed) for each in found[1:])
        raise AssertionError(
            f"{shrink(machine, found[0])}" + (f"\nseeds that disagree, too: {others}" if others else "")
        )
