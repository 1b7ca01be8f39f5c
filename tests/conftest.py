# SPDX-License-Identifier: GPL-2.0-or-later
"""`--emu-trace`: the whole suite with every call traced (tests/traced.py); and the last line about the accessors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.accessors.tally import AccessorCases


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--emu-trace",
        action="store_true",
        help="trace every call of every machine, and compare running it again with the call itself",
    )
    parser.addoption("--emu-watch", action="store_true", help="count every access and instruction of every machine")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(AccessorCases(), "accessor-cases")


@pytest.fixture(scope="session", autouse=True)
def _trace_every_call(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if request.config.getoption("--emu-trace"):
            from tests.traced import trace_every_call  # noqa: PLC0415 (NumPy takes its time to import)

            trace_every_call(patch)
            patch.setattr("emu.testing.machines.LoggedMachine.keeps_log", False)
        if request.config.getoption("--emu-watch"):
            from tests.watched import watch_every_processor  # noqa: PLC0415

            watch_every_processor(patch)
        yield
