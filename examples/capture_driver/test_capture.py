# SPDX-License-Identifier: MIT
"""The driver answers a good request, and refuses a bad one without a leak and without touching kernel memory."""

from struct import Struct
from typing import NamedTuple

import pytest

from emu import Machine, NtStatus, Returned
from emu.memory.buffer import Buffer
from emu.testing.guest import Guest

REQUEST = Struct("<L4x HH4xQ Q")
PROFILES = ("nehalem", "skylake-server", "skylake-server,primitives=kernel", "epyc-rome,smap=permit")
TARGETS = ("msvc", "gnu")
LEVELS = ("0", "1", "2", "3")
NAME = "user mode".encode("utf-16-le")


def hash_of(name: bytes) -> int:
    result = 5381
    for (character,) in Struct("<H").iter_unpack(name):
        result = (result * 33 + character) & 0xFFFF_FFFF
    return result


class Request(NamedTuple):
    """A request in user memory, its name and its answer each on pages of their own."""

    machine: Machine
    descriptor: Buffer
    name: Buffer
    answer: Buffer

    def send(self, **replaced: int) -> int:
        """Call the driver with this request, or with some of its fields replaced, and return the status."""
        fields = {
            "version": 1,
            "length": self.name.size,
            "maximum": self.name.size,
            "buffer": self.name.address,
            "answer": self.answer.address,
        }
        self.descriptor.write(REQUEST.pack(*(fields | replaced).values()))
        return self.send_as_it_is()

    def send_as_it_is(self) -> int:
        outcome = self.machine.call("AnswerRequest", self.descriptor)
        assert type(outcome) is Returned, str(outcome)
        assert not self.machine.pool.outstanding, "leaked"
        return outcome.value & 0xFFFF_FFFF

    @property
    def answered(self) -> int:
        return int.from_bytes(self.answer.read(), "little")


def make_request(machine: Machine) -> Request:
    allocate = machine.user.alloc
    return Request(machine, allocate(REQUEST.size, name="request"), allocate(NAME, name="name"), allocate(4))


def check_answers(request: Request) -> None:
    assert request.send() == NtStatus.SUCCESS
    assert request.answered == hash_of(NAME)
    assert request.send(length=0) == NtStatus.SUCCESS
    assert request.answered == hash_of(b"")


def check_refusals(request: Request) -> None:
    """Go through what a user can do: bad fields, kernel addresses, and pages in every state."""
    user = request.machine.user
    kernel = request.machine.kernel.alloc(NAME, name="kernel")
    for version, length in ((0, 2), (1, 3), (1, 258), (1, 0xFFFF)):
        assert request.send(version=version, length=length) == NtStatus.INVALID_PARAMETER
    for field in ("buffer", "answer"):
        for address in (kernel.address, 0x7FFF_FFFF_0000, 0xFFFF_FFFF_FFFF_FFFE, 0):
            assert request.send(**{field: address}) == NtStatus.ACCESS_VIOLATION
    user.protect(request.answer, "ro")
    assert request.send() == NtStatus.ACCESS_VIOLATION
    user.guard(request.name)
    assert request.send() == NtStatus.GUARD_PAGE_VIOLATION
    user.fail_page_in(request.name, NtStatus.DEVICE_DATA_ERROR)
    assert request.send() == NtStatus.IN_PAGE_ERROR
    user.unmap(request.descriptor)
    assert request.send_as_it_is() == NtStatus.ACCESS_VIOLATION
    assert kernel.read() == NAME
    assert request.answered == 0


@pytest.mark.parametrize("machine", PROFILES, indirect=True)
def test_answers_and_refuses_on_every_machine(machine: Machine, guest: Guest) -> None:
    guest.load("capture.c")
    check_refusals(make_request(machine))
    check_answers(make_request(machine))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("optimize", LEVELS)
def test_answers_and_refuses_however_it_is_compiled(machine: Machine, guest: Guest, optimize: str, target: str) -> None:
    guest.load("capture.c", optimize=optimize, target=target)
    check_refusals(make_request(machine))
    check_answers(make_request(machine))


def test_captures_before_it_looks(machine: Machine, guest: Guest) -> None:
    """One call of one accessor reads the request, one its name: nothing can change between a check and a use."""
    driver = guest.load("capture.c", optimize="3")
    request = make_request(machine)
    request.send()  # the library finds out about the kernel at its first call, and begins that call again
    with machine.trace() as trace:
        assert request.send() == NtStatus.SUCCESS
    for buffer, accessor in (
        (request.descriptor, "ReadStructFromUserHelper"),
        (request.name, "CopyFromUser"),
        (request.answer, "WriteULongToUser"),
    ):
        assert len(trace.where(rip=driver[accessor])) == 1
        by = trace.instructions["code"][trace.where(address=buffer)]
        assert {trace.code[code].symbol for code in by.tolist()} == {accessor}
