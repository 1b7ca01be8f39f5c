# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers that are saved first and restored last are settled by accesses alone; all else is left to be compared."""

from __future__ import annotations

import numpy as np
import pytest

from emu.checks.call.preservation import Preservation
from tests.checks.captured import Captured

SOURCE = """
    .intel_syntax noprefix
    .text

    .macro  LEAF name
    .globl  \\name
    .balign 16, 0xCC
    .seh_proc \\name
    .seh_endprologue
\\name:
    .endm

    LEAF    Restores
    push    rbx
    mov     [rsp + 0x18], rsi
    mov     rbx, rcx
    mov     esi, ecx
    mov     rsi, [rsp + 0x18]
    pop     rbx
    ret
    .seh_endproc

    LEAF    Keeps
    mov     r10, rbx
    mov     rbx, rcx
    mov     rbx, r10
    ret
    .seh_endproc

    LEAF    RestoresAnother
    push    rdi
    mov     rdi, rcx
    mov     [rsp], rcx
    pop     rdi
    ret
    .seh_endproc

    LEAF    Repeats
    push    rdi
    lea     rdi, [rsp - 0x40]
    mov     ecx, 16
    xor     eax, eax
    rep     stosb
    pop     rdi
    ret
    .seh_endproc
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    made = Captured()
    made.load(tmp_path_factory.mktemp("preservation"), SOURCE)
    made.machine.checkpoint()
    return made


def suspected(captured: Captured, function: str, *, unwound: bool = False) -> list[str]:
    """Return the registers that are to be compared for a function."""
    captured.machine.reset()
    call = captured.call(function, 0x1234)
    assert call.callee is not None
    begins, ends = (np.array([place], np.int64) for place in (call.callee.begin, call.callee.end))
    preservation = Preservation(call.instructions, call.accesses, begins, ends)
    return [name for name, _, _ in preservation.suspects(np.array([unwound]))]


@pytest.mark.parametrize("function", ["Restores", "Repeats"])
def test_what_is_put_back_is_settled(captured: Captured, function: str) -> None:
    assert suspected(captured, function) == []


def test_what_is_kept_elsewhere_is_compared(captured: Captured) -> None:
    assert suspected(captured, "Keeps") == ["rbx"]


def test_another_value_is_compared(captured: Captured) -> None:
    assert suspected(captured, "RestoresAnother") == ["rdi"]


def test_every_general_register_is_compared_behind_an_unwind(captured: Captured) -> None:
    assert suspected(captured, "Restores", unwound=True) == ["rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15"]


@pytest.mark.parametrize("length", [3, 100, 4000])
def test_the_copies_of_the_library_are_settled(captured: Captured, length: int) -> None:
    captured.machine.reset()
    user, kernel = captured.machine.user.alloc(4096), captured.machine.kernel.alloc(4096)
    call = captured.call("CopyFromUser", kernel, user, length)
    assert call.callee is not None
    begins, ends = (np.array([place], np.int64) for place in (call.callee.begin, call.callee.end))
    preservation = Preservation(call.instructions, call.accesses, begins, ends)
    assert list(preservation.suspects(np.zeros(1, bool))) == []
