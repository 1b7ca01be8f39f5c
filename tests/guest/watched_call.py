# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls through sources/watched_call.S: what the non-volatile registers, RFLAGS, MXCSR and IRQL are afterwards."""

from pathlib import Path
from struct import Struct
from typing import NamedTuple

from emu import Machine, Returned, build_guest
from emu.cpu.registers import FLAG_IF, MXCSR_DEFAULT

SOURCES = Path(__file__).parent / "sources"

GENERAL_NAMES = ("rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15")
GENERAL = tuple(0x11EE_0000_0000_0000 | number * 0x0101_0101_0101 for number in range(1, 9))
XMM = b"".join(bytes((0x60 + number,)) * 15 + bytes((number,)) for number in range(10))

KERNEL_FLAGS = FLAG_IF | 1 << 1
NEVER = 1 << 62
"""How many exceptions to continue from where none is to be handled."""

_BLOCK = Struct("<13Q8Q8Q8x160s160s")
_BLOCK_SIZE = 0x230
assert _BLOCK.size == _BLOCK_SIZE


class Watched(NamedTuple):
    """What the wrapper found when control came back to it."""

    landed: int
    """0 after a return, else the code of the exception that its `__except` handled."""
    rflags: int
    mxcsr: int
    irql: int

    def has(self, flag: int) -> bool:
        """Tell whether a flag is set."""
        return bool(self.rflags & flag)


class WatchedCall:
    """The wrapper, loaded into a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.module = machine.load(build_guest(SOURCES / "watched_call.S"))
        self._block = machine.kernel.alloc(_BLOCK_SIZE)
        self.returned = self.module["WatchedCallReturned"]
        self.frame = 0
        """The wrapper's establisher frame in the last call."""

    def call(
        self,
        routine: int,
        arguments: tuple[int, int, int],
        *,
        rflags: int = KERNEL_FLAGS,
        mxcsr: int = MXCSR_DEFAULT,
        handle: int = 1,
        irql: int = 0,
    ) -> Watched:
        """Call a routine, handle the `handle`th exception and continue from those before it.

        Fails unless RSP and all non-volatile registers are afterwards what they were before the call.
        """
        fields = (routine, *arguments, rflags, mxcsr, handle, *[0] * 6, *GENERAL, *[0] * 8, XMM, b"")
        self._block.write(_BLOCK.pack(*fields))
        outcome = self.machine.call("WatchedCall", self._block, irql=irql)
        assert type(outcome) is Returned, str(outcome)
        after = _BLOCK.unpack(self._block.read())
        landed, rflags_after, mxcsr_after, rsp_before, rsp_after, irql_after = after[7:13]
        general = dict(zip(GENERAL_NAMES, after[21:29], strict=True))
        assert general == dict(zip(GENERAL_NAMES, GENERAL, strict=True))
        assert after[30] == XMM
        assert rsp_after == rsp_before
        self.frame = rsp_before
        return Watched(landed, rflags_after, mxcsr_after, irql_after)
