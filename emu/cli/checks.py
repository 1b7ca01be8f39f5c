# SPDX-License-Identifier: GPL-2.0-or-later
"""`--checks`: the checks of a verb's call, and what they found, to the terminal and as JSON.

With `--checks`, `--json` has these keys, too:

    checks       the names of the checks that looked
    findings     [{check, message, where {symbol, address, instruction, file, line}, evidence [lines], harmless,
                 replay}]; harmless: running the call again has shown that nothing comes of it
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
    from emu.checks.finding import Finding
    from emu.machine import Machine

Watch = Callable[["Machine"], AbstractContextManager[None]]


class SelectedChecks:
    """The checks that --checks names, and what the project says of them.

    Raises `CheckError` for names that are none, or a mistake in `pyproject.toml`.
    """

    def __init__(self, selection: str) -> None:
        from emu.checks.configuration import Suppressions, find_configuration  # noqa: PLC0415 (few calls check)
        from emu.checks.registry import select_checks  # noqa: PLC0415

        self.selection = selection
        self.names = select_checks(selection)
        configuration = find_configuration(Path.cwd())
        self._accessors = configuration.accessors
        self._suppressions = Suppressions(configuration.suppressions)
        self.findings: dict[tuple[str, str, int], Finding] = {}

    @contextlib.contextmanager
    def watch(self, machine: Machine, replay: str, accessors: Mapping[str, str], inner: Watch | None) -> Iterator[None]:
        """Check what a machine runs in a `with` block.

        replay     the replay id of the call
        accessors  routines of its own, each with the accessor that it is as
        """
        declared = {**accessors, **self._accessors}
        own = {name: as_ for name, as_ in declared.items() if name != as_}
        machine.check(self.names, accessors=own, suppressions=self._suppressions)
        with contextlib.nullcontext() if inner is None else inner(machine):
            yield
        for finding in machine.findings:
            self.findings.setdefault(finding.identity, finding.with_replay(replay))

    @property
    def clean(self) -> bool:
        """Whether nothing was found but what has been shown to do no harm."""
        return all(finding.is_harmless for finding in self.findings.values())

    def confirm(self, experiment: CallExperiment | CopyExperiment, replay: str) -> None:
        """Have what was found in an experiment confirmed by running it again, where that can be."""
        found = tuple(finding for finding in self.findings.values() if finding.replay == replay)
        if found:
            from emu.campaign.confirm.experiments import confirm_findings  # noqa: PLC0415 (few calls are suspected)

            for before, after in zip(found, confirm_findings(found, experiment), strict=True):
                self.findings[before.identity] = after

    def sections(self, of: str = "") -> Iterator[RenderableType]:
        """Return what there is to see of them; `of` says of how many calls."""
        found = list(self.findings.values())
        count = [plural(len(found), "finding")] if found else []
        subtitle = "; ".join([*count, *([of] if of else []), *self._suppressed()])
        lines = [line for finding in found for line in _lines(finding)]
        if not found:
            lines = [Text(f"none, by {', '.join(self.names) or 'no check'}", "green")]
        unused = [f"the suppression of {each} is not used" for each in self._suppressions.unused(self.names)]
        yield section("Checks", subtitle, *lines, *(Text(line, "yellow") for line in unused))
        for number, replay in enumerate(dict.fromkeys(finding.replay for finding in found)):
            # On one line whatever the width, so that it can be copied as one.
            heading = ("\n", ("Check again", "bold")) if number == 0 else (" " * len("Check again"),)
            again = f"  emu replay {replay} --checks {self.selection}"
            yield Text.assemble(*heading, again, no_wrap=True, overflow="ignore")

    def _suppressed(self) -> list[str]:
        count = len({finding.identity for finding, _ in self._suppressions.suppressed})
        return [f"{count} suppressed"] if count else []

    def data(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return {
            "checks": list(self.names),
            "findings": [finding_data(finding) for finding in self.findings.values()],
            "suppressed": len({finding.identity for finding, _ in self._suppressions.suppressed}),
            "unused_suppressions": [
                dataclasses.asdict(suppression) for suppression in self._suppressions.unused(self.names)
            ],
        }


class CallChecks:
    """The checks of one call, if there are any. Raises what `SelectedChecks` raises."""

    def __init__(self, selection: str | None, replay: str = "", accessors: Mapping[str, str] | None = None) -> None:
        """`selection` is what --checks was given, None where it was left out; `replay` is the call's replay id."""
        self._replay = replay
        self._accessors = accessors or {}
        self._selected = None if selection is None else SelectedChecks(selection)

    @property
    def clean(self) -> bool:
        """Whether nothing was found but what has been shown to do no harm."""
        return self._selected is None or self._selected.clean

    def confirm(self, experiment: CallExperiment | CopyExperiment) -> None:
        """Have what can be confirmed by running the call again confirmed."""
        if self._selected is not None:
            self._selected.confirm(experiment, self._replay)

    @contextlib.contextmanager
    def watch(self, machine: Machine, inner: Watch | None = None) -> Iterator[None]:
        """Check what a machine runs in a `with` block, and enter `inner` in it."""
        if self._selected is None:
            with contextlib.nullcontext() if inner is None else inner(machine):
                yield
            return
        with self._selected.watch(machine, self._replay, self._accessors, inner):
            yield

    def sections(self) -> Iterator[RenderableType]:
        """Return what there is to see of them; nothing without --checks."""
        if self._selected is not None:
            yield from self._selected.sections()

    def data(self) -> dict[str, Any]:
        """Return the same as JSON; nothing without --checks."""
        return {} if self._selected is None else self._selected.data()


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
