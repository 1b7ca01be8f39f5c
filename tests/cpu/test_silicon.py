# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the engine does otherwise than a CPU (Zen 4, the same instruction in a CPL 3 process): today's behaviour.

What `Processor` mends is in test_traps.py; the rest is what a user of the emulator can meet. Each test fails on the day
the engine is fixed, but for those that say that something holds.
"""

from __future__ import annotations

import struct

import pytest

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.calibration import calibrate
from emu.cpu.engine import SavedContext
from emu.cpu.trap import Vector
from tests.cpu.guest import ABSENT, CODE, DATA, NON_CANONICAL, READ_ONLY, STACK_TOP, Guest
from tests.cpu.raw import ABSENT as RAW_ABSENT
from tests.cpu.raw import Raw

END = Gva(DATA + 0x2000)
"""Where the data pages end; the next page is absent."""


@pytest.mark.parametrize("code", ["0007", "d00f", "0fba2f01", "0fc007", "8607", "f00fb00f", "480fc70f"])
def test_read_modify_write_of_an_absent_page_is_a_read(code: str) -> None:
    """A CPU walks for the write at once: error code W=1. Mended in `quirks.mend_page_fault`."""
    raw = Raw()
    assert raw.run(code, rdi=RAW_ABSENT) == 14
    assert struct.unpack_from("<I", SavedContext(raw.engine).save(), calibrate().error_code) == (0,)


@pytest.mark.parametrize("code", ["f30f7f07", "0f2907", "660fe707", "0f1107"])  # movdqu, movaps, movntdq, movups
def test_a_16_byte_store_that_straddles_writes_its_first_half(guest: Guest, code: str) -> None:
    """A CPU writes nothing."""
    guest.cpu.xmm[:16] = b"\xaa" * 16
    guest.cpu.extended_changed()
    trap = guest.run(code, rdi=END - 8)
    assert trap[:3] == (Vector.PAGE_FAULT, 2, END)
    assert guest.memory.read(Gva(END - 8), 8) == b"\xaa" * 8


@pytest.mark.parametrize("code", ["660ff707", "0fae07"])  # maskmovdqu xmm0, xmm7; fxsave [rdi]
def test_a_longer_store_that_straddles_writes_a_part(guest: Guest, code: str) -> None:
    """A CPU writes nothing."""
    guest.cpu.xmm[:] = b"\xaa" * 256
    guest.cpu.extended_changed()
    guest.memory.write(Gva(END - 16), b"\x55" * 16)
    trap = guest.run(code if code == "0fae07" else "660ff7c7", rdi=END - (16 if code == "0fae07" else 8))
    assert trap[:3] == (Vector.PAGE_FAULT, 2, END)
    assert guest.memory.read(Gva(END - 16), 16) != b"\x55" * 16


def test_a_16_byte_load_that_straddles_overwrites_the_low_half(guest: Guest) -> None:
    """A CPU leaves the register alone."""
    guest.memory.write(Gva(END - 8), b"\xbb" * 8)
    guest.cpu.xmm[:16] = b"\xaa" * 16
    guest.cpu.extended_changed()
    trap = guest.run("f30f6f07", rdi=END - 8)  # movdqu xmm0, [rdi]
    assert trap[:3] == (Vector.PAGE_FAULT, 0, END)
    assert bytes(guest.cpu.xmm[:16]) == b"\xbb" * 8 + b"\xaa" * 8


@pytest.mark.parametrize("code", ["8907", "488907", "0fc307", "480fc307", "668907"])  # mov, movnti, mov word
def test_a_smaller_store_that_straddles_writes_nothing(guest: Guest, code: str) -> None:
    """As on a CPU: this one holds."""
    trap = guest.run(code, rdi=END - 1, rax=-1 & (1 << 64) - 1)
    assert trap[:3] == (Vector.PAGE_FAULT, 2, END)
    assert guest.memory.read(Gva(END - 1), 1) == b"\0"


@pytest.mark.parametrize("code", ["0f2907", "0f2807", "660fe707", "0f5807", "660f6f07"])
def test_misaligned_sse_operands_are_taken(guest: Guest, code: str) -> None:
    """movaps, movaps, movntdq, addps, movdqa: #GP(0) on a CPU."""
    assert guest.run(f"{code} f4", rdi=DATA + 1).vector == Vector.HOST_CALL
    assert guest.run(code, rdi=ABSENT + 1).vector == Vector.PAGE_FAULT


