# SPDX-License-Identifier: GPL-2.0-or-later
"""DbgPrint and its relatives: from C with every kind of argument, from the host, across faults."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned, Unmodelled
from emu.events import DebugPrinted, PagedIn
from emu.kernel.exports.debug_print import DEFAULT_COMPONENT, INFO_LEVEL
from emu.testing.guest import Guest
from tests.kernel.exports.calls import PAGE, ansi, wide

EXPECTED = [
    "no arguments, 100%\n",
    "ints -1 4294967295 7f 0X7F 17 |   42|42   |00042",
    "shorts -1 65535 chars -1 255",
    "wide ints 1234567890123456789 -2 112210F47DE98115 ffffffffffffffff",
    "sizes 123456789ABCDEF0 123456789abcdef0 FFFFFFFFFFFFFFFF",
    "pointer FFFFF80012345678",
    "strings narrow wide wide [nar] [      wid]",
    "counted ansi unicode",
    "null (null) (null) (null) (null)",
    "characters A B \u0416",
    "reals 1.500000 -2.50 1.000000e+100 0.001 on the stack 3.250000",
    "many 1 2 3 4 5 6 7 8 9 10",
    "star    5 005",
]


@pytest.mark.parametrize("optimize", ["0", "2"])
@pytest.mark.parametrize("target", ["msvc", "gnu"])
def test_in_c(machine: Machine, guest: Guest, target: str, optimize: str) -> None:
    machine.load(guest.build("sources/debug_print.c", target=target, optimize=optimize))
    assert machine.call("print_all") == Returned(0)
    assert machine.debug_output == EXPECTED
    printed = [event for event in machine.events if isinstance(event, DebugPrinted)]
    assert [event.text for event in printed] == EXPECTED
    assert {(event.component, event.level) for event in printed} == {(DEFAULT_COMPONENT, INFO_LEVEL)}


def test_component_and_level(machine: Machine, guest: Guest) -> None:
    machine.load(guest.build("sources/debug_print.c"))
    assert machine.call("print_with_level") == Returned(0)
    printed = [event for event in machine.events if isinstance(event, DebugPrinted)]
    assert printed == [
        DebugPrinted("level 5", 77, 2),
        DebugPrinted("list 1 two 3.000000", 78, 0xFFFF_FFFF),
        DebugPrinted("driver: list 4", 79, 1),
    ]


def test_output_goes_back_with_reset(machine: Machine) -> None:
    text = machine.kernel.alloc(ansi("once"))
    machine.call("DbgPrint", text)
    machine.call("DbgPrint", text)
    assert machine.debug_output == ["once", "once"]
    machine.reset()
    assert machine.debug_output == []


def test_a_checkpoint_keeps_output() -> None:
    with Machine() as machine:
        text = machine.kernel.alloc(ansi("before"))
        machine.call("DbgPrint", text)
        machine.checkpoint()
        machine.call("DbgPrint", text)
        machine.reset()
        assert machine.debug_output == ["before"]


@pytest.mark.parametrize("length", [511, 512, 513, 20_000])
def test_a_text_has_at_most_512_characters(machine: Machine, length: int) -> None:
    machine.call("DbgPrint", machine.kernel.alloc(ansi("x" * length)))
    template = machine.kernel.alloc(ansi("%s"))
    machine.call("DbgPrint", template, machine.kernel.alloc(ansi("y" * length)))
    assert machine.debug_output == ["x" * min(length, 512), "y" * min(length, 512)]


@pytest.mark.parametrize("machine", ["skylake-server,smap=permit"], indirect=True)
def test_a_string_on_a_page_that_is_paged_out(machine: Machine) -> None:
    template = machine.kernel.alloc(ansi("%s and %ws"))
    first = machine.kernel.alloc(ansi("here"), offset=PAGE - 2)
    second = machine.user.alloc(wide("there"), offset=PAGE - 3)
    for buffer in (template, first):
        machine.kernel.page_out(buffer)
    machine.user.page_out(second)
    assert machine.call("DbgPrint", template, first, second) == Returned(0)
    assert machine.debug_output == ["here and there"]
    assert sum(isinstance(event, PagedIn) for event in machine.events) == 5


@pytest.mark.parametrize("machine", ["skylake-server,smap=permit"], indirect=True)
def test_a_bad_user_string_is_an_exception(machine: Machine) -> None:
    template, text = machine.kernel.alloc(ansi("%s")), machine.user.alloc(b"abcd", offset=PAGE - 4)
    outcome = machine.call("DbgPrint", template, text)
    assert type(outcome) is Raised
    assert outcome.record.code == NtStatus.ACCESS_VIOLATION
    assert outcome.record.information == (0, text.address + 4)
    assert machine.debug_output == []


def test_a_plain_access_to_user_memory(machine: Machine) -> None:
    template, text = machine.kernel.alloc(ansi("%s")), machine.user.alloc(ansi("text"))
    outcome = machine.call("DbgPrint", template, text)
    assert type(outcome) is Bugchecked
    assert (outcome.code, outcome.parameters[0], outcome.parameters[3]) == (0x50, text.address, 0xF)


def test_a_bad_kernel_string_is_a_bugcheck(machine: Machine) -> None:
    outcome = machine.call("DbgPrint", machine.kernel.alloc(b"abcd", offset=PAGE - 4))
    assert type(outcome) is Bugchecked
    assert outcome.code == 0x50


def test_what_is_refused_says_so(machine: Machine) -> None:
    outcome = machine.call("DbgPrint", machine.kernel.alloc(ansi("so far %n")), machine.kernel.alloc(8))
    assert type(outcome) is Unmodelled
    assert outcome.reason == "DbgPrint: the directive '%n' is refused"
    assert machine.debug_output == []


def test_surrogate_pairs(machine: Machine) -> None:
    template = machine.kernel.alloc(ansi("%ws %.1ws"))
    text = machine.kernel.alloc(wide("\U0001f600"))
    machine.call("DbgPrint", template, text, text)
    assert machine.debug_output == ["\U0001f600 \ufffd"]


def test_the_log_shows_the_text(machine: Machine) -> None:
    outcome = machine.call("DbgPrint", machine.kernel.alloc(ansi("hello\n")))
    assert type(outcome) is Returned
    assert "printed 'hello\\n'" in str(outcome.dispatch)
