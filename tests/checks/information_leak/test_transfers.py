# SPDX-License-Identifier: GPL-2.0-or-later
"""What a shadow calls initialised does not change with what was not: each operation is run with both, and compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Machine, Returned, build_guest
from emu.checks.information_leak.transfers import MEMORY, Place, transfers
from emu.cpu import registers as r

GENERAL = (
    *("mov rax, r8", "mov eax, r8d", "mov ax, r8w", "mov al, r8b", "mov ah, al", "movzx eax, r8b", "movsx rax, r8w"),
    *("movsxd rax, r8d", "xchg rax, r8", "xchg al, r8b", "xadd rax, r8", "bswap rax", "bswap eax", "not rax"),
    *("and rax, r8", "or rax, r8", "xor rax, r8", "xor eax, eax", "sub r8, r8", "and eax, 0xff00", "and rax, -256"),
    *("or eax, 0xff", "xor al, 0x55", "add rax, r8", "add eax, r8d", "sub ax, r8w", "adc rax, r8", "sbb eax, eax"),
    *("inc rax", "dec al", "neg eax", "imul rax, r8", "imul rax, r8, 7", "mul r8", "lea rax, [r8 + 2 * rax + 5]"),
    *("lea eax, [r8 + 1]", "shl rax, 8", "shl eax, 3", "shr rax, 12", "shr eax, 16", "sar rax, 20", "sar al, 1"),
    *("rol rax, 16", "ror eax, 5", "rol ax, 8", "cdqe", "cqo", "cwde", "shld rax, r8, 4", "xchg ah, al"),
)
VECTOR = (
    *("movaps xmm0, xmm1", "movdqa xmm1, xmm0", "movss xmm0, xmm1", "movsd xmm0, xmm1", "movq xmm0, xmm1"),
    *("movd xmm0, eax", "movq xmm0, rax", "movd eax, xmm1", "movq rax, xmm1", "movlhps xmm0, xmm1"),
    *("movhlps xmm0, xmm1", "punpcklqdq xmm0, xmm1", "punpckhqdq xmm0, xmm1", "punpcklbw xmm0, xmm1"),
    *("pshufd xmm0, xmm1, 0x4e", "pshufd xmm0, xmm0, 0x1b", "pand xmm0, xmm1", "pxor xmm0, xmm0", "xorps xmm1, xmm1"),
    *(
        "por xmm0, xmm1",
        "paddd xmm0, xmm1",
        "paddb xmm0, xmm1",
        "pslldq xmm0, 4",
        "psrldq xmm0, 3",
        "pinsrw xmm0, eax, 3",
    ),
    *("unpcklpd xmm0, xmm1", "shufps xmm0, xmm1, 0x1b", "pandn xmm0, xmm1"),
)
OPERATIONS = (*GENERAL, *VECTOR)
PLACES = {r.RAX: (0, 8), r.R8: (8, 8), 16: (16, 16), 17: (32, 16)}
"""Where the registers are in what is loaded and stored: offset, bytes."""
SIZE = 48

HEAD = "// SPDX-License-Identifier: MIT\n    .intel_syntax noprefix\n    .text\n"
FUNCTION = """
    .globl operation_{number}
    .section .drectve, "yn"
    .ascii " /EXPORT:operation_{number}"
    .text
operation_{number}:
    mov r9, rdx
    mov rax, [rcx]
    mov r8, [rcx + 8]
    movups xmm0, [rcx + 16]
    movups xmm1, [rcx + 32]
begin_{number}:
    {text}
end_{number}:
    mov [r9], rax
    mov [r9 + 8], r8
    movups [r9 + 16], xmm0
    movups [r9 + 32], xmm1
    ret
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    source: Path = tmp_path_factory.mktemp("operations") / "operations.S"
    functions = [FUNCTION.format(number=number, text=text) for number, text in enumerate(OPERATIONS)]
    source.write_text(HEAD + "".join(functions), encoding="utf-8")
    with Machine() as made:
        made.load(build_guest([source]))
        made.checkpoint()
        yield made


def encoding_of(machine: Machine, number: int) -> bytes:
    begin = machine.resolve(f"begin_{number}")
    return machine.system.memory.read(begin, machine.resolve(f"end_{number}") - begin)


def shadow_after(encoding: bytes, shadow: bytes) -> bytes:
    """Return what the transfers of an instruction make of the shadow of the four registers."""
    result = bytearray(shadow)

    def read(place: Place) -> bytes:
        if place.register not in PLACES:
            return bytes(place.size)
        begin = PLACES[place.register][0] + place.offset
        return shadow[begin : begin + place.size]

    for step in transfers(encoding):
        found, target = step.combine(*map(read, step.sources)), step.target
        assert target.register != MEMORY
        assert len(found) == target.size
        if target.register in PLACES:
            begin = PLACES[target.register][0] + target.offset
            result[begin : begin + target.size] = found
            if target.register < 16 and target.size == 4:
                result[begin + 4 : begin + 8] = bytes(4)
    return bytes(result)


def outcome(machine: Machine, number: int, content: bytes) -> bytes:
    machine.reset()
    source, target = machine.kernel.alloc(content), machine.kernel.alloc(SIZE)
    assert isinstance(machine.call(f"operation_{number}", source, target), Returned)
    return target.read()


@settings(max_examples=400, deadline=None)
@given(
    number=st.integers(0, len(OPERATIONS) - 1),
    one=st.binary(min_size=SIZE, max_size=SIZE),
    other=st.binary(min_size=SIZE, max_size=SIZE),
    mask=st.lists(st.booleans(), min_size=SIZE, max_size=SIZE),
)
def test_initialised_bytes_do_not_change(
    machine: Machine, number: int, one: bytes, other: bytes, mask: list[bool]
) -> None:
    second = bytes(b if flipped else a for a, b, flipped in zip(one, other, mask, strict=True))
    shadow = shadow_after(encoding_of(machine, number), bytes(2 if flipped else 0 for flipped in mask))
    results = outcome(machine, number, one), outcome(machine, number, second)
    changed = [at for at, (a, b) in enumerate(zip(*results, strict=True)) if a != b]
    assert all(shadow[at] for at in changed), f"{OPERATIONS[number]}: bytes {changed}, shadow {shadow.hex()}"


@pytest.mark.parametrize("number", range(len(OPERATIONS)), ids=OPERATIONS)
def test_clean_stays_clean(machine: Machine, number: int) -> None:
    assert not any(shadow_after(encoding_of(machine, number), bytes(SIZE)))
