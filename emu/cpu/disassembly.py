# SPDX-License-Identifier: GPL-2.0-or-later
"""The disassembler, made once: it takes longer to make than to use."""

from __future__ import annotations

import functools

import capstone


@functools.cache
def _decoder() -> capstone.Cs:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    decoder.detail = True
    return decoder


def disassemble(code: bytes, address: int = 0) -> capstone.CsInsn | None:
    """Return the first instruction of some 64-bit code with its operands, as it is at an address; None for none."""
    return next(_decoder().disasm(code, address, 1), None)
