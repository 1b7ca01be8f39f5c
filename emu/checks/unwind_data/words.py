# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwind codes in words."""

from __future__ import annotations

from collections.abc import Iterable

from emu.nt.unwind import UNW_FLAG_CHAININFO, UNW_FLAG_EHANDLER, UNW_FLAG_UHANDLER, UnwindOp
from emu.seh.context import REGISTER_NAMES
from emu.seh.unwind_info import UnwindChain, UnwindCode, UnwindInfo

_FLAGS = ((UNW_FLAG_EHANDLER, "EHANDLER"), (UNW_FLAG_UHANDLER, "UHANDLER"), (UNW_FLAG_CHAININFO, "CHAININFO"))


def describe_code(code: UnwindCode, info: UnwindInfo) -> str:
    """Return what one code says that the prologue did."""
    register = REGISTER_NAMES[code.info]
    match code.op:
        case UnwindOp.PUSH_NONVOL:
            return f"pushed {register}"
        case UnwindOp.ALLOC_SMALL | UnwindOp.ALLOC_LARGE:
            return f"allocated {code.operand:#x} bytes"
        case UnwindOp.SET_FPREG:
            return f"set {frame_register(info)}"
        case UnwindOp.SAVE_NONVOL | UnwindOp.SAVE_NONVOL_FAR:
            return f"saved {register} at frame + {code.operand:#x}"
        case UnwindOp.SAVE_XMM128 | UnwindOp.SAVE_XMM128_FAR:
            return f"saved xmm{code.info} at frame + {code.operand:#x}"
        case _:
            return f"machine frame with{'' if code.info else 'out'} an error code"


def code_with_offset(code: UnwindCode, info: UnwindInfo) -> str:
    """Return a code by its name and offset, and what it says."""
    return f"+{code.offset:#x} {code.op.name}: {describe_code(code, info)}"


def frame_register(info: UnwindInfo) -> str:
    """Return what the frame register holds, "none" without one."""
    if not info.frame_register:
        return "none"
    offset = f" + {info.frame_offset:#x}" if info.frame_offset else ""
    return f"{REGISTER_NAMES[info.frame_register]} = frame{offset}"


def flag_names(flags: int) -> str:
    """Return the names of an unwind info's flags."""
    names = [name for flag, name in _FLAGS if flags & flag]
    unknown = flags & ~(UNW_FLAG_EHANDLER | UNW_FLAG_UHANDLER | UNW_FLAG_CHAININFO)
    return " ".join([*names, *([f"{unknown:#x}"] if unknown else [])]) or "none"


def applying_codes(infos: Iterable[UnwindInfo], offset: int) -> tuple[str, ...]:
    """Return the codes that an unwind at an offset into the first info's function undoes, in their order."""
    lines = []
    for number, info in enumerate(infos):
        parent = "parent's " if number else ""
        lines += [f"{parent}{code_with_offset(code, info)}" for code in info.codes if number or code.offset <= offset]
    return tuple(lines)


def stack_size(infos: Iterable[UnwindInfo]) -> int:
    """Return how far RSP is below the return address in the body of a function, by all of its codes."""
    codes = [code for info in infos for code in info.codes]
    pushes = sum(8 for code in codes if code.op is UnwindOp.PUSH_NONVOL)
    return pushes + sum(code.operand for code in codes if code.op in (UnwindOp.ALLOC_SMALL, UnwindOp.ALLOC_LARGE))


def trap_frame_size(chain: UnwindChain | None) -> int:
    """Return how many bytes lie below RIP where a function with a machine frame begins: an error code, or none."""
    codes = chain.primary_info.codes if chain else ()
    return 8 if any(code.op is UnwindOp.PUSH_MACHFRAME and code.info for code in codes) else 0


def saved_registers(infos: Iterable[UnwindInfo]) -> frozenset[str]:
    """Return the names of the registers that codes say are saved."""
    general = (UnwindOp.PUSH_NONVOL, UnwindOp.SAVE_NONVOL, UnwindOp.SAVE_NONVOL_FAR)
    return frozenset(
        REGISTER_NAMES[code.info] if code.op in general else f"xmm{code.info}"
        for info in infos
        for code in info.codes
        if code.op in (*general, UnwindOp.SAVE_XMM128, UnwindOp.SAVE_XMM128_FAR)
    )
