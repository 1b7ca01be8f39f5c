# SPDX-License-Identifier: GPL-2.0-or-later
"""One machine a profile for the whole session, as new in every test."""

from collections.abc import Iterator

import pytest

from emu import Machine
from tests.conformance.machines import boot, close_all


@pytest.fixture
def machine() -> Machine:
    """The default machine, as it was after boot."""
    return boot()


@pytest.fixture(scope="session", autouse=True)
def _close_machines() -> Iterator[None]:
    yield
    close_all()
