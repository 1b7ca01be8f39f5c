# SPDX-License-Identifier: GPL-2.0-or-later
"""`torn` finds typed values that are accessed in parts, or that the processor may access in parts, and no others."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def _paged_out(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.page_out(arguments[0])


def _points_to_itself(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    """Put the first buffer's own address into it, and behind that an odd offset."""
    user = arguments[0]
    assert isinstance(user, Buffer)
    user.write(int(user).to_bytes(8, "little") + (33).to_bytes(4, "little"))


PROGRAMS = Programs(
    "torn",
    prepare={"paged_out": _paged_out, "points_to_itself": _points_to_itself},
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
