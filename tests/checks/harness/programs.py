# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of a check: read from their sources, built into one image, and run."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from emu import Machine, build_guest
from emu.campaign.experiment.argument import Argument, Memory, parse_argument
from emu.checks.finding import Finding
from emu.memory.buffer import Buffer
from emu.outcome import Outcome

CHECKS: Final = Path(__file__).parent.parent
HARNESS: Final = Path(__file__).parent

_CALL: Final = re.compile(r"//\s*call:\s*(\S+)(.*)$")
_FINDS: Final = re.compile(r"//\s*finds:\s*([a-z-]+)(?:\s*×\s*(\d+))?\s*$")
_SETTING: Final = re.compile(r"(irql|profile|finds|prepare|unguarded|budget|optimize)=(\S+)$")

_CHANGING: Final = re.compile(r"(?<=0x)[0-9a-f]{12,}|(?<=\[rip [+-] )0x[0-9a-f]+")
"""Addresses, which any change of the library moves."""

PERMISSIVE: Final = "skylake-server,smap=permit"
"""How Windows enters drivers: AC is set, so that they may touch user memory themselves."""

Prepare = Callable[[Machine, tuple[int | Buffer, ...]], None]


@dataclass(frozen=True)
class Program:
    """One call, and what must be found in it."""

    routine: str
    arguments: tuple[Argument, ...]
    settings: dict[str, str]
    check: str
    expected: dict[tuple[str, int], int] = field(default_factory=dict)
    """File and line → how many findings of the check are there."""

    @property
    def elsewhere(self) -> int:
        """How many findings there are at no line of the programs."""
        return int(self.settings.get("finds", 0))

    @property
    def is_flagged(self) -> bool:
        """Whether anything is to be found in it."""
        return bool(self.expected) or self.elsewhere > 0

    @property
    def profile(self) -> str:
        """The machine's."""
        return self.settings.get("profile", PERMISSIVE)


@dataclass(frozen=True)
class Ran:
    """What came of a program."""

    outcome: Outcome
    findings: tuple[Finding, ...]


class Programs:
    """The programs in the directory of a check; `name` is the check's, `prepare` has what settings name."""

    def __init__(
        self,
        directory: str,
        *,
        prepare: dict[str, Prepare] | None = None,
        accessors: dict[str, str] | None = None,
        **build: Any,
    ) -> None:
        self.directory = CHECKS / directory
        self.check = directory.replace("_", "-")
        self._prepare = prepare or {}
        self._accessors = accessors
        self._build = build
        self._machines: dict[str, Machine] = {}

    @functools.cached_property
    def sources(self) -> list[Path]:
        """The files."""
        return sorted(each for each in self.directory.glob("programs*") if each.suffix in (".c", ".S"))

    @functools.cached_property
    def all(self) -> dict[str, Program]:
        """Every program by its name: the routine's, with a number where it is called more than once."""
        found: dict[str, Program] = {}
        for source in self.sources:
            for program in self._read(source):
                name = program.routine
                while name in found:
                    stem, _, number = name.partition("#")
                    name = f"{stem}#{int(number or 1) + 1}"
                found[name] = program
        return found

    def _read(self, source: Path) -> Iterator[Program]:
        program: Program | None = None
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            if called := _CALL.search(line):
                if program is not None:
                    yield program
                words = called[2].split()
                settings = {found[1]: found[2] for word in words if (found := _SETTING.match(word))}
                arguments = tuple(parse_argument(word) for word in words if not _SETTING.match(word))
                program = Program(called[1], arguments, settings, self.check)
            elif (found := _FINDS.search(line)) is not None:
                assert program is not None, f"{source.name}:{number}: no program has begun"
                assert found[1] == self.check, f"{source.name}:{number}: the check is {self.check}"
                program.expected[source.name, number] = int(found[2] or 1)
            else:
                assert "finds:" not in line, f"{source.name}:{number}: {line.strip()}"
        if program is not None:
            yield program

    @functools.cached_property
    def image(self) -> Path:
        """The image of all."""
        return build_guest(self.sources, include=HARNESS, **self._build)

    def machine(self, profile: str) -> Machine:
        """Return a machine of a profile as it is with the image loaded."""
        machine = self._machines.get(profile)
        if machine is None:
            machine = self._machines[profile] = Machine(profile, checks=[self.check], accessors=self._accessors)
            machine.load(self.image)
            machine.checkpoint()
        machine.reset()
        return machine

    def run(self, program: Program) -> Ran:
        """Run a program, and return how it ended and what was found."""
        machine = self.machine(program.profile)
        arguments = tuple(_place(machine, position, each) for position, each in enumerate(program.arguments))
        prepare = program.settings.get("prepare")
        if prepare is not None:
            self._prepare[prepare](machine, arguments)
        outcome = machine.call(
            program.routine,
            *arguments,
            irql=int(program.settings.get("irql", 0)),
            guarded="unguarded" not in program.settings,
            budget=int(program.settings.get("budget", 100_000)),
        )
        return Ran(outcome, machine.findings)

    def mistakes(self, program: Program, ran: Ran) -> list[str]:
        """Return what was found and should not have been, and the reverse."""
        found: Counter[tuple[str, int]] = Counter()
        wrong = []
        elsewhere = 0
        names = [source.name for source in self.sources]
        for finding in ran.findings:
            if finding.check != self.check:
                wrong.append(f"a finding of another check:\n{finding}")
            elif finding.where.file in names:
                found[finding.where.file, finding.where.line] += 1
            else:
                elsewhere += 1
        for place in sorted({*found, *program.expected}):
            if found[place] != program.expected.get(place, 0):
                file, line = place
                wrong.append(f"{file}:{line}: {found[place]} found, {program.expected.get(place, 0)} expected")
        if elsewhere != program.elsewhere:
            wrong.append(f"{elsewhere} found outside of the programs, {program.elsewhere} expected")
        return [*wrong, *(str(finding) for finding in ran.findings)] if wrong else []

    def report(self) -> str:
        """Return what is said of every program that is flagged."""
        lines = []
        for name, program in self.all.items():
            ran = self.run(program)
            if program.is_flagged or ran.findings:
                lines += [f"{name}: {ran.outcome.headline}", *map(str, ran.findings), ""]
        return _CHANGING.sub("…", "\n".join(lines))

    @property
    def golden(self) -> Path:
        """What is to be said of them."""
        return self.directory / "messages.txt"


def _place(machine: Machine, position: int, argument: Argument) -> int | Buffer:
    if not isinstance(argument, Memory):
        return argument.value
    half = machine.user if argument.half == "user" else machine.kernel
    return half.alloc(argument.read(), name=f"arg{position}")