def test_a_call_to_a_non_canonical_address_has_pushed(guest: Guest) -> None:
    """A CPU writes nothing. The rest is mended in `quirks.mend_jump`."""
    trap = guest.run("ffd7", rdi=NON_CANONICAL)
    assert (trap.vector, trap.rip, guest["rsp"]) == (Vector.GENERAL_PROTECTION, CODE, STACK_TOP - 0x100)
    assert guest.memory.read_u64(Gva(STACK_TOP - 0x108)) == CODE + 2


def test_iretq_reads_its_frame_from_the_bottom(guest: Guest) -> None:
    """A CPU faults at RSP+0x10, as a user-mode access."""
    trap = guest.run("4889fc 48cf", rdi=ABSENT)  # mov rsp, rdi; iretq
    assert trap[:3] == (Vector.PAGE_FAULT, 0, ABSENT)


@pytest.mark.parametrize("code", ["8a07", "0fb64f01", "f3a4"])
def test_a_fault_leaves_the_resume_flag_clear(guest: Guest, code: str) -> None:
    """A CPU pushes RFLAGS with RF=1."""
    guest.run(code, rdi=ABSENT, rsi=ABSENT, rcx=1)
    assert not guest["rflags"] & r.FLAG_RF


@pytest.mark.parametrize("code", ["f08b07", "66f08b07", "f0480fc8", "f04889c8"])  # lock mov, mov, bswap, mov
def test_a_lock_prefix_out_of_place_may_be_ignored(guest: Guest, code: str) -> None:
    """#UD on a CPU."""
    assert guest.run(f"{code} f4", rdi=DATA).vector == Vector.HOST_CALL


def test_sse_arithmetic_sets_no_exception_flag_and_never_traps(guest: Guest) -> None:
    """A CPU sets MXCSR.ZE, and with ZM clear raises #XM."""
    for mxcsr in (0x1F80, 0x1D80):
        guest.cpu.mxcsr = mxcsr
        guest.memory.write(DATA, struct.pack("<ff", 1.0, 0.0))
        # movss xmm0, [rdi]; divss xmm0, [rdi+4]; hlt
        assert guest.run("f30f1007 f30f5e4704 f4", rdi=DATA).vector == Vector.HOST_CALL
        assert guest.cpu.mxcsr == mxcsr


def test_a_task_priority_above_15_is_taken(guest: Guest) -> None:
    """#GP on a CPU."""
    assert guest.run("440f22c0 f4", rax=0x12).vector == Vector.HOST_CALL  # mov cr8, rax
    assert guest.cpu.irql == 2


@pytest.mark.parametrize("cpu", ["epyc", "epyc-rome"])
def test_mwait_waits_not(cpu: str) -> None:
    assert Guest(cpu).run("0f01c9 ffc0 f4", rcx=0, rax=1).rip == CODE + 6  # mwait; inc eax; hlt


@pytest.mark.parametrize("code", ["f3a4", "f3a5", "f348a5", "f348ab", "f3a6", "f2ae"])
@pytest.mark.parametrize("offset", range(1, 17))
def test_a_string_instruction_stops_at_the_first_element_not_done(guest: Guest, code: str, offset: int) -> None:
    """As on a CPU: RCX, RSI and RDI stand at it, also where it straddles. This one holds."""
    size = 8 if "48" in code else 4 if code == "f3a5" else 1
    start = END - 16 * size - offset
    for page in (DATA, DATA + 0x1000):
        guest.memory.write(Gva(page), bytes(0x1000))
    trap = guest.run(code, rdi=start, rsi=DATA, rcx=64, rax=1)
    done = (END - start) // size
    assert (trap.vector, trap.rip) == (Vector.PAGE_FAULT, CODE)
    assert trap.address == max(END, start + done * size)
    assert (guest["rcx"], guest["rdi"]) == (64 - done, start + done * size)
    assert trap.error_code == (0 if code in ("f3a6", "f2ae") else 2)


def test_a_write_to_a_read_only_page_leaves_it(guest: Guest) -> None:
    """As on a CPU, for every size. This one holds."""
    for code in ("8807", "668907", "8907", "488907", "f30f7f07", "480fc70f", "f00007"):
        assert guest.run(code, rdi=READ_ONLY + 0x10)[:3] == (Vector.PAGE_FAULT, 3, READ_ONLY + 0x10)
    assert guest.memory.read(READ_ONLY, 0x1000) == bytes(0x1000)
