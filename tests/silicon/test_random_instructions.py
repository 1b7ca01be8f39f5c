# SPDX-License-Identifier: GPL-2.0-or-later
"""Random instructions of the kinds that routines are made of, on silicon and on the engine.

Encoded as an assembler would, with any operands; the registers are numbers, or addresses in the user page and around
its edges. Flags that the manuals leave undefined (Intel SDM Vol. 1, appendix A) are not compared.
"""

from __future__ import annotations

import random
from typing import Final, Literal, NamedTuple

import pytest

from emu.cpu import registers as r
from tests.silicon.comparison import as_on_the_engine
from tests.silicon.instructions import END, Bench, Instruction
from tests.silicon.library import OTHER, STACK, USER
from tests.silicon.native import needs_silicon
from tests.silicon.world import PAGE, Stop, differences

pytestmark = needs_silicon

CF, PF, AF, ZF, SF, OF = 1, 4, 16, 64, 128, 0x800
INSTRUCTIONS: Final = 2000
OPERAND_SIZE: Final = b"\x66"


class Form(NamedTuple):
    """An opcode with a ModRM byte, and what may stand around it."""

    opcode: str
    digit: int | None = None
    """What the reg field has to be; None: a register."""
    immediate: Literal["", "byte", "full"] = ""
    undefined: int = 0
    """Flags that it leaves so."""
    operand: Literal["any", "memory", "register"] = "any"
    prefix: str = ""
    """A mandatory one."""
    narrow: bool = True
    """It may have 16-bit operands."""
    lockable: bool = False


def _arithmetic() -> list[Form]:
    forms = []
    for operation in range(8):
        undefined = AF if operation in (1, 4, 6) else 0
        locks = operation != 7
        for kind in range(4):
            forms.append(Form(f"{operation * 8 + kind:02x}", undefined=undefined))
        forms += [
            Form("80", operation, "byte", undefined, lockable=locks),
            Form("81", operation, "full", undefined, lockable=locks),
            Form("83", operation, "byte", undefined, lockable=locks),
        ]
    return forms


def _shifts() -> list[Form]:
    forms = []
    for operation in (0, 1, 2, 3, 4, 5, 7):
        of_one = AF if operation > 3 else 0
        of_many = of_one | OF | (CF if operation > 3 else 0)  # CF where an 8- or 16-bit operand is shifted out
        forms += [Form(opcode, operation, undefined=of_one) for opcode in ("d0", "d1")]
        forms += [Form(opcode, operation, undefined=of_many) for opcode in ("d2", "d3")]
        forms += [Form(opcode, operation, "byte", of_many) for opcode in ("c0", "c1")]
    for opcode in ("0fa5", "0fad"):
        forms.append(Form(opcode, undefined=AF | OF, narrow=False))
    return forms


def _others() -> list[Form]:
    product = SF | ZF | AF | PF
    forms = [Form(opcode) for opcode in ("88", "89", "8a", "8b", "86", "87", "0fb6", "0fb7", "0fbe", "0fbf", "63")]
    forms += [Form("c6", 0, "byte"), Form("c7", 0, "full"), Form("8f", 0), Form("ff", 6)]
    forms += [Form(opcode, lockable=True) for opcode in ("0fc0", "0fc1")]
    forms += [Form(opcode, operand="memory", lockable=True) for opcode in ("0fb0", "0fb1")]
    forms += [Form("84", undefined=AF), Form("85", undefined=AF)]
    forms += [Form("f6", 0, "byte", AF), Form("f7", 0, "full", AF)]
    for opcode in ("f6", "f7"):
        forms += [Form(opcode, digit, lockable=digit == 2) for digit in (2, 3)]  # lock neg: see test_instructions.py
        forms += [Form(opcode, digit, undefined=product) for digit in (4, 5)]
    forms += [Form("0faf", undefined=product), Form("69", None, "full", product), Form("6b", None, "byte", product)]
    forms += [Form(opcode, digit, lockable=True) for opcode in ("fe", "ff") for digit in (0, 1)]
    forms += [Form("0fba", digit, "byte", PF | AF | SF | OF, lockable=digit > 4) for digit in (4, 5, 6, 7)]
    forms += [Form(opcode, None, "", PF | AF | SF | OF, "register") for opcode in ("0fa3", "0fab", "0fb3", "0fbb")]
    forms += [Form(f"0f9{condition:x}", 0) for condition in range(16)]
    forms += [Form(f"0f4{condition:x}") for condition in range(16)]
    return forms


def _sse() -> list[Form]:
    moves = [Form(f"0f{opcode}", prefix=prefix) for opcode in ("10", "11") for prefix in ("", "66", "f3", "f2")]
    halves = [Form(f"0f{opcode}", None, "", 0, "memory", p) for opcode in ("12", "13", "16", "17") for p in ("", "66")]
    integers = [("6f", "f3"), ("7f", "f3"), ("6e", "66"), ("7e", "66"), ("7e", "f3"), ("d6", "66")]
    of_registers = ("ef", "eb", "db", "df", "d4", "fe", "74", "60", "61", "62", "6c", "70", "d7", "fc", "f8")
    forms = [*moves, *halves, Form("0fc3", operand="memory", narrow=False)]
    forms += [Form(f"0f{opcode}", prefix=prefix) for opcode, prefix in integers]
    forms += [
        Form(f"0f{opcode}", None, "byte" if opcode == "70" else "", 0, "register", "66") for opcode in of_registers
    ]
    return [form._replace(narrow=False) for form in forms]


