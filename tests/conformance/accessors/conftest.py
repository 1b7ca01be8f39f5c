# SPDX-License-Identifier: GPL-2.0-or-later
"""The benches live as long as the session."""

from collections.abc import Iterator

import pytest

from tests.conformance.accessors.suite import close_benches


@pytest.fixture(scope="session", autouse=True)
def _close_benches() -> Iterator[None]:
    yield
    close_benches()
