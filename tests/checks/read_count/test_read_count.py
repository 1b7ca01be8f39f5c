# SPDX-License-Identifier: GPL-2.0-or-later
"""`read-count` finds what is fetched again against the contract and what is left out, and no retry and no copy."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def _paged_out(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.page_out(arguments[1])


def _gone(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.protect(arguments[0], "none")


PROGRAMS = Programs(
    "read_count",
    prepare={"paged_out": _paged_out, "gone": _gone},
    accessors={
        "MyReadULong": "ReadULongFromUser",
        "MyReadUShort": "ReadUShortFromUser",
        "MyReadStruct": "ReadStructFromUserHelper",
        "MyReadInACallee": "ReadULong64FromUser",
        "MyShortCopy": "CopyFromUser",
        "MyFill": "SetUserMemory",
        "MyCachedRead": "ReadULongFromUser",
        "MyCompareExchange": "InterlockedCompareExchangeToUser",
        "MyOverlappingCopy": "CopyFromUser",
        "MyReadULong64": "ReadULong64FromUser",
        "MyReadOfKernelMemory": "ReadULongFromMode",
    },
)


class TestReadCount(CheckCases):
    programs = PROGRAMS
