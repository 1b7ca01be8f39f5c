# SPDX-License-Identifier: GPL-2.0-or-later
"""Where values came from: back through registers, memory and copies, to what stands at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from emu.checks.call.origins import KERNEL_BEGIN, Origin, OriginKind
from emu.cpu import registers as r
from tests.checks.captured import Captured

U, K, A, H, S = (
    OriginKind.USER_MEMORY,
    OriginKind.KERNEL_MEMORY,
    OriginKind.ARGUMENT,
    OriginKind.HOST,
    OriginKind.STACK_POINTER,
)


class Case(NamedTuple):
    """Code with rcx a user buffer and rdx a kernel buffer; what rax is made of when it is done."""

    code: str
    kinds: set[OriginKind]


CASES = {
    "reads_user_memory": Case("mov rax, [rcx]", {U}),
    "reads_kernel_memory": Case("mov rax, [rdx]", {K}),
    "through_registers": Case("movzx r10d, byte ptr [rcx]; mov r11d, r10d; lea rax, [r11 + 1]", {U}),
    "through_the_stack": Case("mov r10, [rcx]; push r10; pop rax", {U}),
    "through_kernel_memory": Case("movups xmm0, [rcx]; movups [rdx], xmm0; mov eax, [rdx + 4]", {U}),
    "in_two_pieces": Case("mov r10b, [rcx]; mov [rdx], r10b; mov ax, [rdx]", {U, K}),
    "by_a_string_move": Case("mov rsi, rcx; mov rdi, rdx; movsq; mov rax, [rdx]", {U}),
    "added_to_an_argument": Case("mov rax, [rcx]; add rax, rdx", {U, A}),
    "overwritten": Case("mov rax, [rcx]; xor eax, eax", set()),
    "compared_only": Case("cmp dword ptr [rcx], 1; sete al; movzx eax, al", set()),
    "exchanged": Case("mov r10, [rcx]; mov rax, rdx; xchg rax, r10", {U, A}),  # both go into either
    "an_argument": Case("mov rax, r8", {A}),
    "of_the_stack_pointer": Case("lea rax, [rsp + 8]", {S}),
    "an_address_only": Case("mov r10, [rcx]; and r10, 7; mov rax, [rdx + r10]", {K}),
}

FUNCTION = """
    .globl {name}
    .section .drectve, "yn"
    .ascii " /EXPORT:{name}"
    .text
{name}:
    {code}
    ret
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    made = Captured()
    functions = (FUNCTION.format(name=name, code=case.code.replace(";", "\n   ")) for name, case in CASES.items())
    text = "// SPDX-License-Identifier: MIT\n    .intel_syntax noprefix\n    .text\n" + "".join(functions)
    made.load(tmp_path_factory.mktemp("origins"), text)
    yield made
    made.machine.close()


def origins(captured: Captured, name: str, content: bytes = bytes(16)) -> tuple[Origin, ...]:
    machine = captured.machine
    call = captured.call(name, machine.user.alloc(content), machine.kernel.alloc(bytes(32)), 5)
    assert call.callee is not None
    return call.origins.of_register(r.RAX, call.callee.end - 1)


@pytest.mark.parametrize("name", CASES)
def test_kinds(captured: Captured, name: str) -> None:
    assert {each.kind for each in origins(captured, name)} == CASES[name].kinds


def test_an_argument_by_its_register(captured: Captured) -> None:
    (found,) = origins(captured, "an_argument")
    assert (found.register, found.instruction) == (r.R8, 0)


def test_an_address_on_the_way(captured: Captured) -> None:
    address = (KERNEL_BEGIN + 5).to_bytes(8, "little")
    for name in ("reads_user_memory", "through_the_stack"):
        (found,) = origins(captured, name, address + bytes(8))
        assert found.as_kernel_address
        (found,) = origins(captured, name)
        assert not found.as_kernel_address


def test_what_an_export_returned(captured: Captured) -> None:
    call = captured.call("ExGetPreviousMode")
    (found,) = call.origins.of_register(r.RAX, len(call.instructions))
    assert found.kind is H
