# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwind data that is not what the code does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from emu.address import Gva
from emu.checks.check import Check
from emu.checks.finding import Finding, Place
from emu.checks.hookspec import hookimpl
from emu.checks.unwind_data import DisprovedUnwind, UnwindFinding, UnwindProof, check_unwind_data
from emu.image import ImageError, Module

if TYPE_CHECKING:
    from emu.machine import Machine

MODULES_AT_BOOT = 2
"""The kernel and the accessor library, which the project's own tests prove."""


class UnwindData(Check):
    """Unwind data is not what the code does.

    Proves: reading an image as it is loaded, or unwinding from an instruction that a call reached, gave what the
    unwinder of Windows does not expect: another caller, other registers, a table or a code that cannot be.
    Cannot see: by execution, instructions that no call reaches, and calls in a proof of the user's own; the data of the
    kernel and of the accessor library.
    Cost: a call stops at each instruction: some hundred times as slow. It does not use the trace.
    """

    name = "unwind-data"
    default: ClassVar[bool] = False

    def __init__(self) -> None:
        self._proof: UnwindProof | None = None

    @hookimpl
    def emu_module_loaded(self, machine: Machine, module: Module) -> Iterator[Finding]:
        """Read the image."""
        for found in check_unwind_data(module.image):
            yield self._finding(found, (module,))

    @hookimpl
    def emu_call_begins(self, machine: Machine) -> None:
        """Watch the call."""
        modules = machine.modules[MODULES_AT_BOOT:]
        if modules and not machine.proves_unwind_data:
            self._proof = machine.prove_unwind_data(*modules)
            self._proof.__enter__()

    @hookimpl
    def emu_call_ended(self, machine: Machine) -> list[Finding]:
        """Report what was disproved."""
        proof, self._proof = self._proof, None
        if proof is None:
            return []
        proof.__exit__(None, None, None)
        return [self._finding(found, machine.modules) for found in proof.findings]

    def _finding(self, found: UnwindFinding, modules: tuple[Module, ...]) -> Finding:
        module = next(each for each in modules if each.name == found.module)
        # By reading the RVA is the instruction's, by running the function's.
        begins = isinstance(found, DisprovedUnwind)
        address = Gva(module.base + found.rva + (found.offset or 0 if begins else 0))
        try:
            line = module.source_line(address) if module.contains(address) else None
        except ImageError:
            line = None
        place = Place(address, found.where, found.instruction, line.file if line else "", line.line if line else 0)
        evidence = (f"unwind codes that apply there: {'; '.join(found.codes)}",) if found.codes else ()
        return Finding(self.name, f"{found.rule}: {found.message}", place, evidence)
