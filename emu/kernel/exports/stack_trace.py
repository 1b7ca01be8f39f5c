# SPDX-License-Identifier: GPL-2.0-or-later
"""The export that walks the stack (Microsoft Learn, RtlCaptureStackBackTrace)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emu.address import Gva
from emu.kernel.exports.unwinding import caller_context
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.memory.errors import NotMapped
from emu.seh.context import RSP
from emu.seh.unwind_info import UnwindError

_ULONG: Final = 0xFFFF_FFFF


def _return_addresses(call: ExportCall) -> Iterator[int]:
    """Give the address behind each call, the export's own first, up to where the stack cannot be unwound."""
    system = call.system
    context = caller_context(call)
    below = system.stack.low
    while below <= context.gpr[RSP] < system.stack.high:
        below = context.gpr[RSP] + 1
        module = system.modules.find(context.rip)
        if module is None:
            return
        yield context.rip
        try:
            module.virtual_unwind(Gva(context.rip), context, system.memory, 0)
        except (UnwindError, NotMapped):
            return


def rtl_capture_stack_back_trace(call: ExportCall) -> int:
    """RtlCaptureStackBackTrace(skip, count, addresses, hash *): the number of addresses, a USHORT.

    The first is in the caller. The hash, where it is asked for, is the sum of the addresses.
    """
    skipped, wanted = call.argument(0) & _ULONG, call.argument(1) & _ULONG
    found: list[int] = []
    for position, address in enumerate(_return_addresses(call)):
        if len(found) == wanted:
            break
        if position >= skipped:
            found.append(address)
    data = b"".join(address.to_bytes(8, "little") for address in found)
    call.system.write_guest(Gva(call.argument(2)), data)
    if hash_address := call.argument(3):
        call.system.write_guest(Gva(hash_address), (sum(found) & _ULONG).to_bytes(4, "little"))
    return len(found)


EXPORTS: Final[dict[str, ExportFunction]] = {"RtlCaptureStackBackTrace": rtl_capture_stack_back_trace}
