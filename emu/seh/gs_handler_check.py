# SPDX-License-Identifier: GPL-2.0-or-later
"""`__GSHandlerCheck` and `__GSHandlerCheck_SEH`: the language handlers of functions with a stack cookie.

Their data is a dword: bit 0 and 1 say for which phase the function has a handler beneath, bit 2 that its frame is
aligned, the rest is the cookie's offset from the frame; an aligned frame has two more, an offset and an alignment.
With `_SEH` it follows the scope table.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple

from emu.address import ADDRESS_MASK, Gva
from emu.image.load_config import DEFAULT_COOKIE
from emu.nt.exception_record import ExceptionDisposition
from emu.nt.unwind import UNW_FLAG_EHANDLER, UNW_FLAG_UHANDLER
from emu.seh.c_specific_handler import end_of_scope_table, read_scope_table
from emu.seh.environment import Environment, HostHandler
from emu.seh.handler_call import HandlerCall
from emu.seh.requests import CallGuest, Steps

HAS_ALIGNMENT: Final = 4
_HANDLER_FLAGS: Final = UNW_FLAG_EHANDLER | UNW_FLAG_UHANDLER
_OFFSET_MASK: Final = ~7
_ALIGNMENT: Final = Struct("<2i")


class CookieData(NamedTuple):
    """Where a function's cookie lies: `offset` bytes from the frame, once that is aligned.

    `flags` are those of the handler beneath. `alignment` is (bytes added to the frame, the power of two that it is then
    rounded down to), None for a plain frame.
    """

    flags: int
    offset: int
    alignment: tuple[int, int] | None


def decode_cookie_data(read: Callable[[int, int], bytes], at: int) -> CookieData:
    """Decode the data at an address or RVA, which `read(at, size)` gives. Raises what `read` raises."""
    data = int.from_bytes(read(at, 4), "little", signed=True)
    alignment = None
    if data & HAS_ALIGNMENT:
        added, rounded = _ALIGNMENT.unpack(read(at + 4, _ALIGNMENT.size))
        alignment = added, rounded
    return CookieData(data & _HANDLER_FLAGS, data & _OFFSET_MASK, alignment)


class GsHandlerCheck:
    """Both handlers. `report` is guest code that fails fast; `scopes` the handler beneath."""

    def __init__(self, report: Gva, scopes: HostHandler) -> None:
        self._report = report
        self._scopes = scopes

    def plain(self, environment: Environment, call: HandlerCall) -> Steps:
        """Answer for a function that has a cookie alone."""
        yield from self._check(environment, call, call.handler_data)
        return ExceptionDisposition.CONTINUE_SEARCH

    def with_scopes(self, environment: Environment, call: HandlerCall) -> Steps:
        """Answer for a function that has a scope table, too."""
        scopes = read_scope_table(environment.memory, call.handler_data)
        data = Gva(end_of_scope_table(call.handler_data, scopes))
        flags = yield from self._check(environment, call, data)
        if flags & (UNW_FLAG_UHANDLER if call.exception.unwinding else UNW_FLAG_EHANDLER):
            return (yield from self._scopes(environment, call))
        return ExceptionDisposition.CONTINUE_SEARCH

    def _check(self, environment: Environment, call: HandlerCall, data: Gva) -> Steps:
        """Return the flags of the handler beneath; a cookie that is not the image's ends the run."""
        memory, frame = environment.memory, call.establisher
        flags, offset, alignment = decode_cookie_data(lambda at, size: memory.read(Gva(at), size), data)
        base = frame
        if alignment is not None:
            added, rounded = alignment
            base = (frame + added) & -rounded
        stored = memory.read_u64(Gva((base + offset) & ADDRESS_MASK))
        image = environment.find_image(call.control_pc)
        cookie = DEFAULT_COOKIE
        mixed_with = frame
        if image is not None:
            mixed_with += image.frame_offset(Gva(call.control_pc))
            if image.cookie_address is not None:
                cookie = memory.read_u64(image.cookie_address)
        if stored ^ (mixed_with & ADDRESS_MASK) != cookie:
            stub = call.build_frames(environment)
            yield CallGuest(self._report, (), stub, environment.frames.handler_stub_return)
        return flags
