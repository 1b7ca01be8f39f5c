# SPDX-License-Identifier: GPL-2.0-or-later
"""Contract checks: what guest code and its data must hold to, and the findings where they do not.

A check is a plugin (`emu.checks.hookspec`); `docs/how-to/write-a-check.md` shows how to write one.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.checks.call.checked_call import CheckedCall
    from emu.checks.check import Check
    from emu.checks.check_error import CheckError
    from emu.checks.checker import CallNotChecked
    from emu.checks.finding import Finding, Place
    from emu.checks.hookspec import CallRequest, hookimpl
    from emu.checks.registry import describe_checks

_HOMES = {
    "CallNotChecked": "emu.checks.checker",
    "CallRequest": "emu.checks.hookspec",
    "Check": "emu.checks.check",
    "CheckError": "emu.checks.check_error",
    "CheckedCall": "emu.checks.call.checked_call",
    "Finding": "emu.checks.finding",
    "Place": "emu.checks.finding",
    "describe_checks": "emu.checks.registry",
    "hookimpl": "emu.checks.hookspec",
}

__all__ = [
    "CallNotChecked",
    "CallRequest",
    "Check",
    "CheckError",
    "CheckedCall",
    "Finding",
    "Place",
    "describe_checks",
    "hookimpl",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: few machines check anything."""
    if name not in _HOMES:
        raise AttributeError(f"module 'emu.checks' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
