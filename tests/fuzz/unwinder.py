# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged `.pdata`, `.xdata`, code, registers and stacks, unwound: an `UnwindError`, or what the codes say.

The oracle outside of epilogues is the code walk of the unwinder's own tests; and a plan that is replayed gives what
compiling it gave. The header chooses the handler type, the first function and the seed of the stack.
"""

from __future__ import annotations

from random import Random
from typing import Final

from emu.address import Gva
from emu.image import FunctionTable, ImageError
from emu.memory.errors import NotMapped
from emu.seh.context import RSP, Context
from emu.seh.unwind_info import UnwindError
from emu.seh.virtual_unwind import Frame, ImageUnwinder
from tests.fuzz.edits import EDIT_KINDS, edit
from tests.fuzz.health import check_message
from tests.fuzz.record import Input, make_input
from tests.fuzz.sample_image import BASE, FUNCTION_SIZE, PDATA, sample
from tests.seh.unwind_images import Memory
from tests.seh.unwind_models import walk_codes

STACK: Final = 0xFFFF_9000_0010_0000
STACK_SIZE: Final = 0x3000
_MASK: Final = (1 << 64) - 1
_DEEPEST: Final = 64
_TABLE_SIZE: Final = 12 * 11
_SET_REGISTER, _WRITE_STACK, _PROBE, _RESIZE_TABLE = range(EDIT_KINDS, EDIT_KINDS + 4)

SEEDS: Final = tuple(
    make_input([0, function], (_PROBE, at, function, 0)) for function in range(11) for at in (0, 4, 0x20, 0x3B)
)


class Stack(Memory):
    """Memory of some pages and nothing around them."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.content = bytearray(random.randbytes(STACK_SIZE))
        # Most slots lead on: to code, or to the stack itself.
        for slot in range(0, STACK_SIZE, 8):
            choice = random.random()
            if choice < 0.5:
                value = BASE + 0x1000 + random.randrange(FUNCTION_SIZE * 12)
            elif choice < 0.8:
                value = STACK + 8 * random.randrange(STACK_SIZE // 8)
            else:
                continue
            self.content[slot : slot + 8] = value.to_bytes(8, "little")

    def read(self, address: int, size: int) -> bytes:
        """Read bytes; raises NotMapped outside."""
        address &= _MASK
        start = address - STACK
        if not 0 <= start <= STACK_SIZE - size:
            missing = address if not 0 <= start < STACK_SIZE else STACK + STACK_SIZE
            raise NotMapped(Gva(missing))
        return bytes(self.content[start : start + size])

    def read_u64(self, address: int) -> int:
        """Read a quadword; raises NotMapped outside."""
        return int.from_bytes(self.read(address, 8), "little")


_stacks: Final = tuple(Stack(Random(seed)) for seed in range(8))


def run(data: bytes) -> None:
    """Unwind through one image."""
    source = Input.decode(data)
    handler_type, function, stack_seed, registers = source.header[0] & 3, *source.header[1:4]
    content = bytearray(sample().mapped)
    stack = _stacks[stack_seed % len(_stacks)]
    context = _context(registers)
    probes: list[int] = []
    table_size = _TABLE_SIZE
    for record in source.records:
        kind = record.kind % (EDIT_KINDS + 4)
        if kind < EDIT_KINDS:
            edit(content, sample().mapped_fields, record._replace(kind=kind))
        elif kind == _SET_REGISTER:
            context.gpr[record.small & 15] = (STACK + record.selector if record.small & 0x80 else record.value) & _MASK
        elif kind == _WRITE_STACK:
            if stack in _stacks:
                stack = Stack(Random(stack_seed % len(_stacks)))
            at = record.selector % STACK_SIZE & ~7
            value = BASE + record.value % 0x2000 if record.small & 1 else record.value
            stack.content[at : at + 8] = value.to_bytes(8, "little")
        elif kind == _PROBE:
            probes.append(0x1000 + record.selector % 12 * FUNCTION_SIZE + record.small % FUNCTION_SIZE)
        else:
            table_size = record.selector % 0x200
    image = bytes(content)
    try:
        table = FunctionTable(image[PDATA : PDATA + table_size], image, "damaged.sys")
    except ImageError as error:
        check_message(error, r"damaged\.sys: .+")
        return
    unwinder = ImageUnwinder(Gva(BASE), table, lambda rva, size: image[rva : rva + size])
    for probe in probes or [0x1000 + function % 12 * FUNCTION_SIZE + 8]:
        _walk(unwinder, table, Gva(BASE + probe), context.copy(), stack, handler_type)


def _context(seed: int) -> Context:
    random = Random(seed)
    gpr = [STACK + 8 * random.randrange(STACK_SIZE // 8) for _ in range(16)]
    return Context(gpr, xmm=random.randbytes(256))


def _walk(
    unwinder: ImageUnwinder, table: FunctionTable, pc: Gva, context: Context, stack: Stack, handler_type: int
) -> None:
    """Unwind as a dispatch does, as long as RSP rises."""
    context.rip = pc
    for _ in range(_DEEPEST):
        pc, before = Gva(context.rip), context.copy()
        frame = _unwind_twice(unwinder, table, pc, context, stack, handler_type)
        if frame is None or context.gpr[RSP] <= before.gpr[RSP]:
            return


def _unwind_twice(
    unwinder: ImageUnwinder, table: FunctionTable, pc: Gva, context: Context, stack: Stack, handler_type: int
) -> Frame | None:
    before = context.copy()
    again = before.copy()
    try:
        frame = unwinder.virtual_unwind(pc, context, stack, handler_type)
    except UnwindError:
        return None
    except NotMapped:
        _check_codes(unwinder, pc, before, None, stack)
        return None
    assert unwinder.virtual_unwind(pc, again, stack, handler_type) == frame
    assert again == context
    assert all(0 <= value <= _MASK for value in (*context.gpr, context.rip, frame.establisher))
    assert len(context.xmm) == 256
    assert (frame.handler is None) == (frame.handler_data is None)
    if not frame.in_epilogue and table.lookup(pc - BASE) is not None:
        _check_codes(unwinder, pc, before, (frame, context), stack)
    return frame


def _check_codes(
    unwinder: ImageUnwinder, pc: Gva, before: Context, unwound: tuple[Frame, Context] | None, stack: Stack
) -> None:
    """Compare with the code walk."""
    entry = unwinder.lookup(pc)
    if entry is None or not entry.begin <= pc - BASE:
        return  # a leaf; or an indirect entry behind its function, where the walk's offset is negative
    expected = before.copy()
    try:
        establisher, machine_frame = walk_codes(unwinder.chain(entry), pc - BASE, expected, stack)
    except NotMapped:
        assert unwound is None
        return
    if unwound is not None:
        frame, context = unwound
        assert (frame.establisher, frame.machine_frame) == (establisher, machine_frame)
        assert context == expected
