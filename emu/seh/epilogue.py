# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells whether a function is leaving, and what it still has to undo.

Version 1 unwind data does not describe epilogues: the instructions from the control pc on are
compared with the few forms an epilogue may have (Microsoft Learn, "x64 prolog and epilog").
Version 2 lists where epilogues start; their pops mirror the prologue's pushes.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from emu.nt.unwind import UnwindOp
from emu.seh.context import RSP
from emu.seh.unwind_info import UnwindError, UnwindInfo


class Epilogue(NamedTuple):
    """What the rest of an epilogue does before its return address is popped.

    First, if `stack_register` is not None, rsp becomes that register plus
    `stack_displacement` (bytes); then each register is popped, None being a slot that nobody
    wants. `machine_frame` is None, or whether the machine frame that ends it has an error code.
    """

    stack_register: int | None
    stack_displacement: int
    pops: tuple[int | None, ...]
    machine_frame: bool | None = None


def recognise_epilogue(code: bytes, rva: int, frame_register: int, leaves: Callable[[int], bool]) -> Epilogue | None:
    """Return the version 1 epilogue that starts with these code bytes, or None.

    `rva` is where `code` stands, `frame_register` the unwind info's (0 = none), and
    `leaves(target)` tells whether a direct jump to an RVA leaves the function.
    """
    stack_register, displacement, position = _stack_adjustment(code, frame_register)
    pops: list[int] = []
    while True:
        window = code[position : position + 2]
        if window[:1] and 0x58 <= window[0] <= 0x5F:
            pops.append(window[0] & 7)
            position += 1
        elif len(window) == 2 and 0x40 <= window[0] <= 0x4F and 0x58 <= window[1] <= 0x5F:
            pops.append(window[1] & 7 | (window[0] & 1) << 3)
            position += 2
        else:
            break
    if code[position : position + 1] == b"\xf2":
        position += 1
    if not _is_terminator(code[position : position + 5], rva + position, leaves):
        return None
    return Epilogue(stack_register, displacement, tuple(pops))


def _stack_adjustment(code: bytes, frame_register: int) -> tuple[int | None, int, int]:
    """Return (register, displacement, length) of a leading `add rsp` or `lea rsp`."""
    head = code[:3]
    if head == b"\x48\x83\xc4" and len(code) >= 4:
        return RSP, _signed(code[3:4]), 4
    if head == b"\x48\x81\xc4" and len(code) >= 7:
        return RSP, _signed(code[3:7]), 7
    if frame_register and len(head) == 3 and head[0] in (0x48, 0x49) and head[1] == 0x8D:
        form, base = head[2] & 0xF8, head[2] & 7 | (head[0] & 1) << 3
        # Windows takes no SIB byte into account, so `lea rsp, [r12+n]` is no epilogue to it.
        if base == frame_register and form == 0x60 and len(code) >= 4:
            return base, _signed(code[3:4]), 4
        if base == frame_register and form == 0xA0 and len(code) >= 7:
            return base, _signed(code[3:7]), 7
    return None, 0, 0


def _is_terminator(code: bytes, rva: int, leaves: Callable[[int], bool]) -> bool:
    first = code[0] if code else 0
    if first == 0xC3 or code[:2] == b"\xf3\xc3" or code[:2] == b"\xff\x25":
        return True
    if first == 0xC2:
        return len(code) >= 3
    if first == 0xEB and len(code) >= 2:
        return leaves(rva + 2 + _signed(code[1:2]))
    if first == 0xE9 and len(code) >= 5:
        return leaves(rva + 5 + _signed(code[1:5]))
    # An indirect tail call, `jmp r/m64` with a REX.W prefix, in any addressing form.
    return 0x48 <= first <= 0x4F and len(code) >= 3 and code[1] == 0xFF and code[2] & 0x38 == 0x20


def version_2_epilogue_offset(info: UnwindInfo, end: int, rva: int) -> int | None:
    """Return how many bytes into one of its declared epilogues an RVA is, or None."""
    for start in info.epilogs:
        offset = (rva - (end - start)) & 0xFFFF_FFFF
        if offset < info.epilog_size:
            return offset
    return None


def version_2_epilogue(infos: Iterable[UnwindInfo], offset: int) -> Epilogue:
    """Return what a declared epilogue still has to do, `offset` bytes after its first pop.

    A pop is one byte, two for r8 to r15. What stands before the first push in the codes (the
    frame's allocation, register saves) is undone before a version 2 epilogue begins.
    """
    pops: list[int | None] = []
    pushed = False
    position = 0
    for code in (code for info in infos for code in info.codes):
        if code.op is UnwindOp.PUSH_MACHFRAME:
            return Epilogue(None, 0, tuple(pops), machine_frame=code.info != 0)
        if code.op is UnwindOp.PUSH_NONVOL:
            pushed = True
            if position >= offset:
                pops.append(code.info)
            position += 2 if code.info >= 8 else 1
        elif pushed and code.op in (UnwindOp.ALLOC_SMALL, UnwindOp.ALLOC_LARGE):
            if code.operand != 8:
                raise UnwindError(f"version 2 epilogue: {code.operand} bytes allocated between two pushes")
            if position >= offset:
                pops.append(None)
            position += 1
    return Epilogue(None, 0, tuple(pops))


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)
