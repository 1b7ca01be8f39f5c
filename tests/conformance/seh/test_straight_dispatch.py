# SPDX-License-Identifier: GPL-2.0-or-later
"""Every program once more, its dispatches made by the native core where it can and then all by emu/seh."""

from __future__ import annotations

import pytest

from emu import Machine, build_guest
from tests.conformance.seh.programs import PROGRAMS, Program
from tests.kernel.both_ways import BothWays


@pytest.mark.parametrize("target", ["msvc", pytest.param("gnu", marks=pytest.mark.sweep)])
@pytest.mark.parametrize("program", PROGRAMS, ids=[program.name for program in PROGRAMS])
def test_program(machine: Machine, monkeypatch: pytest.MonkeyPatch, program: Program, target: str) -> None:
    image = build_guest([program.path], optimize="1", target=target)
    BothWays(machine, monkeypatch).call(lambda machine: (machine.load(image)[program.name],))
