# SPDX-License-Identifier: GPL-2.0-or-later
"""`--checks`: the checks of a verb's call, and what they found, to the terminal and as JSON.

checks       the names of the checks that looked, null without --checks
findings     [{check, message, where {symbol, address, instruction, file, line}, evidence [lines], harmless, replay}]
             harmless: running the call again has shown that nothing comes of it
suppressed   how many more there are that pyproject.toml suppresses
unused_suppressions [{check, symbol, reason}]: those of these checks for which nothing was found
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from emu.cli.call_data import hexadecimal
from emu.cli.sections import section
from emu.cli.words import plural

if TYPE_CHECKING:
    from emu.campaign.experiment.call_experiment import CallExperiment
    from emu.campaign.experiment.copy_experiment import CopyExperiment
    from emu.checks.configuration import CheckConfiguration, Suppressions
    from emu.checks.finding import Finding
    from emu.machine import Machine

Watch = Callable[["Machine"], AbstractContextManager[None]]


class CallChecks:
    """The checks of one call. Raises `CheckError` for names that are none, or a mistake in `pyproject.toml`."""

    def __init__(self, selection: str | None, replay: str = "", accessors: Mapping[str, str] | None = None) -> None:
        """`selection` is what --checks was given, None where it was left out; `replay` is the call's replay id."""
        self._selection = selection
        self._replay = replay
        self._accessors = dict(accessors or {})
        self.names: tuple[str, ...] = ()
        self.findings: tuple[Finding, ...] = ()
        self._configuration: CheckConfiguration | None = None
        self._suppressions: Suppressions | None = None
        if selection is not None:
            from emu.checks.configuration import Suppressions, find_configuration  # noqa: PLC0415 (few calls check)
            from emu.checks.registry import select_checks  # noqa: PLC0415

            self.names = select_checks(selection)
            self._configuration = find_configuration(Path.cwd())
            self._suppressions = Suppressions(self._configuration.suppressions)

    @property
    def clean(self) -> bool:
        """Whether nothing was found but what has been shown to do no harm."""
        return all(finding.is_harmless for finding in self.findings)

    def confirm(self, experiment: CallExperiment | CopyExperiment) -> None:
        """Have what can be confirmed by running an experiment again confirmed."""
        if self.findings:
            from emu.campaign.confirm.experiments import confirm_findings  # noqa: PLC0415 (few calls are suspected)

            self.findings = confirm_findings(self.findings, experiment)

    @contextlib.contextmanager
    def watch(self, machine: Machine, inner: Watch | None = None) -> Iterator[None]:
        """Check what a machine runs in a `with` block, and enter `inner` in it."""
        if self._configuration is not None:
            accessors = {**self._accessors, **self._configuration.accessors}
            own = {name: as_ for name, as_ in accessors.items() if name != as_}
            machine.check(self.names, accessors=own, suppressions=self._suppressions)
        with contextlib.nullcontext() if inner is None else inner(machine):
            yield
        self.findings = tuple(finding.with_replay(self._replay) for finding in machine.findings)

    def sections(self) -> Iterator[RenderableType]:
        """Return what there is to see of them; nothing without --checks."""
        if self._configuration is None or self._suppressions is None:
            return
        suppressed = len(self._suppressions.suppressed)
        more = f"; {suppressed} suppressed" if suppressed else ""
        unused = [f"the suppression of {each} is not used" for each in self._suppressions.unused(self.names)]
        if not self.findings:
            lines = [Text(f"none, by {', '.join(self.names) or 'no check'}{more}", "green")]
        else:
            lines = [line for finding in self.findings for line in _lines(finding)]
        count = "" if not self.findings else f"{plural(len(self.findings), 'finding')}{more}"
        yield section("Checks", count, *lines, *(Text(line, "yellow") for line in unused))
        if self.findings:
            # On one line whatever the width, so that it can be copied as one.
            again = f"  emu replay {self._replay} --checks {self._selection}"
            yield Text.assemble("\n", ("Check again", "bold"), again, no_wrap=True, overflow="ignore")

    def data(self) -> dict[str, Any]:
        """Return the same as JSON."""
        if self._configuration is None or self._suppressions is None:
            return {}
        return {
            "checks": list(self.names),
            "findings": [finding_data(finding) for finding in self.findings],
            "suppressed": len(self._suppressions.suppressed),
            "unused_suppressions": [
                dataclasses.asdict(suppression) for suppression in self._suppressions.unused(self.names)
            ],
        }


def finding_data(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON."""
    where = finding.where
    return {
        "check": finding.check,
        "message": finding.message,
        "where": {
            "symbol": where.symbol,
            "address": hexadecimal(where.address),
            "instruction": where.instruction,
            "file": where.file or None,
            "line": where.line or None,
        },
        "evidence": list(finding.evidence),
        "harmless": finding.is_harmless,
        "replay": finding.replay or None,
    }


def _lines(finding: Finding) -> Iterator[Text]:
    first, *rest = str(finding.with_replay("")).splitlines()
    name, _, message = first.partition(": ")
    yield Text.assemble((name, "bold red"), f": {message}")
    for line in rest:
        yield Text(line)
