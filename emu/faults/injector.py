# SPDX-License-Identifier: GPL-2.0-or-later
"""Arms a fault: puts the page state on the page that holds the byte."""

from __future__ import annotations

from collections.abc import Mapping

from emu.address import Gva, is_canonical
from emu.faults.fault import AddressPlace, Fault, FaultError
from emu.memory.buffer import Buffer
from emu.memory.half import Half
from emu.memory.layout import HIGHEST_USER_HALF


class FaultNotSupported(NotImplementedError):
    """A fault that can be written and not yet be armed; the message names what is missing."""


def inject(fault: Fault, user: Half, kernel: Half, buffers: Mapping[str, Buffer | int]) -> Gva:
    """Arm a fault from now on, and return the address of its byte. `buffers` gives the names their addresses.

    The state is the whole page's, as the hardware's is. Raises `FaultError` for a name that is not there or an address
    that is not allocated, `FaultNotSupported` for a condition.
    """
    if fault.conditions:
        missing = ", ".join(f"{name}=" for name in fault.conditions)
        raise FaultNotSupported(
            f"fault {fault}: {missing} is not supported yet, it comes with fault-injection experiments; "
            "without it the state is there from the start"
        )
    address = _address(fault, buffers)
    half = user if address <= HIGHEST_USER_HALF else kernel
    try:
        _set_state(half, address, fault)
    except ValueError as error:
        raise FaultError(f"fault {fault}: {error}") from None
    return address


def _address(fault: Fault, buffers: Mapping[str, Buffer | int]) -> Gva:
    place = fault.place
    if isinstance(place, AddressPlace):
        address = place.address
    elif place.buffer in buffers:
        address = int(buffers[place.buffer]) + place.offset
    else:
        known = ", ".join(buffers) or "none"
        raise FaultError(f"fault {fault}: there is no buffer {place.buffer!r}; given by name: {known}")
    if not is_canonical(address) or address >> 64:
        raise FaultError(f"fault {fault}: {address:#x} is no canonical address")
    return Gva(address)


def _set_state(half: Half, address: Gva, fault: Fault) -> None:
    if fault.kind == "unmapped":
        half.unmap(address)
    elif fault.kind == "guard":
        half.guard(address)
    elif fault.kind == "paged-out":
        half.page_out(address)
    elif fault.status is not None:
        half.fail_page_in(address, fault.status)
    else:
        half.protect(address, fault.kind)
