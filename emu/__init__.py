# SPDX-License-Identifier: GPL-2.0-or-later
"""A full-system x86-64 emulator that shows what really happens when kernel code touches user memory."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.machine import Machine
    from emu.nt.status import NtStatus
    from emu.outcome import Bugchecked, Raised, Returned, TimedOut, Unmodelled
    from emu.profile import Profile
    from emu.toolchain import build_guest

_HOMES = {
    "Bugchecked": "emu.outcome",
    "Machine": "emu.machine",
    "NtStatus": "emu.nt.status",
    "Profile": "emu.profile",
    "Raised": "emu.outcome",
    "Returned": "emu.outcome",
    "TimedOut": "emu.outcome",
    "Unmodelled": "emu.outcome",
    "build_guest": "emu.toolchain",
}

__all__ = [
    "Bugchecked",
    "Machine",
    "NtStatus",
    "Profile",
    "Raised",
    "Returned",
    "TimedOut",
    "Unmodelled",
    "build_guest",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the build hook imports `emu.toolchain` with nothing installed."""
    if name not in _HOMES:
        raise AttributeError(f"module 'emu' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
