# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the calls, under every check, and runs again what a flip between two fetches can confirm."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from emu import Machine, build_guest
from emu.campaign.confirm.aftermath import Aftermath
from emu.campaign.confirm.double_fetch import confirm_double_fetch, with_confirmation
from emu.campaign.experiment.argument import Memory, parse_argument
from emu.checks.builtin.double_fetch import DoubleFetchFinding
from emu.checks.finding import Finding
from emu.faults import Fault, parse_fault
from emu.memory.buffer import Buffer
from emu.outcome import Outcome
from tests.conformance.bug_classes.findings import describe, write_golden
from tests.conformance.bug_classes.sources import DRIVERS, Version, read_classes

PERMISSIVE: Final = "skylake-server,smap=permit"
"""How Windows enters drivers: AC is set, so that they may touch user memory themselves."""
BUDGET: Final = 100_000

_SETTING: Final = re.compile(r"(irql|profile|fault|besides)=(.+)$")
_CONTENT: Final = re.compile(r"(arg\d+)\+(\d+)=(.+)$")


class Ran(NamedTuple):
    """What came of a call."""

    outcome: Outcome
    findings: tuple[Finding, ...]

    @property
    def headline(self) -> str:
        """How it ended, in one line."""
        return self.outcome.headline.partition("\n")[0]


class _Call:
    """A version's call, read."""

    def __init__(self, version: Version) -> None:
        self.routine = version.routine
        self.settings = {found[1]: found[2] for word in version.call if (found := _SETTING.match(word))}
        self.contents = [found.groups() for word in version.call if (found := _CONTENT.match(word))]
        self.arguments = [
            parse_argument(word) for word in version.call if not _SETTING.match(word) and not _CONTENT.match(word)
        ]

    @property
    def profile(self) -> str:
        return self.settings.get("profile", PERMISSIVE)

    def make(self, machine: Machine, faults: Sequence[Fault] = ()) -> tuple[Outcome, dict[str, Buffer]]:
        """Make it, from the machine's checkpoint; return the memory arguments, too."""
        machine.reset()
        buffers: dict[str, Buffer] = {}
        values: list[int | Buffer] = []
        for position, argument in enumerate(self.arguments):
            if isinstance(argument, Memory):
                half = machine.user if argument.half == "user" else machine.kernel
                name = f"arg{position}"
                buffers[name] = half.alloc(argument.read(), name=name)
                values.append(buffers[name])
            else:
                values.append(argument.value)
        for name, offset, value in self.contents:
            pointed = buffers.get(value)
            content = int(value, 0).to_bytes(4, "little") if pointed is None else int(pointed).to_bytes(8, "little")
            buffers[name].write(content, int(offset))
        own = [parse_fault(self.settings["fault"])] if "fault" in self.settings else []
        for fault in (*own, *faults):
            machine.inject(fault, **buffers)
        irql = int(self.settings.get("irql", 0))
        return machine.call(self.routine, *values, irql=irql, budget=BUDGET), buffers


class Laboratory:
    """All drivers in one image, loaded on machines that are kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._machines: dict[tuple[str, str | None], Machine] = {}

    @functools.cached_property
    def _image(self) -> Path:
        sources = sorted(DRIVERS.glob("*.c"))
        return build_guest(sources, self._directory / "drivers.sys", include=DRIVERS, optimize="2")

    def _machine(self, profile: str, checks: str | None) -> Machine:
        machine = self._machines.get((profile, checks))
        if machine is None:
            machine = self._machines[profile, checks] = Machine(profile, checks=checks)
            machine.load(self._image)
            assert not machine.findings, "\n".join(map(str, machine.findings))
            machine.checkpoint()
            _Call(read_classes()[0].shapes[0].fix).make(machine)  # the accessors find out where they run
            machine.checkpoint()
        return machine

    def run(self, version: Version) -> Ran:
        """Make a version's call, and confirm what can be confirmed."""
        call = _Call(version)
        machine = self._machine(call.profile, "all")
        outcome, _ = call.make(machine)
        found = [each for each in machine.findings if each.check != call.settings.get("besides")]
        return Ran(outcome, tuple(self._confirmed(call, finding) for finding in found))

    def _confirmed(self, call: _Call, finding: Finding) -> Finding:
        if not isinstance(finding, DoubleFetchFinding):
            return finding
        machine = self._machine(call.profile, None)

        def again(faults: Sequence[Fault]) -> Aftermath:
            outcome, buffers = call.make(machine, faults)
            return Aftermath.of(machine, outcome, buffers)

        return with_confirmation(finding, confirm_double_fetch(finding, again))

    def close(self) -> None:
        """Give back the memory of all machines."""
        for machine in self._machines.values():
            machine.close()

    def report(self) -> str:
        """Return what findings.txt has to say."""
        texts = {}
        for each in read_classes():
            for version in each.versions:
                ran = self.run(version)
                texts[version.routine] = ran.headline, describe(ran.findings)
        return write_golden(texts)
