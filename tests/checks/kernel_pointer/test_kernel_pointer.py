# SPDX-License-Identifier: GPL-2.0-or-later
"""`kernel-pointer` finds the driver's own pointers on the wrong side, and leaves those that user code gave."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def _kernel_address_inside(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    """Make the first quadword of the first buffer the address of the second, a kernel buffer."""
    user, kernel = arguments
    assert isinstance(user, Buffer)
    user.write(int(kernel).to_bytes(8, "little"))


PROGRAMS = Programs("kernel_pointer", prepare={"kernel_address_inside": _kernel_address_inside})


class TestKernelPointer(CheckCases):
    programs = PROGRAMS
