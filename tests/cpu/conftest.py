# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from tests.cpu.guest import Guest


@pytest.fixture
def guest() -> Guest:
    return Guest()
