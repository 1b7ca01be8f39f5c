# SPDX-License-Identifier: GPL-2.0-or-later
"""`mode` finds every Mode that does not fit its pointer, or that user code chose, and no other."""

from __future__ import annotations

from emu import Machine
from emu.memory.buffer import Buffer
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

_MODE = 12


def _says_user_mode(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    _user(arguments).write(b"\1", _MODE)


def _says_kernel_mode(machine: Machine, arguments: tuple[int | Buffer, ...]) -> None:
    _user(arguments).write(b"\0", _MODE)


def _user(arguments: tuple[int | Buffer, ...]) -> Buffer:
    user = arguments[0]
    assert isinstance(user, Buffer)
    user.write(bytes(12))
    return user


PROGRAMS = Programs("mode", prepare={"says_user_mode": _says_user_mode, "says_kernel_mode": _says_kernel_mode})


class TestMode(CheckCases):
    programs = PROGRAMS
