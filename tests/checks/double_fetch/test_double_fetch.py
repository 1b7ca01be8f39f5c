# SPDX-License-Identifier: GPL-2.0-or-later
"""`double-fetch` finds what is fetched twice, by whatever two places, and nothing that is fetched once."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def point_at_second(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    """Have the first argument hold the address of the second."""
    first, second = arguments[:2]
    assert isinstance(first, Buffer)
    first.write(int(second).to_bytes(8, "little"))


PROGRAMS = Programs("double_fetch", prepare={"point_at_second": point_at_second}, optimize="2")


class TestDoubleFetch(CheckCases):
    programs = PROGRAMS
