# SPDX-License-Identifier: GPL-2.0-or-later
"""`__GSHandlerCheck` and `__GSHandlerCheck_SEH` over data of every shape."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.image.load_config import DEFAULT_COOKIE
from emu.memory.errors import NotMapped
from emu.nt.exception_record import ExceptionDisposition
from emu.nt.unwind import UNW_FLAG_EHANDLER
from emu.seh.c_specific_handler import c_specific_handler
from emu.seh.gs_handler_check import GsHandlerCheck
from emu.seh.handler_call import HandlerCall
from emu.seh.requests import CallGuest
from emu.seh.unwind_info import UnwindError
from tests.seh.dispatches import RECORDS, TOP, Program, run
from tests.seh.unwind_images import IMAGE_BASE

DATA = Gva(0x20_0000)
REPORT = Gva(0xFFFF_F900_0001_0000)
MASK = (1 << 64) - 1
SEARCH = ExceptionDisposition.CONTINUE_SEARCH


class Case:
    """A handler call for a frame of 38h bytes whose function has a cookie."""

    def __init__(self, data: bytes, establisher: int = TOP) -> None:
        self.program = Program()
        self.program.function(UNW_FLAG_EHANDLER)
        exception = self.program.exception(0x100)
        self.program.memory.write(DATA, data)
        self.call = HandlerCall(
            exception, RECORDS, IMAGE_BASE + 0x120, IMAGE_BASE, establisher, exception.context.copy(), Gva(0), DATA
        )
        self.checks = GsHandlerCheck(REPORT, c_specific_handler)
        self.environment = self.program.environment()


def aligned(offset: int, alignment: int) -> bytes:
    return struct.pack("<ii", offset, alignment)


@given(
    offset=st.integers(-0x100, 0x100).map(lambda quadwords: quadwords * 8),
    flags=st.integers(0, 3),
    alignment=st.sampled_from([None, 16, 32, 64]),
    base_offset=st.integers(-0x80, 0x80),
    intact=st.booleans(),
)
def test_the_cookie_lies_where_the_data_says(
    offset: int, flags: int, alignment: int | None, base_offset: int, intact: bool
) -> None:
    data = ((offset & 0xFFFF_FFF8) | flags | (0 if alignment is None else 4)).to_bytes(4, "little")
    base = TOP
    if alignment is not None:
        data += aligned(base_offset, alignment)
        base = (TOP + base_offset) // alignment * alignment
    case = Case(data)
    case.program.memory.write_u64(base + offset, DEFAULT_COOKIE ^ TOP ^ (not intact))
    requests, result = run(case.checks.plain(case.environment, case.call))
    if intact:
        assert (requests, result) == ([], SEARCH)
    else:
        (request,) = requests
        assert isinstance(request, CallGuest)
        assert request.address == REPORT


@given(data=st.binary(min_size=16, max_size=16), establisher=st.one_of(st.just(TOP), st.integers(0, MASK)))
@pytest.mark.parametrize("with_scopes", [False, True])
def test_any_data_is_checked_or_cannot_be_read(with_scopes: bool, data: bytes, establisher: int) -> None:
    case = Case(data, establisher)
    check = case.checks.with_scopes if with_scopes else case.checks.plain
    with contextlib.suppress(NotMapped, UnwindError):
        requests, result = run(check(case.environment, case.call))
        assert result == SEARCH or [type(request) for request in requests] == [CallGuest]
