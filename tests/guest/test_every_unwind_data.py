# SPDX-License-Identifier: GPL-2.0-or-later
"""The unwind data of every accessor, proved by execution: unwound at each instruction, by every way through it."""

from __future__ import annotations

import pytest

from emu import Machine
from tests.guest.machines import WITH_SMAP_POLICIES
from tests.guest.ways import FUNCTIONS, STOPS_THE_MACHINE, Ways, named

OF_THE_LIBRARY = {
    "DriverEntry",
    "UmaFindFeatures",
    "UmaFirstUse",
    "UmaInitialize",
    "UmaRaiseAccessViolation",
    "UmaRaiseDatatypeMisalignment",
    "UmaRaiseNotUser",
    "UmaReadUnicodeStringInKernel",
}
OF_THE_KERNEL = {
    "KiUserAccessFindFeatures",
    "KiUserAccessFirstUse",
    "KiUserAccessRaiseDatatypeMisalignment",
    "KiUserAccessRaiseNotUser",
}

HANDLED_BY_THE_HOST = {"__C_specific_handler"}
"""The stub from which the host calls filters: it has no caller while it is the frame of a callback."""


@pytest.mark.parametrize("machine", WITH_SMAP_POLICIES, indirect=True)
def test_every_function_unwinds_to_its_caller(machine: Machine) -> None:
    """Both images, with the raises and what continues behind them; the leaves behind the functions, too."""
    ways = Ways(machine)
    with machine.prove_unwind_data(ways.library, ways.kernel) as proof:
        ways.take_all()
    accessors = {accessor.name for accessor in FUNCTIONS}
    assert accessors | OF_THE_LIBRARY | OF_THE_KERNEL <= set(proof.coverage.functions)
    assert [str(finding) for finding in proof.findings if finding.function not in HANDLED_BY_THE_HOST] == []


@pytest.mark.parametrize("image", ["umaccess", "ntoskrnl"])
def test_a_function_that_stops_the_machine_unwinds_to_its_caller(machine: Machine, image: str) -> None:
    ways, module = Ways(machine), named(machine, image)
    with machine.prove_unwind_data(module) as proof:
        ways.stop(module)
    assert proof.findings == ()
    assert STOPS_THE_MACHINE in proof.coverage.functions