FORMS: Final = (*_arithmetic(), *_shifts(), *_others(), *_sse())
STRINGS: Final = ("a4", "a5", "aa", "ab", "ac", "ad", "ae", "af", "a6", "a7")


class Drawn(NamedTuple):
    """An instruction, and the flags that it leaves undefined."""

    instruction: Instruction
    undefined: int


class Drawing:
    """Draws instructions."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._count = 0

    def draw(self) -> Drawn:
        """Draw one."""
        self._count += 1
        if self._random.random() < 0.1:
            return Drawn(self._named(self._string(), {"rdi": self._address(), "rsi": OTHER + 0x800, "rcx": 20}), 0)
        form = self._random.choice(FORMS)
        return Drawn(self._named(self._encode(form), {}), form.undefined)

    def _named(self, code: bytes, given: dict[str, int]) -> Instruction:
        registers = {name: self._value() for name in r.GPR_NAMES} | given
        registers |= {"rsp": STACK + PAGE // 2, "rflags": self._random.getrandbits(12) & r.FLAGS_ARITHMETIC}
        if given:
            registers["rflags"] |= self._random.choice((0, r.FLAG_DF))
        return Instruction(f"{self._count}: {code.hex()}", code.hex(), registers)

    def _address(self) -> int:
        near = self._random.choice((USER, USER + PAGE // 2, END))
        return near + self._random.randrange(-32, 32)

    def _value(self) -> int:
        """An address, a number below those that a process may have pages at, or one that is no canonical address."""
        bits = self._random.getrandbits
        numbers = bits(15) | 0x400, bits(61) | 1 << 62 | bits(1) << 63
        return self._random.choice((self._address(), self._address(), *numbers))

    def _string(self) -> bytes:
        prefixes = self._random.choice((b"", b"\xf3", b"\xf2")) + self._random.choice((b"", OPERAND_SIZE, b"\x48"))
        return prefixes + bytes.fromhex(self._random.choice(STRINGS))

    def _encode(self, form: Form) -> bytes:
        draw = self._random
        is_memory = form.operand == "memory" or (form.operand == "any" and draw.random() < 0.6)
        is_narrow = form.narrow and draw.random() < 0.2
        prefixes = OPERAND_SIZE if is_narrow else b""
        if is_memory and form.lockable and draw.random() < 0.3:
            prefixes += b"\xf0"
        rex = 0x40 | draw.getrandbits(4)
        if form.digit is not None:
            rex &= ~4
        if is_narrow:
            rex &= ~8
        if not is_memory:
            rex &= ~2
        operand = self._operand(form, is_memory, rex)
        prefixes += bytes.fromhex(form.prefix) + (bytes((rex,)) if rex != 0x40 else b"")
        size = {"": 0, "byte": 1, "full": 2 if is_narrow else 4}[form.immediate]
        return prefixes + bytes.fromhex(form.opcode) + operand + draw.randbytes(size)

    def _operand(self, form: Form, is_memory: bool, rex: int) -> bytes:
        """Return ModRM, SIB and displacement; never relative to RIP, and never without a base."""
        draw = self._random
        reg = form.digit if form.digit is not None else draw.randrange(8)
        if not is_memory:
            return bytes((0xC0 | reg << 3 | draw.randrange(8),))
        rm = draw.randrange(8)
        if rm == 4:
            scaled = draw.randrange(4) << 6 | draw.randrange(8) << 3 | draw.randrange(8)
            return bytes((0x40 | reg << 3 | 4, scaled)) + draw.randbytes(1)
        if rm == 5 or draw.random() < 0.5:
            return bytes((0x40 | reg << 3 | rm,)) + draw.randbytes(1)
        return bytes((reg << 3 | rm,))


def _defined(stop: Stop, undefined: int) -> Stop:
    general = (*stop.general[: r.RFLAGS], stop.general[r.RFLAGS] & ~undefined)
    return stop._replace(general=general)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.sweep) for seed in range(4, 100))])
def test_agrees(seed: int) -> None:
    """Two thousand instructions a seed."""
    drawing = Drawing(seed)
    drawn = [drawing.draw() for _ in range(INSTRUCTIONS)]
    bench = Bench([each.instruction for each in drawn])
    found = []
    for instruction, undefined in drawn:
        silicon, engine = (_defined(stop, undefined) for stop in bench[instruction.name])
        for line in differences(as_on_the_engine(silicon, bench.pages), engine, bench.pages):
            found.append(f"{instruction.name}: {line}")
    assert not found, "\n".join(found)
