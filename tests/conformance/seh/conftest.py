# SPDX-License-Identifier: GPL-2.0-or-later
"""The marker of the tests that need Wine."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register it."""
    config.addinivalue_line("markers", "wine: needs Debian's wine64; run by `make test-wine`")
