# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses that came from user code."""

from __future__ import annotations

from enum import Enum
from typing import Final

import numpy as np

from emu.checks.call.accessor_calls import AccessorCall
from emu.checks.call.checked_call import ARGUMENT_REGISTERS, CheckedCall
from emu.checks.call.origins import KERNEL_BEGIN, Origin, OriginKind

_QUADWORD: Final = 8


class _Given(Enum):
    BY_USER_CODE = 0
    AS_BUFFER = 1
    """By the host: it is the driver's own."""
    OTHERWISE = 2


def argument_origins(call: CheckedCall, made: AccessorCall, parameter: str) -> tuple[Origin, ...]:
    """Return what an argument was made of; nothing of one that the host gave the accessor itself, or on the stack."""
    position = [each.name for each in made.accessor.parameters].index(parameter) + (made.result_address is not None)
    if made.activation is call.callee or position >= len(ARGUMENT_REGISTERS):
        return ()
    return call.origins.of_register(ARGUMENT_REGISTERS[position], made.activation.begin)


def is_untrusted(call: CheckedCall, made: AccessorCall, parameter: str) -> bool:
    """Tell whether a kernel address that an accessor was given is one that user code chose.

    It was read from user memory, or the host gave it as a number: a buffer of the kernel's is the driver's own.
    """
    value = made.arguments[parameter]
    requested = dict(zip(call.request.arguments, call.request.buffers, strict=True))
    if made.activation is call.callee:
        return requested.get(value) is None
    given = [_given(call, each) for each in argument_origins(call, made, parameter)]
    if any(each is _Given.BY_USER_CODE for each in given):
        return True
    return _Given.AS_BUFFER not in given and (
        _was_read(call, value) or (value in requested and requested[value] is None)
    )


def is_of_user_code(call: CheckedCall, origin: Origin) -> bool:
    """Tell whether an address of the kernel's half, of which this is an origin, is one that user code chose."""
    return _given(call, origin) is _Given.BY_USER_CODE


def given_value(call: CheckedCall, origin: Origin) -> int | None:
    """Return what was read from user memory, or given as an argument; None of any other origin."""
    if origin.kind is OriginKind.USER_MEMORY and origin.access is not None:
        return call.accesses.value(origin.access)
    if origin.kind is OriginKind.ARGUMENT and origin.register in ARGUMENT_REGISTERS:
        position = ARGUMENT_REGISTERS.index(origin.register)
        return call.request.arguments[position] if position < len(call.request.arguments) else None
    return None


def _given(call: CheckedCall, origin: Origin) -> _Given:
    if origin.kind is OriginKind.USER_MEMORY:
        return _Given.BY_USER_CODE if origin.as_kernel_address else _Given.OTHERWISE
    if origin.kind is not OriginKind.ARGUMENT or origin.register not in ARGUMENT_REGISTERS:
        return _Given.OTHERWISE
    position = ARGUMENT_REGISTERS.index(origin.register)
    if position >= len(call.request.arguments) or call.request.arguments[position] < KERNEL_BEGIN:
        return _Given.OTHERWISE
    return _Given.BY_USER_CODE if call.request.buffers[position] is None else _Given.AS_BUFFER


def _was_read(call: CheckedCall, value: int) -> bool:
    """Tell whether user memory held an address where it was read whole."""
    accesses = call.accesses
    read = accesses.is_user & accesses.is_read & (accesses.size >= np.uint64(_QUADWORD))
    rows = accesses.table[read]
    return bool(((rows["low"] == np.uint64(value)) | (rows["high"] == np.uint64(value))).any())
