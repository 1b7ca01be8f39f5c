# SPDX-License-Identifier: GPL-2.0-or-later
"""__chkstk: every page of a frame is touched, and nothing else changes."""

import pytest

from emu import Bugchecked, Machine, Returned
from emu.nt.bugcheck import BugCheck
from emu.testing.guest import Guest

PROBE = """
.intel_syntax noprefix
.text
.globl probe
probe:
    mov     rax, rcx
    mov     r10, 0x1010101010101010
    mov     r11, 0x1111111111111111
    call    __chkstk
    sub     rax, rcx
    mov     rdx, 0x1010101010101010
    xor     r10, rdx
    or      rax, r10
    mov     rdx, 0x1111111111111111
    xor     r11, rdx
    or      rax, r11
    ret
"""


@pytest.fixture
def probing(machine: Machine, guest: Guest) -> Machine:
    machine.load(guest.build_text(PROBE))
    return machine


@pytest.mark.parametrize("size", [0, 8, 0x1000, 0x1008, 0x4000])
def test_registers_are_kept(probing: Machine, size: int) -> None:
    assert probing.call("probe", size) == Returned(0)


def test_the_stack_ends(probing: Machine) -> None:
    outcome = probing.call("probe", 0x20000)
    assert type(outcome) is Bugchecked
    assert outcome.code == BugCheck.PAGE_FAULT_IN_NONPAGED_AREA
    low = probing._system.stack.low
    assert outcome.parameters[0] == low - 0x1000


def test_a_frame_larger_than_the_address_space_below(probing: Machine) -> None:
    outcome = probing.call("probe", (1 << 64) - 8)
    assert type(outcome) is Bugchecked
    assert outcome.parameters[0] == probing._system.stack.low - 0x1000
