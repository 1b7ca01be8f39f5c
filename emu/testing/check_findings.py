# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks of a pytest run: which look at the machines of a test, and what becomes of what they find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

from emu.checks.check_error import CheckError
from emu.checks.configuration import CheckConfiguration, Suppression, Suppressions, find_configuration
from emu.checks.registry import select_checks
from emu.testing import options
from emu.testing.current import MACHINES

if TYPE_CHECKING:
    from emu.checks.finding import Finding
    from emu.testing.machines import LoggedMachine

FINDING_PROPERTY: Final = "emu-finding"

_OUTPUT: Final = "emu_used_suppressions"


class RunChecks:
    """The checks of a run. Raises `pytest.UsageError` for a selection or a table that cannot be."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        given: str | None = config.getoption("--emu-checks")
        try:
            self._configuration: CheckConfiguration = find_configuration(config.rootpath)
            self.names = select_checks(self._configuration.select if given is None else given)
        except CheckError as error:
            raise pytest.UsageError(str(error)) from None
        self._suppressions = Suppressions(self._configuration.suppressions)
        self._looked = False

    def begin(self, machine: LoggedMachine, item: pytest.Item) -> None:
        """Have the checks of a test look at the calls of one of its machines."""
        names = self._names(item)
        if not names:
            machine.check(None)
            return
        self._looked = True
        machine.check(names, accessors=self._configuration.accessors, suppressions=self._suppressions)

    def _names(self, item: pytest.Item) -> tuple[str, ...]:
        marked = options.marked(item)
        try:
            named = self.names if marked.checks is None else select_checks(marked.checks)
            return tuple(dict.fromkeys((*named, *select_checks(marked.finds))))
        except CheckError as error:
            pytest.fail(f"@pytest.mark.{options.MARKER}: {error}", pytrace=False)

    def judge(self, item: pytest.Item) -> None:
        """Fail a test for what was found and is not expected, or is expected and was not found."""
        expected = options.marked(item).finds
        found = [finding for machine in item.stash[MACHINES] for finding in machine.findings_of_test]
        item.user_properties += [(FINDING_PROPERTY, finding.headline) for finding in found]
        unexpected = [finding for finding in found if finding.check not in expected and not finding.is_harmless]
        missing = [name for name in expected if all(finding.check != name for finding in found)]
        if unexpected or missing:
            pytest.fail("\n".join(_told(unexpected, missing)), pytrace=False)

    @pytest.hookimpl
    def pytest_sessionfinish(self) -> None:
        """Hand what a worker of pytest-xdist has used to the run that it belongs to."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None and self._looked:
            output[_OUTPUT] = [(each.check, each.symbol, each.reason) for each in self._suppressions.used]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker of pytest-xdist has used."""
        used = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if used is not None:
            self._looked = True
            self._suppressions.use(Suppression(*each) for each in used)

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which suppressions were not used, where machines were checked."""
        unused = self._suppressions.unused(self.names) if self._looked else ()
        if unused:
            terminalreporter.section("checks (umaccess-emu)")
            for each in unused:
                terminalreporter.write_line(f"the suppression of {each} is not used", yellow=True)


def _told(unexpected: list[Finding], missing: list[str]) -> Iterator[str]:
    if unexpected:
        count = len(unexpected)
        yield f"{count} finding{'' if count == 1 else 's'} in the calls of this test:"
        yield from map(str, unexpected)
    for name in missing:
        yield f"@pytest.mark.{options.MARKER}(finds={name!r}): {name} has found nothing"


def checks_of(config: pytest.Config) -> RunChecks:
    """Return the checks of a run."""
    found: RunChecks | None = config.pluginmanager.get_plugin(options.CHECKS_PLUGIN)
    if found is None:
        found = RunChecks(config)
        config.pluginmanager.register(found, options.CHECKS_PLUGIN)
    return found
