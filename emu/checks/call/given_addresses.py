# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel memory that a call touches by an address that user code gave it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from emu.address import PAGE_SIZE
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Numbers
from emu.checks.call.native_passes import load_passes
from emu.checks.call.origins import KERNEL_BEGIN, Origin
from emu.checks.call.untrusted import is_of_user_code
from emu.cpu import registers as r
from emu.cpu.array_address import array_address
from emu.cpu.instruction import decode
from emu.trace.source import Words

_MOST_ADDRESSES: Final = 256
_MOST_PLACES: Final = 32
"""Places in the code that are looked at."""
_STRINGS: Final = ("movs", "cmps")
"""With two operands in memory."""


def touched_by_given_address(call: CheckedCall) -> Iterator[tuple[int, Origin]]:
    """Give the first access of each instruction, outside of accessors, and where its address came from."""
    given = _given(call)
    if not len(given):
        return
    for access in _near(call, given).tolist():
        at = int(call.accesses.instruction[access])
        for register in _addressing(call, access):
            origin = next(
                (each for each in call.origins.of_register(register, at) if is_of_user_code(call, each)), None
            )
            if origin is not None:
                yield access, origin
                break


def _given(call: CheckedCall) -> Words:
    """Return the kernel addresses that user code gave, in ascending order: from its memory, or as arguments."""
    found = np.empty(_MOST_ADDRESSES, np.uint64)
    tables = call.native_tables
    count = load_passes().checks_kernel_addresses_read(tables.pointer, array_address(found), len(found))
    requested = zip(call.request.arguments, call.request.buffers, strict=True)
    arguments = [value for value, buffer in requested if buffer is None and value >= KERNEL_BEGIN]
    if not count and not arguments:
        return found[:0]
    return np.sort(np.concatenate([found[:count], np.array(arguments, np.uint64)]))


def _near(call: CheckedCall, given: Words) -> Numbers:
    """Return the first access of each instruction that is no more than a page behind one of some addresses."""
    accesses = call.accesses
    which = np.maximum(given.searchsorted(accesses.address, "right") - 1, 0)
    near = (accesses.address >= given[which]) & (accesses.address - given[which] < np.uint64(PAGE_SIZE))
    numbers = (near & ~call.in_accessor[accesses.instruction]).nonzero()[0]
    _, firsts = np.unique(accesses.rip[numbers], return_index=True)
    return np.sort(numbers[firsts])[:_MOST_PLACES]


def _addressing(call: CheckedCall, access: int) -> list[int]:
    """Return the registers that an access is addressed with."""
    instruction = decode(call.instructions.encoding(int(call.accesses.instruction[access])))
    if any(word.startswith(_STRINGS) for word in instruction.text.split()[:2]):
        return [r.RSI if call.accesses.is_read[access] else r.RDI]
    registers = [each for operand in instruction.operands for each in (operand.base, operand.index_register)]
    return [each for each in registers if each is not None and each != r.RSP]
