# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the processor is as it was: what the x64 calling convention and the contract keep (Microsoft Learn, "x64
calling convention", callee-saved registers; "x64 ABI conventions", the direction flag)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emu.campaign.judge.observation import ProcessorNote
from emu.cpu import registers as r

NONVOLATILE: Final = (r.RBX, r.RSP, r.RBP, r.RSI, r.RDI, r.R12, r.R13, r.R14, r.R15)
FIRST_NONVOLATILE_XMM: Final = 6

_FLAGS: Final = {
    r.FLAG_DF: "DF",
    r.FLAG_AC: "AC",
    r.FLAG_IF: "IF",
    r.FLAG_TF: "TF",
    r.FLAG_NT: "NT",
}
_KEPT_FLAGS: Final = r.FLAG_DF | r.FLAG_AC | r.FLAG_IF | r.FLAG_TF | r.FLAG_NT
_KEPT_BUT_DF: Final = _KEPT_FLAGS & ~r.FLAG_DF
_XMM_SIZE: Final = 16

# This is asked of every copy of a campaign: NONVOLATILE as two slices.
_LOW: Final = slice(r.RBX, r.RDI + 1)
_HIGH: Final = slice(r.R12, r.R15 + 1)
_XMM: Final = slice(FIRST_NONVOLATILE_XMM * _XMM_SIZE, None)


def is_kept(before: ProcessorNote, after: ProcessorNote) -> bool:
    """Tell whether all that a call must keep is as it was, and DF clear."""
    old, old_flags, old_mxcsr, old_xmm, old_irql = before
    new, new_flags, new_mxcsr, new_xmm, new_irql = after
    return (
        new[_LOW] == old[_LOW]
        and new[_HIGH] == old[_HIGH]
        and new_flags & _KEPT_FLAGS == old_flags & _KEPT_BUT_DF
        and new_mxcsr == old_mxcsr
        and new_irql == old_irql
        and new_xmm[_XMM] == old_xmm[_XMM]
    )


def describe_state(before: ProcessorNote, after: ProcessorNote, irqls: tuple[int, ...] = ()) -> str:
    """Say what is not as it was, in one line; empty where all is. `irqls` are levels that are right as well."""
    return ", ".join(_changes(before, after, irqls))


def _changes(before: ProcessorNote, after: ProcessorNote, irqls: tuple[int, ...]) -> Iterator[str]:
    for number in NONVOLATILE:
        old, new = before.gpr[number], after.gpr[number]
        if old != new:
            yield f"{r.GPR_NAMES[number]} is {new:#x}, was {old:#x}"
    for number in range(FIRST_NONVOLATILE_XMM, 16):
        start = number * _XMM_SIZE
        old_xmm, new_xmm = (note.xmm[start : start + _XMM_SIZE] for note in (before, after))
        if old_xmm != new_xmm:
            yield f"xmm{number} is 0x{new_xmm[::-1].hex()}, was 0x{old_xmm[::-1].hex()}"
    expected = before.rflags & ~r.FLAG_DF
    for flag, name in _FLAGS.items():
        if (expected ^ after.rflags) & flag:
            is_set = after.rflags & flag
            yield f"{name} is still set" if is_set else f"{name} is clear, was set"
    if before.mxcsr != after.mxcsr:
        yield f"MXCSR is {after.mxcsr:#x}, was {before.mxcsr:#x}"
    if after.irql not in (before.irql, *irqls):
        yield f"IRQL is {after.irql}, was {before.irql}"
