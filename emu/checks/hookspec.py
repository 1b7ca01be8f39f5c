# SPDX-License-Identifier: GPL-2.0-or-later
"""The hooks of machine plugins: what a check or an observer is told, and when.

A plugin is an object with some of these methods, each marked with `hookimpl`; it may leave out arguments that it does
not need. A package offers plugins in the entry-point group `umaccess_emu.checks`: the entry point's name is the
plugin's, its value a class (or a function) that is called without arguments, once for each machine.

Every hook may return findings. All but `emu_check_call` are called at once, while the machine is as they say, and cost
nothing but their own time. `emu_check_call` is called when findings are asked for: only a machine with a plugin that
has this hook logs its calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import pluggy

from emu.address import Gva
from emu.checks.finding import Finding
from emu.memory.buffer import Buffer
from emu.outcome import Outcome

if TYPE_CHECKING:
    from emu.checks.call.checked_call import CheckedCall
    from emu.image import Module
    from emu.machine import Machine

PROJECT: Final = "umaccess_emu"
"""The name that hooks are marked with."""
ENTRY_POINTS: Final = "umaccess_emu.checks"
"""The entry-point group of plugins."""

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)

Found: TypeAlias = Iterable[Finding] | None
"""What a hook returns: findings, or nothing."""


class CallRequest(NamedTuple):
    """A call as it was asked for."""

    address: Gva
    """The function."""
    arguments: tuple[int, ...]
    buffers: tuple[Buffer | None, ...]
    """Of each argument the buffer that was given for it, itself or as its address; None for another integer."""
    guarded: bool
    irql: int
    budget: int


class MachineHooks:
    """The specification."""

    @hookspec
    def emu_machine_booted(self, machine: Machine) -> Found:
        """The machine is there; its own modules are loaded."""

    @hookspec
    def emu_module_loaded(self, machine: Machine, module: Module) -> Found:
        """An image was loaded."""

    @hookspec
    def emu_call_begins(self, machine: Machine, request: CallRequest) -> Found:
        """A call is about to be made."""

    @hookspec
    def emu_call_ended(self, machine: Machine, request: CallRequest, outcome: Outcome | None) -> Found:
        """The call ended; `machine.events` has what happened. `outcome` is None where a host exception ended it."""

    @hookspec
    def emu_check_call(self, call: CheckedCall) -> Found:
        """Look at a call with its trace. What it touched, who called whom and so on is worked out when asked for."""

    @hookspec
    def emu_checkpoint_made(self, machine: Machine) -> Found:
        """`machine.checkpoint()` was made."""

    @hookspec
    def emu_machine_reset(self, machine: Machine) -> Found:
        """The machine went back to its last checkpoint: forget what the plugin holds of later calls."""

    @hookspec
    def emu_machine_closes(self, machine: Machine) -> Found:
        """The machine is about to be closed."""
