# SPDX-License-Identifier: GPL-2.0-or-later
"""The copy routines of broken/ and right/: all in one image, with the sweeps that their first comment asks for.

`// sweep: length=0-8,64 source=0-15 target=0 profile=… fault=KIND@every-byte` goes through the product of its values; a
fault that is given twice is two at once. `source=end` puts the end of the source at the end of its page, `at=ADDRESS`
or `at=kernel` the source itself where no user memory is. The line behind it, `// expect: CLASS: TEXT`, is what the
first verdict that is not `correct` must be, and a part of its detail.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from emu import Machine, Profile, build_guest
from emu.address import PAGE_SIZE, Gva
from emu.campaign.experiment.landing import POISON, RED_ZONE, poison_for
from emu.campaign.experiment.placement import SOURCE
from emu.campaign.judge.observation import Observation, ProcessorNote
from emu.campaign.judge.oracle import judge_copy
from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.campaign.plan.case import CopyCase
from emu.campaign.run.laboratory import CopyLaboratory
from emu.faults import BufferPlace, Fault, parse_fault
from emu.faults.fault import PAGE_STATES
from emu.kernel.call import REGISTER_SENTINELS
from emu.toolchain.layout import guest_directory
from tests.guest.copies import pattern

HERE = Path(__file__).parent
BUDGET = 20_000


@dataclass(frozen=True)
class Sweep:
    """Cases of a routine, and what must come of the first one that is not right."""

    cases: tuple[CopyCase, ...]
    kind: VerdictClass = VerdictClass.CORRECT
    detail: str = ""
    at: int | str | None = None
    """Where the source is to be, if in no user memory."""


@dataclass(frozen=True)
class Routine:
    """A copy routine of this directory."""

    path: Path
    sweeps: tuple[Sweep, ...] = field(repr=False)

    @property
    def symbol(self) -> str:
        """Its name in the image."""
        return "".join(word.capitalize() for word in self.path.stem.split("_"))

    @property
    def purpose(self) -> str:
        """What its first comment says."""
        lines = self.path.read_text().splitlines()[1:]
        comment = [line.removeprefix("// ") for line in lines[: lines.index("")]]
        return " ".join(line for line in comment if not line.startswith(("sweep:", "expect:")))


def routines(directory: str) -> list[Routine]:
    """Return the routines of a directory."""
    return [Routine(path, tuple(_sweeps(path))) for path in sorted((HERE / directory).glob("*.S"))]


def _sweeps(path: Path) -> Iterator[Sweep]:
    asked = None
    for line in path.read_text().splitlines():
        if line.startswith("// sweep: "):
            asked = line.removeprefix("// sweep: ")
        elif line.startswith("// expect: "):
            label, _, detail = line.removeprefix("// expect: ").partition(": ")
            assert asked is not None, f"{path}: an expect: line without a sweep: line before it"
            yield parse_sweep(asked, VerdictClass[label.upper().replace("-", "_")], detail)
            asked = None
    assert asked is None, f"{path}: a sweep: line without an expect: line behind it"


def parse_sweep(text: str, kind: VerdictClass = VerdictClass.CORRECT, detail: str = "") -> Sweep:
    """Read what a `sweep:` line asks for."""
    values: dict[str, str] = {"length": "64", "source": "0", "target": "0", "profile": "skylake-server", "at": ""}
    faults: list[str] = []
    for word in text.split():
        name, _, value = word.partition("=")
        if name == "fault":
            faults.append(value)
            continue
        assert name in values, f"{text}: what is {name}?"
        values[name] = value
    profile, place = Profile.parse(values["profile"]), values["at"]
    cases = [
        case
        for length in _numbers(values["length"])
        for source, target in product(_offsets(values["source"], length), _offsets(values["target"], length))
        for armed in product(*(_faults(fault, length) for fault in faults))
        for case in [_place(CopyCase(length, source, target, armed, profile))]
    ]
    return Sweep(tuple(cases), kind, detail, int(place, 16) if place.startswith("0x") else place or None)


def _numbers(text: str) -> list[int]:
    ranges = [part.partition("-") for part in text.split(",")]
    return [number for low, _, high in ranges for number in range(int(low), int(high or low) + 1)]


def _offsets(text: str, length: int) -> list[int]:
    return [-length % PAGE_SIZE] if text == "end" else _numbers(text)


def _faults(text: str, length: int) -> list[Fault]:
    if "every-byte" not in text:
        return [parse_fault(text)]
    return [parse_fault(text.replace("every-byte", f"src+{byte}")) for byte in range(length)]


def _place(case: CopyCase) -> CopyCase:
    """Put the first byte that a page state names at the begin of a page, where the state is there from the start."""
    for fault in reversed(case.faults):
        place = fault.place
        if isinstance(place, BufferPlace) and fault.kind in PAGE_STATES and not fault.conditions:
            offset = -place.offset % PAGE_SIZE
            if place.buffer == SOURCE:
                case = case._replace(source_offset=offset)
            else:
                case = case._replace(target_offset=offset)
    return case


@functools.cache
def image() -> str:
    """Build all the routines into one image, once."""
    sources = [*sorted(HERE.glob("broken/*.S")), *sorted(HERE.glob("right/*.S"))]
    return str(build_guest([*sources, guest_directory() / "umaccess" / "raise.S"]))


@functools.cache
def laboratory(symbol: str) -> CopyLaboratory:
    """Return the laboratory of a routine."""
    return CopyLaboratory(symbol, (image(),), budget=BUDGET)


def judge(routine: Routine, sweep: Sweep) -> Iterator[tuple[CopyCase, Verdict]]:
    """Run a sweep, and judge each case."""
    for case in sweep.cases:
        if sweep.at is None:
            yield case, judge_copy(laboratory(routine.symbol).observe(case))
        else:
            yield case, judge_copy(observe_elsewhere(routine.symbol, case, sweep.at))


@functools.cache
def _machine(profile: Profile) -> Machine:
    machine = Machine(profile)
    machine.load(image())
    machine.checkpoint()
    return machine


def observe_elsewhere(symbol: str, case: CopyCase, at: int | str) -> Observation:
    """Copy from where no user memory is: an address, or `kernel` for memory of the kernel's."""
    machine, length = _machine(case.profile), case.length
    machine.reset()
    content = pattern(length)
    source = machine.kernel.alloc(content).address if isinstance(at, str) else Gva(at)
    zone = bytes((POISON,)) * RED_ZONE
    region = machine.kernel.alloc(zone + poison_for(content) + zone)
    before = _note(machine)
    outcome = machine.call(symbol, region.address + RED_ZONE, source, length, irql=case.irql, budget=BUDGET)
    after = _note(machine)
    explainer = outcome.dispatch.explainer
    assert explainer is not None
    return Observation(
        case,
        outcome,
        machine.events,
        content,
        content,
        region.read(),
        source,
        Gva(region.address + RED_ZONE),
        before._replace(gpr=(*REGISTER_SENTINELS[:4], after.gpr[4], *REGISTER_SENTINELS[5:])),
        after,
        (),
        explainer.locate,
    )


def _note(machine: Machine) -> ProcessorNote:
    registers = machine.registers
    values = list(registers.values())
    xmm = b"".join(registers[f"xmm{number}"].to_bytes(16, "little") for number in range(16))
    return ProcessorNote(tuple(values[:16]), registers["rflags"], registers["mxcsr"], xmm, machine.irql)
