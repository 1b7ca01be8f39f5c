# SPDX-License-Identifier: GPL-2.0-or-later
"""`torn` finds typed values that are accessed in parts, or that the processor may access in parts, and no others."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def _paged_out(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.page_out(arguments[0])


PROGRAMS = Programs(
    "torn",
    prepare={"paged_out": _paged_out},
    accessors={
        "MyReadInHalves": "ReadULong64FromUser",
        "MyReadBytes": "ReadUShortFromUserAcquire",
        "MyWriteInHalves": "WriteLong64ToUser",
        "MyReadOnce": "ReadULong64FromUser",
        "MyReadOfAll": "ReadULongFromUser",
    },
)


class TestTorn(CheckCases):
    programs = PROGRAMS
