# SPDX-License-Identifier: GPL-2.0-or-later
"""What `emu unwind --check` found: mistakes, and how far the call that proves the rest has come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from emu.campaign.experiment.call_experiment import MODULES_AT_BOOT, CallExperiment
from emu.campaign.experiment.run_result import RunResult
from emu.checks.unwind_data import Coverage, UnwindFinding, UnwindProof
from emu.checks.unwind_data.functions import ImageFunctions
from emu.machine import Machine
from emu.outcome import TimedOut, Unmodelled


@dataclass(frozen=True, slots=True)
class CallProof:
    """A call that was watched, what was wrong, and what it reached."""

    run: RunResult
    findings: tuple[UnwindFinding, ...]
    coverage: Coverage

    @property
    def is_complete(self) -> bool:
        """Whether the call came to an end of its own."""
        return not isinstance(self.run.outcome, TimedOut | Unmodelled)


@dataclass(frozen=True, slots=True)
class UnwindCheck:
    """The findings of reading, and of running where a call was asked for.

    `refusal` says why the call could not be made; empty where it was, or none was asked for.
    """

    images: tuple[ImageFunctions, ...]
    findings: tuple[UnwindFinding, ...]
    proof: CallProof | None
    refusal: str

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong, and the call, if there was to be one, came to its end."""
        if self.findings or self.refusal:
            return False
        return self.proof is None or (not self.proof.findings and self.proof.is_complete)

    def only(self, names: set[str]) -> UnwindCheck:
        """Return the check with the findings of some functions alone."""
        findings = tuple(finding for finding in self.findings if finding.function in names)
        proof = self.proof
        if proof is not None:
            proof = replace(proof, findings=tuple(each for each in proof.findings if each.function in names))
        return replace(self, findings=findings, proof=proof)


def prove(call: CallExperiment) -> CallProof:
    """Make a call, and watch the images that it loads. Raises what `CallExperiment.run` raises."""
    proofs: list[UnwindProof] = []

    @contextlib.contextmanager
    def watch(machine: Machine) -> Iterator[None]:
        with machine.prove_unwind_data(*machine.modules[MODULES_AT_BOOT:]) as proof:
            proofs.append(proof)
            yield

    run = call.run(watch)
    return CallProof(run, proofs[0].findings, proofs[0].coverage)
