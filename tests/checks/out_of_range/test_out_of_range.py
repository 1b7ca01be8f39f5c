# SPDX-License-Identifier: GPL-2.0-or-later
"""`out-of-range` finds every byte outside the ranges that were given, and no access to what is a routine's own."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs


def _string_to_the_end(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    """Have a string end with the page."""
    buffer = arguments[0]
    assert isinstance(buffer, Buffer)
    buffer.write(b"x" * (buffer.size - 1) + b"\0")


def _unmapped(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.unmap(int(arguments[0]))


def _second_page_gone(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    machine.user.protect(int(arguments[1]) + 0x1000, "none")


_AS_COPY = (
    "MyWideCopy",
    "MyCopyOfOneMore",
    "MyAlignedRead",
    "MyTerminatedCopy",
    "MyUnderrun",
    "MyReadAhead",
    "MyOverlappingTail",
    "MyCountedCopy",
)
PROGRAMS = Programs(
    "out_of_range",
    prepare={"string_to_the_end": _string_to_the_end, "unmapped": _unmapped, "second_page_gone": _second_page_gone},
    accessors={"MyLength": "StringLengthFromUser", **dict.fromkeys(_AS_COPY, "CopyFromUser")},
)


class TestOutOfRange(CheckCases):
    programs = PROGRAMS
