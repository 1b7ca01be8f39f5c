# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs in user memory from run to run, because the stack held something else before, is what is reported."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from emu import Returned
from emu.address import Gva
from emu.checks.information_leak.shadow_run import ShadowRun
from emu.kernel.call import bottom_stack_pointer
from tests.checks.captured import Captured

PROGRAMS = 60
STEPS = 30
RUNS = 3
USER, KERNEL, DEAD = 64, 128, 0x800
REGISTERS = ("rax", "rcx", "rdx", "r8", "r9", "r10", "r11")
PARTS = {"rax": "eax", "rcx": "ecx", "rdx": "edx", **{f"r{number}": f"r{number}d" for number in range(8, 12)}}

HEAD = """// SPDX-License-Identifier: MIT
    .intel_syntax noprefix
"""
FUNCTION = """
    .section .drectve, "yn"
    .ascii " /EXPORT:{name}"
    .text
    .globl {name}
{name}:                       // rbx: user memory, r12: a kernel buffer, r13: a part of the frame
    push rbx
    push r12
    push r13
    sub rsp, 0xC0
    mov rbx, rcx
    mov r12, rdx
    lea r13, [rsp + 0x30]
    {steps}
    add rsp, 0xC0
    pop r13
    pop r12
    pop rbx
    ret
"""


def call(function: str, target: str, source: str, size: int) -> str:
    return f"lea rcx, [{target}]; lea rdx, [{source}]; mov r8d, {size}; call {function}"


def step(chance: random.Random) -> str:
    """Return a line of a program: a load, a store, an operation, a copy."""
    one, other = chance.sample(REGISTERS, 2)
    vector, second = chance.sample(range(4), 2)
    memory = f"{chance.choice(('r13', 'r13', 'r13', 'r12'))} + {chance.randint(0, 88)}"
    size = chance.randint(1, 40)
    return chance.choice(
        (
            *(f"mov {one}, [{memory}]", f"mov {PARTS[one]}, [{memory}]", f"movzx {PARTS[one]}, byte ptr [{memory}]"),
            *(f"mov [{memory}], {one}", f"mov [{memory}], {PARTS[one]}", f"movups xmm{vector}, [{memory}]"),
            *(f"movups [{memory}], xmm{vector}", f"mov byte ptr [{memory}], 5", f"add [{memory}], {one}"),
            f"{chance.choice(('add', 'sub', 'or', 'and', 'xor', 'mov', 'xchg', 'imul'))} {one}, {other}",
            f"{chance.choice(('shl', 'shr', 'sar', 'rol', 'ror'))} {one}, {chance.randint(1, 63)}",
            f"{chance.choice(('and', 'or', 'xor'))} {PARTS[one]}, {chance.choice(('0xFF', '0xFF00', '0x7F', '-1'))}",
            f"{chance.choice(('pxor', 'por', 'pand', 'punpcklqdq', 'paddd'))} xmm{vector}, xmm{second}",
            *(f"push {one}; pop {other}", f"bswap {one}", f"movq xmm{vector}, {one}", f"movq {one}, xmm{vector}"),
            *(f"mov [rbx + {chance.randint(0, 56)}], {one}", f"movups [rbx + {chance.randint(0, 48)}], xmm{vector}"),
            call("CopyToUser", "rbx", memory, size),
            call("memcpy", "r12", f"r13 + {chance.randint(0, 48)}", size),
            call("memcpy", f"r13 + {chance.randint(0, 48)}", "r12", size),
        )
    )


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    made, text = Captured(), HEAD
    for number in range(PROGRAMS):
        chance = random.Random(number)
        clear = [f"mov {each}, rbx" for each in REGISTERS] + [f"xorps xmm{each}, xmm{each}" for each in range(4)]
        lines = [*clear, *(step(chance) for _ in range(STEPS))]
        text += FUNCTION.format(name=f"program_{number}", steps="; ".join(lines).replace("; ", "\n    "))
    made.load(tmp_path_factory.mktemp("runs"), text)
    made.machine.checkpoint()
    yield made
    made.machine.close()


@pytest.mark.parametrize("number", range(PROGRAMS))
def test_what_differs_is_reported(captured: Captured, number: int) -> None:
    machine, contents = captured.machine, []
    reported: set[int] = set()
    for run in range(RUNS):
        machine.reset()
        user, kernel = machine.user.alloc(USER), machine.kernel.alloc(bytes(range(KERNEL)))
        dead = random.Random(run).randbytes(DEAD)
        machine.system.memory.write(Gva(bottom_stack_pointer(machine.system) - DEAD), dead)
        made = captured.call(f"program_{number}", user, kernel)
        assert isinstance(made.outcome, Returned)
        contents.append(user.read())
        if run == 0:
            shadows = ShadowRun(made)
            shadows.run()
            for leak in shadows.leaks:
                begin = int(made.accesses.address[leak.access]) - user.address
                reported.update(begin + at for at, mark in enumerate(leak.shadow) if mark)
    differs = {at for at, column in enumerate(zip(*contents, strict=True)) if len(set(column)) > 1}
    assert differs <= reported
