# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that lives as long as a module's tests, for properties that are tried many times over."""

from collections.abc import Iterator

import pytest

from emu import Machine


@pytest.fixture(scope="module")
def lasting() -> Iterator[Machine]:
    """A machine that nobody resets between the examples of a property."""
    with Machine() as machine:
        yield machine
