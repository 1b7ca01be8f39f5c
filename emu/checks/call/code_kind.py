# SPDX-License-Identifier: GPL-2.0-or-later
"""What an instruction does to what checks follow: control flow, AC, DF and the IRQL."""

from __future__ import annotations

import functools
from enum import IntFlag
from typing import Final

from emu.cpu import registers as r
from emu.cpu.instruction import decode


class CodeKind(IntFlag):
    """What an instruction is; several may hold."""

    CALL = 1
    RETURN = 2
    STAC = 4
    """It sets AC."""
    CLAC = 8
    """It clears AC."""
    STD = 16
    """It sets DF."""
    CLD = 32
    """It clears DF."""
    LOADS_FLAGS = 64
    """`popfq` and `iretq`: RFLAGS come from the stack."""
    WRITES_CR8 = 128
    """It sets the IRQL."""
    STRING = 256
    """A string instruction: DF says in which direction it goes."""
    LOCKED = 512
    """It has a `lock` prefix, or is an `xchg` with memory."""
    HALT = 1024
    """`hlt`: what the host has code return to that it began."""


_STRINGS: Final = ("movs", "stos", "lods", "scas", "cmps", "ins", "outs")
_BY_NAME: Final = {
    "call": CodeKind.CALL,
    "ret": CodeKind.RETURN,
    "retf": CodeKind.RETURN,
    "retfq": CodeKind.RETURN,
    "iretd": CodeKind.RETURN | CodeKind.LOADS_FLAGS,
    "iretq": CodeKind.RETURN | CodeKind.LOADS_FLAGS,
    "popf": CodeKind.LOADS_FLAGS,
    "popfq": CodeKind.LOADS_FLAGS,
    "stac": CodeKind.STAC,
    "clac": CodeKind.CLAC,
    "hlt": CodeKind.HALT,
    "std": CodeKind.STD,
    "cld": CodeKind.CLD,
}
_PREFIXES: Final = ("bnd", "notrack", "rep", "repe", "repne", "repz", "repnz", "lock")


@functools.lru_cache(maxsize=65536)
def kind_of(encoding: bytes) -> CodeKind:
    """Return what the instruction of an encoding is."""
    words = decode(encoding).text.split()
    name = next((word for word in words if word not in _PREFIXES), "")
    kind = _BY_NAME.get(name, CodeKind(0))
    operands = " ".join(words[words.index(name) + 1 :]) if name else ""
    if "lock" in words or (name == "xchg" and "[" in operands):
        kind |= CodeKind.LOCKED
    if name == "mov" and operands.startswith("cr8"):
        kind |= CodeKind.WRITES_CR8
    if name[:-1] in _STRINGS and "xmm" not in operands:
        kind |= CodeKind.STRING
    return kind


@functools.lru_cache(maxsize=1024)
def cr8_source(encoding: bytes) -> int:
    """Return the number of the register that a `mov` to CR8 takes the IRQL from."""
    return r.GPR_NAMES.index(decode(encoding).text.rpartition(" ")[2])
