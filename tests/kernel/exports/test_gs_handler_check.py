# SPDX-License-Identifier: GPL-2.0-or-later
"""Stack cookies: a frame whose cookie is as it was, and one whose cookie is spoilt."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.address import Gva
from emu.nt.bugcheck import BugCheck
from emu.nt.exception_record import EXCEPTION_RECORD_SIZE, unpack_exception_record
from emu.testing.guest import Guest

STACK_COOKIE_CHECK_FAILURE = 2
ABSENT = 0x10
PASSES_ON = ["gs_plain", "gs_frame_register", "gs_aligned", "gs_through_a_handler", "gs_scopes_not_asked"]
HANDLES = ["gs_scopes", "gs_scopes_through_a_handler"]


@pytest.fixture(params=["own cookie", "default cookie"])
def program(request: pytest.FixtureRequest, machine: Machine, guest: Guest) -> Machine:
    defines = ["COOKIE=1"] if request.param == "own cookie" else []
    machine.load(guest.build("sources/gs_frames.S", defines=defines))
    return machine


@pytest.mark.parametrize("function", PASSES_ON)
def test_good_cookie_is_passed_by(program: Machine, function: str) -> None:
    outcome = program.call(function, ABSENT, 0)
    assert isinstance(outcome, Raised), str(outcome)
    assert outcome.record.code == NtStatus.ACCESS_VIOLATION


@pytest.mark.parametrize("function", HANDLES)
def test_good_cookie_and_a_scope_table(program: Machine, function: str) -> None:
    assert program.call(function, ABSENT, 0) == Returned(NtStatus.ACCESS_VIOLATION)


@pytest.mark.parametrize("spoilt", [1, 1 << 63])
@pytest.mark.parametrize("function", [*PASSES_ON, *HANDLES])
def test_spoilt_cookie_stops_the_machine(program: Machine, function: str, spoilt: int) -> None:
    outcome = program.call(function, ABSENT, spoilt)
    assert isinstance(outcome, Bugchecked), str(outcome)
    assert outcome.code == BugCheck.KERNEL_SECURITY_CHECK_FAILURE
    code, _, record, last = outcome.parameters
    assert (code, last) == (STACK_COOKIE_CHECK_FAILURE, 0)
    found = unpack_exception_record(program._system.memory.read(Gva(record), EXCEPTION_RECORD_SIZE))
    assert (found[0], found[4]) == (NtStatus.STACK_BUFFER_OVERRUN, (STACK_COOKIE_CHECK_FAILURE,))
