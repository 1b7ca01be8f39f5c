# SPDX-License-Identifier: GPL-2.0-or-later
"""Assertions for tests of guest code; the pytest plugin (emu/pytest_plugin.py) stands on the modules beside it."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.testing.asserts import assert_copies, assert_raises
    from emu.testing.sweeps import sweep

_HOMES = {
    "assert_copies": "emu.testing.asserts",
    "assert_raises": "emu.testing.asserts",
    "sweep": "emu.testing.sweeps",
}

__all__ = ["assert_copies", "assert_raises", "sweep"]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: every pytest run imports this package."""
    if name not in _HOMES:
        raise AttributeError(f"module 'emu.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
