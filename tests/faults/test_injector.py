# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults that are armed on a machine: each does to its page what its name says, when its conditions say."""

import pytest

from emu.events import FaultStruck, PagedIn
from emu.faults import FaultError, parse_fault
from emu.image import UnknownSymbol
from emu.machine import Machine, MachineStopped
from emu.memory.errors import StaleBuffer
from emu.nt.status import NtStatus
from emu.outcome import Bugchecked, Outcome, Raised, Returned
from tests.faults.touching import status_of, toucher

EXPECTED = {
    "unmapped": NtStatus.ACCESS_VIOLATION,
    "none": NtStatus.ACCESS_VIOLATION,
    "guard": NtStatus.GUARD_PAGE_VIOLATION,
    "in-page-error": NtStatus.IN_PAGE_ERROR,
    "in-page-error=0xC000009D": NtStatus.IN_PAGE_ERROR,
    "paged-out": None,
    "ro": None,
    "rw": None,
    "rx": None,
    "rwx": None,
}
"""What a read of user memory gives; None: the byte."""

OF_A_WRITE = {**EXPECTED, "ro": NtStatus.ACCESS_VIOLATION, "rx": NtStatus.ACCESS_VIOLATION}

BUGCHECKS = {
    "unmapped": 0x50,
    "none": 0x50,
    "guard": 0x50,
    "in-page-error": 0x7A,
    "ro": 0xBE,
    "rx": 0xBE,
    "paged-out": None,
    "rw": None,
    "rwx": None,
}
"""What a write of kernel memory gives."""


@pytest.mark.parametrize("kind", EXPECTED)
def test_a_kind_is_what_a_read_of_its_byte_gives(machine: Machine, kind: str) -> None:
    source = machine.user.alloc(bytes(range(64)), offset=4096 - 37)
    target = machine.kernel.alloc(64)
    machine.inject(f"{kind}@src+37", src=source)
    outcome = machine.call("CopyFromUser", target, source, 64)
    assert status_of(outcome) == EXPECTED[kind]
    if isinstance(outcome, Raised):
        assert outcome.record.fault_address == source.address + 37
    else:
        assert target.read() == bytes(range(64))


def test_the_status_of_an_in_page_error_arrives(machine: Machine) -> None:
    source, target = machine.user.alloc(64), machine.kernel.alloc(64)
    machine.inject("in-page-error=0xC000009D@src+0", src=source)
    outcome = machine.call("CopyFromUser", target, source, 64)
    assert isinstance(outcome, Raised)
    assert outcome.record.information[2] == NtStatus.DEVICE_NOT_CONNECTED


def test_a_state_is_the_whole_pages_and_no_other_ones(machine: Machine) -> None:
    source = machine.user.alloc(3 * 4096)
    machine.inject("none@src+5000", src=source)
    states = [machine.user.state(source.address + page * 4096) for page in range(3)]
    assert states == ["resident, rw", "none", "resident, rw"]


def test_places_are_buffers_addresses_of_either_half_numbers_and_symbols(machine: Machine) -> None:
    user, kernel = machine.user.alloc(64), machine.kernel.alloc(64)
    machine.inject(parse_fault("ro@dst+0"), dst=kernel)
    machine.inject(f"none@{user.address:#x}")
    assert machine.kernel.state(kernel) == "resident, ro"
    assert machine.user.state(user) == "none"
    machine.inject("paged-out@here+0", here=int(user))
    assert machine.user.state(user) == "paged-out"
    machine.inject("rwx@CopyFromUser+3")
    assert machine.kernel.state(machine.resolve("CopyFromUser")) == "resident, rwx"


@pytest.mark.parametrize("kind", EXPECTED)
@pytest.mark.parametrize("how", ["read", "write"])
@pytest.mark.parametrize("number", [1, 3])
def test_before_an_access_to_user_memory(kind: str, how: str, number: int) -> None:
    guest = toucher()
    guest.inject(f"{kind}@src+0,access={number}")
    assert guest.machine.user.state(guest.src) == "resident, rw"
    outcome, made = guest.touch(5, how)
    status = (EXPECTED if how == "read" else OF_A_WRITE)[kind]
    assert status_of(outcome) == status
    assert made == (5 if status is None else number - 1)
    assert guest.struck == [str(parse_fault(f"{kind}@src+0,access={number}"))]
    if isinstance(outcome, Raised):
        assert outcome.record.exception_address == guest.codes[how]
        assert outcome.record.fault_address == guest.src.address
    again = None if kind in ("guard", "paged-out") else status
    assert status_of(guest.touch(1, how)[0]) == again, "the state stays, as if set by hand"
    assert guest.struck == []


