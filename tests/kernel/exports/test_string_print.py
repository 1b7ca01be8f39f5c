# SPDX-License-Identifier: GPL-2.0-or-later
"""`_snprintf` and its relatives: what is written, where it is cut, what they return."""

import pytest

from emu import Bugchecked, Machine, Raised, Unmodelled
from tests.kernel.exports.calls import PAGE, ansi, at_page_end, int_of, wide

POISON = b"\xcc"


@pytest.mark.parametrize(
    ("count", "written", "result"),
    [
        (10, b"abc 17\0", 6),
        (7, b"abc 17\0", 6),
        (6, b"abc 17", 6),
        (5, b"abc 1", -1),
        (1, b"a", -1),
        (0, b"", -1),
    ],
)
def test_narrow(machine: Machine, count: int, written: bytes, result: int) -> None:
    target = machine.kernel.alloc(POISON * 16)
    template, text = machine.kernel.alloc(ansi("%s %d")), machine.kernel.alloc(ansi("abc"))
    assert int_of(machine, "_snprintf", target, count, template, text, 17) == result
    assert target.read() == written.ljust(16, POISON)
    arguments = machine.kernel.alloc(text.address.to_bytes(8, "little") + (17).to_bytes(8, "little"))
    target.write(POISON * 16)
    assert int_of(machine, "_vsnprintf", target, count, template, arguments) == result
    assert target.read() == written.ljust(16, POISON)


@pytest.mark.parametrize(
    ("count", "units", "result"), [(9, "ab \u0416 z\0", 6), (6, "ab \u0416 z", 6), (4, "ab \u0416", -1)]
)
def test_wide(machine: Machine, count: int, units: str, result: int) -> None:
    target = machine.kernel.alloc(POISON * 32)
    template = machine.kernel.alloc(wide("%s \u0416 %S"))
    texts = machine.kernel.alloc(wide("ab")), machine.kernel.alloc(ansi("z"))
    expected = units.encode("utf-16-le").ljust(32, POISON)
    assert int_of(machine, "_snwprintf", target, count, template, *texts) == result
    assert target.read() == expected
    arguments = machine.kernel.alloc(b"".join(text.address.to_bytes(8, "little") for text in texts))
    target.write(POISON * 32)
    assert int_of(machine, "_vsnwprintf", target, count, template, arguments) == result
    assert target.read() == expected


def test_without_a_count(machine: Machine) -> None:
    text = machine.kernel.alloc(ansi("abc"))
    arguments = machine.kernel.alloc(text.address.to_bytes(8, "little") + (17).to_bytes(8, "little"))
    template = machine.kernel.alloc(ansi("%s %d"))
    target = at_page_end(machine, POISON * 7)
    assert int_of(machine, "sprintf", target, template, text, 17) == 6
    assert target.read() == b"abc 17\0"
    target.write(POISON * 7)
    assert int_of(machine, "vsprintf", target, template, arguments) == 6
    assert target.read() == b"abc 17\0"


@pytest.mark.parametrize("function", ["swprintf", "_swprintf", "_vswprintf"])
def test_wide_without_a_count(machine: Machine, function: str) -> None:
    template = machine.kernel.alloc(wide("%s \u0416 %d"))
    text = machine.kernel.alloc(wide("ab"))
    listed = machine.kernel.alloc(text.address.to_bytes(8, "little") + (5).to_bytes(8, "little"))
    target = at_page_end(machine, POISON * 14)
    arguments = (listed,) if function.startswith("_v") else (text, 5)
    assert int_of(machine, function, target, template, *arguments) == 6
    assert target.read() == wide("ab \u0416 5")


def test_a_result_without_a_count_can_overrun_its_buffer(machine: Machine) -> None:
    target = at_page_end(machine, POISON * 4)
    outcome = machine.call("sprintf", target, machine.kernel.alloc(ansi("%d")), 123456)
    assert type(outcome) is Bugchecked
    assert outcome.parameters[0] == target.address + 4
    assert target.read() == b"1234"


@pytest.mark.parametrize("machine", ["skylake-server,smap=permit"], indirect=True)
def test_a_fault_is_at_its_byte(machine: Machine) -> None:
    target = machine.user.alloc(POISON * (PAGE + 8))
    machine.user.protect(target.address + PAGE, "ro")
    template = machine.kernel.alloc(ansi("0123456789"))
    outcome = machine.call("_snprintf", target.address + PAGE - 4, 64, template)
    assert type(outcome) is Raised
    assert outcome.record.information == (1, target.address + PAGE)
    assert target.read(offset=PAGE - 5) == POISON + b"0123" + POISON * 8


def test_a_page_in_makes_no_difference(machine: Machine) -> None:
    target = machine.kernel.alloc(PAGE + 8)
    machine.kernel.page_out(target)
    template = machine.kernel.alloc(ansi("%d%d"))
    assert int_of(machine, "_snprintf", target.address + PAGE - 2, 64, template, 12, 34) == 4
    assert target.read(5, PAGE - 2) == b"1234\0"


def test_an_immense_result_is_not_modelled(machine: Machine) -> None:
    template = machine.kernel.alloc(ansi("%2000000d"))
    outcome = machine.call("_snprintf", machine.kernel.alloc(16), 1 << 40, template, 1)
    assert type(outcome) is Unmodelled
    assert "a result of more than 1048576 characters" in outcome.reason
    outcome = machine.call("sprintf", machine.kernel.alloc(16), template, 1)
    assert type(outcome) is Unmodelled
    assert "a result of more than 1048576 characters" in outcome.reason
