# SPDX-License-Identifier: GPL-2.0-or-later
import ctypes

from emu.cpu import registers as r
from emu.cpu.native_core import State


def test_the_indices_are_those_of_the_native_core() -> None:
    quadwords = {"rip": r.RIP, "rflags": r.RFLAGS, "cr2": r.CR2, "cr3": r.CR3, "budget": r.BUDGET, "blocks": r.BLOCKS}
    doublewords = {"reason": r.REASON, "vector": r.VECTOR, "error_code": r.ERROR_CODE, "engine_error": r.ENGINE_ERROR}
    doublewords |= {"request": r.REQUEST, "mxcsr": r.MXCSR, "irql": r.IRQL}
    assert {name: getattr(State, name).offset // 8 for name in quadwords} == quadwords
    assert {name: getattr(State, name).offset // 4 for name in doublewords} == doublewords
    assert State.gpr.offset == r.RAX
    assert State.timestamp_reads.offset == r.TIMESTAMP_READS * 8
    assert State.xmm.offset == r.XMM_OFFSET
    assert ctypes.sizeof(State) == r.XMM_OFFSET + 16 * 16


def test_names_are_in_hardware_order() -> None:
    assert [r.GPR_NAMES[i] for i in (r.RAX, r.RCX, r.RSP, r.RDI, r.R8, r.R15)] == [
        "rax",
        "rcx",
        "rsp",
        "rdi",
        "r8",
        "r15",
    ]