@pytest.mark.parametrize("kind", BUGCHECKS)
@pytest.mark.parametrize("number", [1, 3])
def test_before_an_access_to_kernel_memory(kind: str, number: int) -> None:
    guest = toucher()
    guest.inject(f"{kind}@dst+0,access={number}")
    outcome, made = guest.touch(5, "write", guest.dst)
    assert status_of(outcome) == BUGCHECKS[kind]
    assert made == (5 if BUGCHECKS[kind] is None else number - 1)
    assert len(guest.struck) == 1
    if isinstance(outcome, Bugchecked):
        assert guest.dst.address in outcome.parameters


@pytest.mark.parametrize(("number", "made"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_an_instruction_that_reads_and_writes_makes_two_accesses(number: int, made: int) -> None:
    guest = toucher()
    guest.inject(f"none@src+0,access={number}")
    outcome, touches = guest.touch(5, "change")
    assert (status_of(outcome), touches) == (NtStatus.ACCESS_VIOLATION, made)
    assert guest.src.read(1) == bytes((0x40 + made,)), "what it had done when it was stopped is undone"


@pytest.mark.parametrize("kind", EXPECTED)
def test_behind_an_instruction(kind: str) -> None:
    guest = toucher()
    with guest.machine.trace() as trace:
        guest.touch(5)
    third = [int(number) for number in trace.where(rip=guest.codes["read"])][2]
    for number, expected in ((third - 1, 2), (third, 2), (third + 1, 3)):
        guest = toucher()
        guest.inject(f"{kind}@src+0,insn={number}")
        outcome, made = guest.touch(5)
        assert status_of(outcome) == EXPECTED[kind]
        assert made == (5 if EXPECTED[kind] is None else expected)
        assert len(guest.struck) == 1


def test_an_instruction_has_the_number_that_a_trace_gives_it() -> None:
    guest = toucher()
    with guest.machine.trace() as trace:
        guest.touch(3, "change")
    rips = trace.instructions["rip"].tolist()
    for number in range(1, len(rips)):
        guest = toucher()
        guest.inject(f"rwx@src+0,insn={number}")
        guest.touch(3, "change")
        struck = [event.rip for event in guest.machine.events if isinstance(event, FaultStruck)]
        assert struck == [rips[number]]


@pytest.mark.parametrize("kind", [kind for kind in EXPECTED if kind not in ("rw", "rwx")])
@pytest.mark.parametrize("begin", ["", ",access=2", ",insn=4"])
def test_so_many_times_and_then_no_more(kind: str, begin: str) -> None:
    guest = toucher()
    guest.inject(f"{kind}@src+0{begin},times=2")
    statuses = [status_of(guest.touch(4, "write")[0]) for _ in range(4)]
    expected = OF_A_WRITE[kind]
    assert statuses == [expected, expected, None, None]
    assert guest.machine.user.state(guest.src) == "resident, rw"


def test_a_page_that_is_paged_out_so_many_times_comes_back_so_many_times() -> None:
    guest = toucher()
    guest.inject("paged-out@src+0,access=2,times=3")
    assert guest.touch(4)[1] == 4
    assert [type(event) for event in guest.machine.events].count(PagedIn) == 3


def copying(machine: Machine, *faults: str, length: int = 64) -> tuple[Outcome, bytes]:
    """Copy with faults, and return what has arrived, too."""
    source = machine.user.alloc(bytes(range(1, length + 1)))
    target = machine.kernel.alloc(length)
    for fault in faults:
        machine.inject(fault, src=source, dst=target)
    return machine.call("CopyFromUser", target, source, length), target.read()


@pytest.mark.parametrize("offset", [0, 5, 37, 63])
def test_a_page_vanishes_in_mid_copy(machine: Machine, offset: int) -> None:
    outcome, arrived = copying(machine, f"none@src+{offset},access=1")
    assert isinstance(outcome, Raised)
    landed = len(arrived.rstrip(b"\0"))
    assert arrived[:landed] == bytes(range(1, landed + 1))
    assert landed <= offset


def test_a_page_loses_write_permission_in_mid_copy(machine: Machine) -> None:
    outcome, arrived = copying(machine, "ro@dst+20,access=1")
    assert isinstance(outcome, Bugchecked)
    assert outcome.code == 0xBE
    assert arrived[16:] == bytes(48)


def test_a_page_comes_back_before_anybody_has_noticed() -> None:
    guest = toucher()
    with guest.machine.trace() as trace:
        guest.touch(5)
    reads = [int(number) for number in trace.where(rip=guest.codes["read"])]
    for back, made in ((reads[2], 5), (reads[2] + 1, 2)):
        guest = toucher()
        guest.inject(f"none@src+5,insn={reads[1] + 1}", f"rw@src+5,insn={back}")
        assert guest.touch(5)[1] == made


def test_bits_flip_before_a_read(machine: Machine) -> None:
    outcome, arrived = copying(machine, "flip=0x80@src+3,access=1", "flip=0xff@src+63,access=1")
    assert isinstance(outcome, Returned)
    expected = bytearray(range(1, 65))
    expected[3] ^= 0x80
    expected[63] ^= 0xFF
    assert arrived == bytes(expected)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_bits_flip_between_two_fetches(number: int) -> None:
    guest = toucher()
    # L: mov al, [rdx]; mov [rcx], al; inc rcx; dec r8; jnz L; ret
    fetches = guest.machine.kernel.alloc(bytes.fromhex("8a02 8801 48ffc1 49ffc8 75f4 c3"))
    guest.machine.kernel.protect(fetches, "rx")
    guest.inject(f"flip=0x80@src+0,access={number}")
    assert isinstance(guest.machine.call(fetches.address, guest.dst, guest.src, 5), Returned)
    assert guest.dst.read(5) == bytes([0x40] * (number - 1) + [0xC0] * (6 - number))
    assert guest.src.read(1) == b"\xc0"


def test_a_flip_counts_reads_and_no_writes() -> None:
    guest = toucher()
    guest.inject("flip=0x80@src+0,access=2")
    guest.touch(3, "write")
    assert guest.struck == []
    guest.touch(3, "change")
    assert guest.struck == ["flip=0x80@src+0,access=2"]
    assert guest.src.read(1)[0] & 0x80


def test_several_at_once() -> None:
    guest = toucher()
    guest.inject("flip=1@src+0,access=2", "flip=2@src+0,access=2", "flip=4@src+0,access=4", "none@src+0,access=5")
    outcome, made = guest.touch(9)
    assert (status_of(outcome), made) == (NtStatus.ACCESS_VIOLATION, 4)
    assert guest.src.read(1) == b"\x47"
    assert [text.partition("@")[0] for text in guest.struck] == ["flip=0x1", "flip=0x2", "flip=0x4", "none"]


def test_states_of_one_page_lie_one_on_the_other() -> None:
    guest = toucher()
    guest.inject("none@src+0,times=1", "guard@src+5,times=2")
    statuses = [status_of(guest.touch(1)[0]) for _ in range(4)]
    guarded = NtStatus.GUARD_PAGE_VIOLATION
    assert statuses == [guarded, guarded, NtStatus.ACCESS_VIOLATION, None]
    assert guest.machine.user.state(guest.src) == "resident, rw"


def test_a_state_that_strikes_again_below_another_comes_to_the_top() -> None:
    guest = toucher()
    guest.inject("rx@src+0,fail-nth=1", "in-page-error@src+0,access=3,times=1", "ro@src+0,interval=2")
    statuses = [status_of(guest.touch(3, how)[0]) for how in ("write", "read", "write", "write", "write")]
    violation = NtStatus.ACCESS_VIOLATION
    assert statuses == [violation, NtStatus.IN_PAGE_ERROR, violation, violation, violation]
    assert guest.machine.user.state(guest.src) == "resident, rw"


def test_accesses_and_instructions_are_counted_from_the_injection_over_several_calls() -> None:
    guest = toucher()
    guest.touch(5)
    guest.inject("flip=1@src+0,access=7")
    guest.touch(4)
    assert guest.struck == []
    guest.inject("none@src+0,access=7")
    guest.touch(4)
    assert guest.struck == ["flip=0x1@src+0,access=7"]
    assert guest.touch(4)[1] == 2
    assert guest.struck == ["none@src+0,access=7"]


def test_instructions_are_counted_over_several_calls() -> None:
    guest = toucher()
    with guest.machine.trace() as trace:
        guest.touch(5)
    length = len(trace)
    guest.inject(f"flip=1@src+0,insn={length + 1}", f"flip=2@src+0,insn={2 * length}", "flip=4@src+0,insn=1")
    struck = []
    for _ in range(3):
        guest.touch(5)
        struck.append([text.partition("@")[0] for text in guest.struck])
    assert struck[0][0] == "flip=0x4"
    assert sorted(text for texts in struck for text in texts) == ["flip=0x1", "flip=0x2", "flip=0x4"]
    assert "flip=0x1" in struck[1]


def test_reset_takes_a_fault_back(machine: Machine) -> None:
    source = machine.user.alloc(64)
    machine.inject("none@src+0", src=source)
    machine.reset()
    with pytest.raises(StaleBuffer):
        machine.inject("none@src+0", src=source)
    again = machine.user.alloc(64)
    assert machine.user.state(again) == "resident, rw"


@pytest.mark.parametrize(
    "fault",
    ["none@src+0,access=2", "none@src+0,insn=4", "none@src+0,times=1", "none@src+0,interval=1", "no-memory@pool"],
)
def test_reset_disarms(fault: str) -> None:
    guest = toucher()
    guest.inject(fault)
    guest = toucher()
    assert guest.touch(4)[1] == 4
    assert guest.struck == []
    guest.inject("none@src+0,access=2")
    assert guest.touch(4)[1] == 1, "counted anew"


def test_a_checkpoint_is_a_place_to_arm_from() -> None:
    guest = toucher()
    machine = guest.machine
    machine.checkpoint()
    for number in (3, 1, 4):
        guest.inject(f"none@src+0,access={number}")
        assert guest.touch(5)[1] == number - 1
        machine.reset()
        assert guest.touch(5)[1] == 5
        machine.reset()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("none@source+0", "there is no buffer 'source'; given by name: src; and no such symbol"),
        ("none@src+4096", "is not allocated; allocate it with machine.user.alloc()"),
        ("none@src+4096,access=1", "is not allocated"),
        ("flip=1@src+4096", "is not allocated"),
        ("flip=1@src+4096,insn=1", "is not allocated"),
        ("none@0x123", "0x123 is not allocated"),
        ("none@0xffff800000000000,times=1", "0xffff800000000000 is not allocated; allocate it with machine.kernel"),
        ("none@0x800000000000", "no canonical address"),
        ("none@src+0xffffffffffffffff", "no canonical address"),
        ("none@src+0,require=CopyFromUsr", "there is no function 'CopyFromUsr'; nearest: CopyFromUser"),
        ("no-memory@pool,reject=qqqqqq", "there is no function 'qqqqqq'"),
        ("nune@src+0", "unknown kind 'nune'"),
    ],
)
def test_a_fault_that_cannot_be_armed_says_why_and_is_not(machine: Machine, text: str, says: str) -> None:
    source, target = machine.user.alloc(64), machine.kernel.alloc(64)
    with pytest.raises(FaultError, match=says) as caught:
        machine.inject(text, src=source)
    assert len(str(caught.value).splitlines()) == 1
    assert not isinstance(caught.value, UnknownSymbol)
    assert isinstance(machine.call("CopyFromUser", target, source, 64), Returned)


def test_a_machine_that_stopped_takes_no_fault(machine: Machine) -> None:
    source, target = machine.user.alloc(64), machine.kernel.alloc(64)
    machine.inject("none@dst+0", dst=target)
    machine.call("CopyFromUser", target, source, 64)
    with pytest.raises(MachineStopped):
        machine.inject("none@src+0", src=source)
