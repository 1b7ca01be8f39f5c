# SPDX-License-Identifier: GPL-2.0-or-later
"""No accessor leaks anything of its own, on any kind of processor and kernel."""

from __future__ import annotations

import pytest

from emu import Machine
from tests.checks.test_family import ROUTINES, arguments

PROFILES = ("skylake-server", "skylake-server,smap=permit,primitives=kernel", "nehalem", "epyc,smap=off")


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_leaks(profile: str) -> None:
    wrong = []
    with Machine(profile, checks=["information-leak"]) as machine:
        for accessor in ROUTINES:
            machine.reset()
            machine.call(accessor.name, *arguments(machine, accessor, 1, faults=False))
            wrong += [f"{accessor.name}: {finding}" for finding in machine.findings]
    assert not wrong, "\n".join(wrong)
