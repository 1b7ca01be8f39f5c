# SPDX-License-Identifier: GPL-2.0-or-later
"""Printing into a buffer of a known size."""

import pytest

from emu import Machine
from emu.memory.buffer import Buffer
from tests.kernel.exports.calls import ansi, at_page_end, int_of, wide

POISON = b"\xcc"
TRUNCATE = (1 << 64) - 1


class Call:
    """A template and its arguments, which come to `abc 17`, for narrow or wide characters."""

    def __init__(self, machine: Machine, *, is_wide: bool) -> None:
        self.size = 2 if is_wide else 1
        self.encode = wide if is_wide else ansi
        self.template = machine.kernel.alloc(self.encode("%s %d"))
        self.text = machine.kernel.alloc(self.encode("abc"))
        self.list = machine.kernel.alloc(self.text.address.to_bytes(8, "little") + (17).to_bytes(8, "little"))

    def target(self, machine: Machine, room: int) -> Buffer:
        return at_page_end(machine, POISON * (room * self.size))

    def expected(self, text: str, room: int) -> bytes:
        return self.encode(text).ljust(room * self.size, POISON)


@pytest.mark.parametrize(("whole", "is_wide"), [("sprintf_s", False), ("swprintf_s", True)])
@pytest.mark.parametrize(("room", "text", "result"), [(10, "abc 17", 6), (7, "abc 17", 6), (6, "", -1), (1, "", -1)])
def test_whole(machine: Machine, whole: str, is_wide: bool, room: int, text: str, result: int) -> None:
    call = Call(machine, is_wide=is_wide)
    target = call.target(machine, room)
    assert int_of(machine, whole, target, room, call.template, call.text, 17) == result
    assert target.read() == call.expected(text, room)
    target.write(POISON * (room * call.size))
    assert int_of(machine, f"v{whole}", target, room, call.template, call.list) == result
    assert target.read() == call.expected(text, room)


@pytest.mark.parametrize(("counted", "is_wide"), [("snprintf_s", False), ("snwprintf_s", True)])
@pytest.mark.parametrize(
    ("room", "count", "text", "result"),
    [
        (10, 6, "abc 17", 6),
        (10, 9, "abc 17", 6),
        (7, 99, "abc 17", 6),
        (7, TRUNCATE, "abc 17", 6),
        (10, 3, "abc", -1),
        (5, 4, "abc ", -1),
        (5, 5, "", -1),
        (5, TRUNCATE, "abc ", -1),
        (1, TRUNCATE, "", -1),
    ],
)
def test_counted(machine: Machine, counted: str, is_wide: bool, room: int, count: int, text: str, result: int) -> None:
    call = Call(machine, is_wide=is_wide)
    target = call.target(machine, room)
    assert int_of(machine, f"_{counted}", target, room, count, call.template, call.text, 17) == result
    assert target.read() == call.expected(text, room)
    target.write(POISON * (room * call.size))
    assert int_of(machine, f"_v{counted}", target, room, count, call.template, call.list) == result
    assert target.read() == call.expected(text, room)


def test_invalid_parameters(machine: Machine) -> None:
    call = Call(machine, is_wide=False)
    target = call.target(machine, 8)
    assert int_of(machine, "sprintf_s", 0, 8, call.template, call.text, 1) == -1
    assert int_of(machine, "sprintf_s", target, 0, call.template, call.text, 1) == -1
    assert int_of(machine, "sprintf_s", target, 8, 0, call.text, 1) == -1
    assert int_of(machine, "_snprintf_s", 0, 8, 4, call.template, call.text, 1) == -1
    assert int_of(machine, "_snprintf_s", target, 0, 4, call.template, call.text, 1) == -1
    assert int_of(machine, "_snprintf_s", target, 8, 4, 0, call.text, 1) == -1
    assert target.read() == POISON * 8
