# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls as checks are given them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emu import Machine, build_guest
from emu.checks import CheckedCall, hookimpl

PERMISSIVE = "skylake-server,smap=permit"


class Captures:
    """A plugin that keeps each call that it is to look at."""

    def __init__(self) -> None:
        self.calls: list[CheckedCall] = []

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> None:
        """Keep it."""
        self.calls.append(call)


class Captured:
    """A machine whose calls are kept."""

    def __init__(self, profile: str = PERMISSIVE, **options: Any) -> None:
        self.plugin = Captures()
        self.machine = Machine(profile, plugins=[self.plugin], **options)

    def load(self, directory: Path, text: str, suffix: str = ".S", **options: Any) -> None:
        """Build and load a source."""
        source = directory / f"guest{suffix}"
        source.write_text(text, encoding="utf-8")
        self.machine.load(build_guest([source], **options))

    def call(self, function: str, *arguments: Any, **options: Any) -> CheckedCall:
        """Make a call and return it."""
        self.machine.call(function, *arguments, **options)
        assert self.machine.findings == ()
        return self.plugin.calls[-1]
