# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin: a fresh machine for each test, guest code built beside it, and what ran where it fails.

    def test_my_copy(machine, guest):
        guest.load("my_copy.S")
        ...

Machines are booted once a session for each profile, and reset before each test. Another profile:
`@pytest.mark.emu(profile="nehalem")`; several: `--emu-profiles nehalem,epyc`, or
`@pytest.mark.parametrize("machine", ["nehalem", "broadwell,smap=off"], indirect=True)`.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emu.testing import options
from emu.testing.current import MACHINES, POOL, pool_of, running
from emu.testing.guest import Guest

# Every pytest run of an environment imports this file: nothing of the emulator is imported before a test asks for it.
if TYPE_CHECKING:
    from emu.machine import Machine
    from emu.profile import Profile
    from emu.testing.golden import Golden
    from emu.testing.machines import MachinePool
    from emu.trace.trace import Trace


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, read the options, and collect coverage if it is asked for."""
    options.configure(config)
    if config.getoption("--emu-cov") is not None:
        from emu.testing.coverage_report import CoverageCollector  # noqa: PLC0415

        config.pluginmanager.register(CoverageCollector(config), "emu-coverage")
    if config.getoption("--emu-checks") is not None or options.selects_checks(config):
        from emu.testing.check_findings import checks_of  # noqa: PLC0415

        checks_of(config)
    if config.getoption("--emu-update"):
        from emu.testing.golden import files_of  # noqa: PLC0415

        config.pluginmanager.register(files_of(config), "emu-golden-traces")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back the memory of all machines."""
    pool = config.stash.get(POOL, None)
    if pool is not None:
        pool.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests on the profiles of `--emu-profiles`."""
    options.parametrise(metafunc)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Say how a trace differs from its golden one, and outcomes in a line each, not in their fields."""
    golden, outcome = (sys.modules.get(f"emu.{name}") for name in ("testing.golden", "outcome"))
    differs: list[str] | None = golden.explain(op, left, right) if golden else None
    if differs or outcome is None or not any(isinstance(each, outcome.Outcome) for each in (left, right)):
        return differs
    sides = [each.headline if isinstance(each, outcome.Outcome) else repr(each) for each in (left, right)]
    said = [side.splitlines()[0] for side in sides]
    return [f"{said[0]} {op} {said[1]}"]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect assembly files that are tests."""
    if file_path.suffix != ".S" or not file_path.name.startswith("test_"):
        return None
    from emu.testing.assembly_file import collect  # noqa: PLC0415

    return collect(parent, file_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Know which test uses the machines that are taken."""
    with running(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test for what checks found in the calls of its machines, or were to find."""
    result = yield
    if options.are_checks_wanted(item):
        from emu.testing.check_findings import checks_of  # noqa: PLC0415

        checks_of(item.config).judge(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show of a failing test what its machines did."""
    report = yield
    if report.failed and item.stash.get(MACHINES, []):
        from emu.testing.report import add_to  # noqa: PLC0415

        add_to(report, item)
    return report


@pytest.fixture(scope="session")
def machine_pool(pytestconfig: pytest.Config) -> MachinePool:
    """The session's machines, for fixtures that need one of a profile of their own choice."""
    return pool_of(pytestconfig)


@pytest.fixture
def emu_profile(request: pytest.FixtureRequest) -> Profile:
    """The profile of the test's machine: of the marker `emu`, of `--emu-profiles`, or the default one."""
    return options.marked(request.node).applied_to(getattr(request, "param", None))


@pytest.fixture
def machine(request: pytest.FixtureRequest, machine_pool: MachinePool, emu_profile: Profile) -> Machine:
    """A machine as it is after boot; whatever the test does to it is gone for the next one.

    Its profile is `emu_profile`, or the one (a `Profile` or its text form) that indirect parametrisation gives.
    """
    wanted = getattr(request, "param", emu_profile)
    if isinstance(wanted, str):
        from emu.profile import Profile  # noqa: PLC0415

        wanted = Profile.parse(wanted)
    taken = machine_pool.take(wanted)
    taken.default_irql = options.marked(request.node).irql
    return taken


@pytest.fixture
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    """Builds guest code from sources in the directory of the test's file, or from text."""
    return Guest(request.path.parent, tmp_path, request)


@pytest.fixture
def trace(machine: Machine) -> Trace:
    """The trace of every call that the test's machine makes; it can be asked between them."""
    from emu.testing.calls_trace import CallsTrace  # noqa: PLC0415
    from emu.testing.machines import LoggedMachine  # noqa: PLC0415

    if not isinstance(machine, LoggedMachine):
        pytest.fail("the fixture trace needs the plugin's own fixture machine, and another one has replaced it")
    return CallsTrace(machine)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Golden traces: `assert trace == golden("name")` compares with golden/name.trace beside the test."""
    from emu.testing.golden import Golden  # noqa: PLC0415

    return Golden(request.node)
