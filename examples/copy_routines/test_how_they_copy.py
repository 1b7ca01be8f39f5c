# SPDX-License-Identifier: MIT
"""What sets the routines apart, seen in traces: who reads a byte twice, how wide the steps are, what fences them."""

import pytest

from emu import Machine, Raised, Returned
from emu.testing.guest import Guest
from emu.trace import Trace

LENGTH = 100
FILES = ("byte_loop.S", "rep_movsb.S", "overlapped_sse.S", "non_temporal.S", "backwards.S")


class Copied:
    """A copy of 100 bytes to 3 bytes behind an aligned address, traced."""

    def __init__(self, machine: Machine, guest: Guest, routine: str) -> None:
        guest.load(*FILES)
        source = machine.user.alloc(bytes(range(LENGTH)))
        target = machine.kernel.alloc(LENGTH, offset=3)
        with machine.trace(routine) as trace:
            outcome = machine.call(routine, target, source, LENGTH)
        assert isinstance(outcome, Returned), str(outcome)
        assert target.read() == source.read()
        self.trace: Trace = trace
        self.map = trace.copy_map(source, target)

    @property
    def reads(self) -> list[int]:
        """How often each byte of the source was read."""
        return [int(times) for times in self.map.source_bytes["reads"]]

    @property
    def widths(self) -> list[int]:
        """How many bytes were written at once, for each byte of the target."""
        return [int(width) for width in self.map.target_bytes["width"]]

    @property
    def mnemonics(self) -> list[str]:
        """What was executed."""
        code = self.trace.code
        return [code[int(number)].mnemonic for number in self.trace.instructions["code"]]


@pytest.mark.parametrize("routine", ["copy_bytes", "copy_rep", "copy_streaming", "copy_backwards"])
def test_fetches_each_byte_once(machine: Machine, guest: Guest, routine: str) -> None:
    """So what is copied is what was checked, and what was checked is what is used."""
    assert Copied(machine, guest, routine).reads == [1] * LENGTH


def test_the_overlaps_are_fetched_twice(machine: Machine, guest: Guest) -> None:
    """13 bytes lead to an aligned address, and the head is 16 of them; the last 16 overlap the step before them."""
    copied = Copied(machine, guest, "copy_sse")
    assert [byte for byte, times in enumerate(copied.reads) if times == 2] == [13, 14, 15, *range(84, 93)]
    assert copied.widths == [16] * LENGTH


def test_the_bytes_before_and_behind_the_stream_are_single(machine: Machine, guest: Guest) -> None:
    copied = Copied(machine, guest, "copy_streaming")
    assert copied.widths == [1] * 13 + [16] * 80 + [1] * 7


def test_the_stream_is_fenced(machine: Machine, guest: Guest) -> None:
    """The fence comes behind the last streaming store."""
    mnemonics = Copied(machine, guest, "copy_streaming").mnemonics
    assert mnemonics.count("movntdq") == 80 // 16
    assert mnemonics.count("sfence") == 1
    assert mnemonics.index("sfence") > max(index for index, each in enumerate(mnemonics) if each == "movntdq")


def test_backwards_begins_at_the_end(machine: Machine, guest: Guest) -> None:
    """Byte 99 is of the first access; the four lowest bytes are single, the highest of them first."""
    order = [int(place) for place in Copied(machine, guest, "copy_backwards").map.source_bytes["order"]]
    assert order == sorted(order, reverse=True)
    assert order[:5] == [15, 14, 13, 12, 11]


def test_rep_goes_on_where_a_page_came_back(machine: Machine, guest: Guest) -> None:
    """A page-in is no new copy: the instruction goes on with the registers that it has counted in."""
    guest.load("rep_movsb.S")
    source, target = machine.user.alloc(bytes(range(LENGTH)), offset=4096 - 60), machine.kernel.alloc(LENGTH)
    machine.user.page_out(source.address + 60)
    with machine.trace("copy_rep") as trace:
        assert isinstance(machine.call("copy_rep", target, source, LENGTH), Returned)
    assert target.read() == source.read()
    assert [int(times) for times in trace.copy_map(source, target).source_bytes["reads"]] == [1] * LENGTH


def test_an_exception_gets_the_saved_registers_back(machine: Machine, guest: Guest) -> None:
    """The unwind finds the caller's rsi and rdi on the stack, where the unwind data says that they are."""
    guest.load("rep_movsb.S")
    source, target = machine.user.alloc(bytes(LENGTH)), machine.kernel.alloc(LENGTH)
    machine.call("copy_rep", target, source, LENGTH)
    kept = {name: machine.registers[name] for name in ("rsi", "rdi", "rsp")}
    machine.user.protect(source, "none")
    assert isinstance(machine.call("copy_rep", target, source, LENGTH), Raised)
    assert {name: machine.registers[name] for name in kept} == kept
