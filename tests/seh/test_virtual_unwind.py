# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual unwinding: literal frames, then random ones against execution and a code walk."""

import struct
from contextlib import suppress
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from emu.address import Gva
from emu.image.function_table import RuntimeFunction
from emu.nt.unwind import UNW_FLAG_CHAININFO, UNW_FLAG_EHANDLER, UNW_FLAG_UHANDLER
from emu.seh import virtual_unwind
from emu.seh.context import RBP, RBX, RDI, RSI, RSP, Context
from emu.seh.unwind_info import UnwindCode, UnwindError
from emu.seh.virtual_unwind import MOST_KEPT, Frame, ImageUnwinder, unwind_leaf
from tests.seh.unwind_images import (
    IMAGE_BASE,
    Image,
    Memory,
    allocate,
    encode_unwind_info,
    machine_frame,
    push,
    save,
    save_xmm,
    set_frame,
)
from tests.seh.unwind_models import NONVOLATILE, Execution, walk_codes

BEGIN, END, INFO, CHILD_BEGIN, CHILD_END, CHILD_INFO = 0x100, 0x400, 0x1000, 0x600, 0x900, 0x2000
RETURN = 0xFFFFF80000ABCDEF
STACK = 0xFFFF900000100000


def image_with(info: bytes, code: bytes = b"") -> Image:
    image = Image()
    image.place(INFO, info)
    image.place(BEGIN, code)
    image.function(BEGIN, END, INFO)
    return image


def unwinder_of(image: Image) -> ImageUnwinder:
    return ImageUnwinder(IMAGE_BASE, image, image.read)


def unwind(
    image: Image,
    offset: int,
    context: Context,
    words: dict[int, int],
    handler_type: int = UNW_FLAG_EHANDLER,
) -> Frame:
    """Unwind from an offset in the function, with these 64-bit words in memory."""
    memory = Memory()
    for address, value in words.items():
        memory.write_u64(address, value)
    pc = Gva(IMAGE_BASE + BEGIN + offset)
    return unwinder_of(image).virtual_unwind(pc, context, memory, handler_type)


def at_stack(rsp: int = STACK) -> Context:
    context = Context(list(range(100, 116)))
    context.gpr[RSP] = rsp
    return context


class TestLiteralFrames:
    def test_pushes_and_allocation(self) -> None:
        codes = [allocate(6, 0x28), push(2, RDI), push(1, RBX)]
        image = image_with(encode_unwind_info(codes, prolog=6))
        words = {STACK + 0x28: 1, STACK + 0x30: 2, STACK + 0x38: RETURN}
        context = at_stack()
        frame = unwind(image, 0x20, context, words)
        assert frame == Frame(Gva(STACK), None, None, False, False)
        assert (context.gpr[RDI], context.gpr[RBX]) == (1, 2)
        assert (context.rip, context.gpr[RSP]) == (RETURN, STACK + 0x40)
        assert context.gpr[RSI] == 106

    @pytest.mark.parametrize(("offset", "popped", "rsp"), [(0, (), 8), (1, (RBX,), 0x10), (2, (RDI, RBX), 0x18)])
    def test_half_a_prologue(self, offset: int, popped: tuple[int, ...], rsp: int) -> None:
        codes = [allocate(6, 0x28), push(2, RDI), push(1, RBX)]
        image = image_with(encode_unwind_info(codes, prolog=6))
        context = at_stack()
        words = {STACK + 8 * n: n for n in range(8)}
        frame = unwind(image, offset, context, words)
        assert frame.establisher == STACK
        assert [context.gpr[register] for register in popped] == list(range(len(popped)))
        assert (context.rip, context.gpr[RSP]) == (len(popped), STACK + rsp)

    def test_large_allocations(self) -> None:
        for size in (0x1000, 0x7FFF8, 0x80000, 0xFFFFFFF8):
            image = image_with(encode_unwind_info([allocate(7, size)], prolog=7))
            context = at_stack()
            unwind(image, 7, context, {STACK + size: RETURN})
            assert (context.rip, context.gpr[RSP]) == (RETURN, STACK + size + 8)

    def test_frame_register(self) -> None:
        codes = [set_frame(8), allocate(4, 0x40), push(1, RBP)]
        info = encode_unwind_info(codes, prolog=8, frame_register=RBP, frame_offset=0x20)
        context = at_stack(STACK - 0x5000)
        context.gpr[RBP] = STACK + 0x20
        frame = unwind(image_with(info), 0x50, context, {STACK + 0x40: 7, STACK + 0x48: RETURN})
        assert frame.establisher == STACK
        assert (context.gpr[RBP], context.rip, context.gpr[RSP]) == (7, RETURN, STACK + 0x50)

    def test_frame_register_not_yet_set(self) -> None:
        codes = [set_frame(8), allocate(4, 0x40), push(1, RBP)]
        info = encode_unwind_info(codes, prolog=8, frame_register=RBP, frame_offset=0x20)
        context = at_stack()
        frame = unwind(image_with(info), 4, context, {STACK + 0x40: 7, STACK + 0x48: RETURN})
        assert frame.establisher == STACK
        assert (context.gpr[RBP], context.rip, context.gpr[RSP]) == (7, RETURN, STACK + 0x50)

    @pytest.mark.parametrize("far", [False, True])
    def test_saves(self, far: bool) -> None:
        codes = [save_xmm(9, 6, 0x30, far), save(7, RSI, 0x68, far), allocate(4, 0x48)]
        image = image_with(encode_unwind_info(codes, prolog=9))
        words = {STACK + 0x30: 5, STACK + 0x38: 6, STACK + 0x68: 7, STACK + 0x48: RETURN}
        context = at_stack()
        unwind(image, 9, context, words)
        assert context.gpr[RSI] == 7
        assert context.xmm == bytes(96) + struct.pack("<QQ", 5, 6) + bytes(144)
        assert (context.rip, context.gpr[RSP]) == (RETURN, STACK + 0x50)

    @pytest.mark.parametrize(("error_code", "skipped"), [(False, 0), (True, 8)])
    def test_machine_frame(self, error_code: bool, skipped: int) -> None:
        codes = [allocate(4, 0x20), push(1, RBP), machine_frame(0, error_code)]
        image = image_with(encode_unwind_info(codes, prolog=4))
        frame_at = STACK + 0x28 + skipped
        words = {STACK + 0x20: 9, frame_at: RETURN, frame_at + 0x18: 0x1234}
        context = at_stack()
        frame = unwind(image, 0x10, context, words)
        assert frame.machine_frame
        assert (context.gpr[RBP], context.rip, context.gpr[RSP]) == (9, RETURN, 0x1234)

    def test_addresses_wrap_at_64_bits(self) -> None:
        image = image_with(encode_unwind_info([allocate(4, 0x20)], prolog=4))
        context = at_stack((1 << 64) - 0x20)
        unwind(image, 4, context, {0: RETURN})
        assert (context.rip, context.gpr[RSP]) == (RETURN, 8)


class TestHandler:
    codes = (allocate(4, 0x28),)

    @pytest.mark.parametrize(
        ("flags", "asked", "found"),
        [(1, 1, True), (1, 2, False), (2, 2, True), (2, 1, False), (3, 1, True), (3, 0, False)],
    )
    def test_type(self, flags: int, asked: int, found: bool) -> None:
        tail = struct.pack("<II", 0x777, 1)
        image = image_with(encode_unwind_info(self.codes, flags=flags, prolog=4, tail=tail))
        frame = unwind(image, 0x10, at_stack(), {}, asked)
        expected = (IMAGE_BASE + 0x777, IMAGE_BASE + INFO + 12) if found else (None, None)
        assert (frame.handler, frame.handler_data) == expected

    @pytest.mark.parametrize(("offset", "found"), [(3, False), (4, True)])
    def test_not_in_the_prologue(self, offset: int, found: bool) -> None:
        tail = struct.pack("<II", 0x777, 1)
        image = image_with(encode_unwind_info(self.codes, flags=3, prolog=4, tail=tail))
        assert (unwind(image, offset, at_stack(), {}).handler is not None) == found

    def test_not_in_an_epilogue(self) -> None:
        tail = struct.pack("<II", 0x777, 1)
        info = encode_unwind_info(self.codes, flags=3, prolog=4, tail=tail)
        code = b"\x90" * 0x10 + bytes.fromhex("48 83 c4 28 c3")
        assert unwind(image_with(info, code), 0x10, at_stack(), {}).handler is None
        assert unwind(image_with(info, code), 0x0F, at_stack(), {}).handler is not None

    @pytest.mark.parametrize("asked", [UNW_FLAG_EHANDLER, UNW_FLAG_UHANDLER])
    def test_of_a_chain_is_the_primary_functions(self, asked: int) -> None:
        image = image_with(encode_unwind_info(self.codes, flags=3, prolog=4, tail=struct.pack("<II", 0x777, 1)))
        chained = struct.pack("<III", BEGIN, END, INFO)
        image.place(CHILD_INFO, encode_unwind_info(flags=UNW_FLAG_CHAININFO, tail=chained))
        image.function(0x10, 0x40, CHILD_INFO)
        unwinder = unwinder_of(image)
        frame = unwinder.virtual_unwind(Gva(IMAGE_BASE + 0x20), at_stack(), Memory(), asked)
        assert frame.handler == IMAGE_BASE + 0x777


class TestLeaf:
    def test_pops_the_return_address(self) -> None:
        memory = Memory()
        memory.write_u64(STACK, RETURN)
        context = at_stack()
        assert unwind_leaf(context, memory) == Frame(Gva(STACK), None, None, False, False)
        assert (context.rip, context.gpr[RSP]) == (RETURN, STACK + 8)

    @pytest.mark.parametrize("rva", [0x50, -0x1000, 1 << 33])
    def test_no_entry_is_a_leaf(self, rva: int) -> None:
        unwinder = unwinder_of(image_with(encode_unwind_info()))
        memory = Memory()
        memory.write_u64(STACK, RETURN)
        context = at_stack()
        unwinder.virtual_unwind(Gva(IMAGE_BASE + rva), context, memory, 0)
        assert unwinder.lookup(Gva(IMAGE_BASE + rva)) is None
        assert unwinder.lookup(Gva(IMAGE_BASE + BEGIN)) == RuntimeFunction(BEGIN, END, INFO)
        assert context.rip == RETURN

    def test_that_returns_to_itself_is_refused(self) -> None:
        memory = Memory()
        memory.write_u64(STACK, RETURN)
        context = at_stack()
        context.rip = RETURN
        with pytest.raises(UnwindError, match="returns to itself"):
            unwind_leaf(context, memory)


class TestEpilogueJumps:
    """`jmp rel32` at BEGIN+0x10, after `pop rbx`; a fragment at CHILD is chained to us."""

    def in_epilogue(self, target: int, *, at_child: bool = False) -> bool:
        image = image_with(encode_unwind_info([push(1, RBX)], prolog=1))
        chained = struct.pack("<III", BEGIN, END, INFO)
        child = encode_unwind_info([push(1, RBX)], flags=UNW_FLAG_CHAININFO, tail=chained)
        image.place(CHILD_INFO, child)
        image.function(CHILD_BEGIN, CHILD_END, CHILD_INFO)
        image.place(INFO + 0x100, encode_unwind_info([push(1, RBX)]))
        image.function(0xA00, 0xB00, INFO + 0x100)
        image.place(INFO + 0x200, bytes([3, 0, 0, 0]))
        image.function(0xB00, 0xC00, INFO + 0x200)
        at = (CHILD_BEGIN if at_child else BEGIN) + 0x10
        image.place(at, b"\x5b\xe9" + struct.pack("<i", target - (at + 6)))
        context = at_stack()
        pc = Gva(IMAGE_BASE + at)
        return unwinder_of(image).virtual_unwind(pc, context, Memory(), 0).in_epilogue

    def test_inside_the_function(self) -> None:
        assert not self.in_epilogue(BEGIN + 0x80)
        assert not self.in_epilogue(END - 1)

    def test_to_its_own_begin(self) -> None:
        assert self.in_epilogue(BEGIN)

    def test_where_no_function_is(self) -> None:
        assert self.in_epilogue(END)
        assert self.in_epilogue(-0x10)

    def test_to_another_function(self) -> None:
        assert self.in_epilogue(0xA00)
        assert self.in_epilogue(0xA50)

    def test_to_a_function_that_cannot_be_decoded(self) -> None:
        assert self.in_epilogue(0xB50)

    def test_between_fragments_of_one_function(self) -> None:
        assert not self.in_epilogue(CHILD_BEGIN + 8)
        assert not self.in_epilogue(BEGIN + 8, at_child=True)
        assert not self.in_epilogue(CHILD_BEGIN, at_child=True)

    def test_from_a_fragment_to_the_functions_begin(self) -> None:
        assert self.in_epilogue(BEGIN, at_child=True)

    def test_without_any_unwind_code_there_is_no_epilogue(self) -> None:
        image = image_with(encode_unwind_info(), b"\xc3")
        assert not unwind(image, 0, at_stack(), {}).in_epilogue

    def test_at_the_very_end_of_the_image(self) -> None:
        image = Image(0x2000)
        image.place(0x1000, encode_unwind_info([push(1, RBX)], prolog=1))
        image.place(0x1FFE, b"\x5b\xc3")
        image.function(0x1F00, 0x2000, 0x1000)
        unwinder = unwinder_of(image)
        assert unwinder.virtual_unwind(Gva(IMAGE_BASE + 0x1FFE), at_stack(), Memory(), 0).in_epilogue


class TestErrors:
    def test_version_3(self) -> None:
        with pytest.raises(UnwindError, match="version 3"):
            unwind(image_with(bytes([3, 0, 0, 0])), 0x10, at_stack(), {})

    def test_unwind_info_outside_the_image(self) -> None:
        image = Image()
        image.function(BEGIN, END, 0x00FF_0000)
        with pytest.raises(UnwindError, match="unwind info at rva 0xff0000: outside the image"):
            unwind(image, 0x10, at_stack(), {})

    def test_code_outside_the_image(self) -> None:
        image = Image()
        image.place(INFO, encode_unwind_info([push(1, RBX)]))
        image.function(0x10_0000, 0x10_0100, INFO)
        with pytest.raises(UnwindError, match="code at rva 0x100010: outside the image"):
            unwind(image, 0x10_0010 - BEGIN, at_stack(), {})

    def test_what_memory_raises_passes_through(self) -> None:
        class Unmapped(Exception):
            pass

        class NoMemory:
            def read(self, address: Gva, size: int) -> bytes:
                raise Unmapped(hex(address))

            def read_u64(self, address: Gva) -> int:
                raise Unmapped(hex(address))

        unwinder = unwinder_of(image_with(encode_unwind_info([push(1, RBX)])))
        with pytest.raises(Unmapped, match=hex(STACK)):
            unwinder.virtual_unwind(Gva(IMAGE_BASE + BEGIN + 9), at_stack(), NoMemory(), 0)
        with pytest.raises(Unmapped, match=hex(STACK)):
            unwinder.virtual_unwind(IMAGE_BASE, at_stack(), NoMemory(), 0)

    def test_one_block_read_is_never_larger_than_a_page(self) -> None:
        sizes = []

        class Recording(Memory):
            def read(self, address: int, size: int) -> bytes:
                sizes.append(size)
                return super().read(address, size)

        codes = [save(9, RSI, 0), save(8, RDI, 0x2000), allocate(7, 0x1000), push(1, RBX)]
        unwinder = unwinder_of(image_with(encode_unwind_info(codes, prolog=9)))
        unwinder.virtual_unwind(Gva(IMAGE_BASE + BEGIN + 9), at_stack(), Recording(), 0)
        assert sum(sizes) < 0x200
        assert max(sizes) <= 0x1000


def build(execution: Execution, *, with_saves: bool) -> list[tuple[int, Context]]:
    """Run a random prologue; return the state at each instruction boundary, (offset, context)."""
    random = execution.random
    states = [(0, execution.context.copy())]

    def mark() -> None:
        states.append((execution.offset, execution.context.copy()))

    pushable = [register for register in NONVOLATILE if register != execution.frame_register]
    random.shuffle(pushable)
    to_push = pushable[: random.randint(0, 5)]
    to_save = pushable[5:] if with_saves else []
    if execution.frame_register:
        to_push.insert(random.randint(0, len(to_push)), execution.frame_register)
    for register in to_push:
        execution.push(register)
        mark()
        if random.random() < 0.1:
            execution.allocate(8 * random.randint(1, 30))
            mark()
    size = random.choice([0, 8, 0x20, 0x80, 0x88, 0x1000, 0x2008, 0x80000])
    size = max(size, 0x100) if to_save else size
    if size:
        execution.allocate(size)
        mark()
    if execution.frame_register:
        execution.set_frame()
        mark()
        if random.random() < 0.2 and not to_save:
            execution.allocate(8 * random.randint(1, 200))
            mark()
    for index, register in enumerate(to_save):
        execution.save(register, 0xA0 + 8 * index, random.random() < 0.3)
        mark()
    if with_saves:
        for index, number in enumerate(random.sample(range(6, 16), random.randint(0, 4))):
            execution.save_xmm(number, 0x20 + 16 * index, random.random() < 0.3)
            mark()
    return states


def new_execution(seed: int, frame_register: int, by_trap: bool | None = None) -> Execution:
    execution = Execution(Random(seed), frame_register)
    if frame_register:
        execution.frame_offset = 16 * execution.random.randint(0, 15)
    if by_trap is None:
        execution.enter_by_call()
    else:
        execution.enter_by_trap(error_code=by_trap)
    return execution


def encode(execution: Execution, **more: object) -> bytes:
    return encode_unwind_info(
        execution.codes,
        prolog=execution.offset,
        frame_register=execution.frame_register,
        frame_offset=execution.frame_offset,
        **more,  # type: ignore[arg-type]
    )


seeds = st.integers(0, 2**32)
frame_registers = st.sampled_from([0, 0, RBX, RBP, 13])


class TestAgainstExecution:
    @staticmethod
    def assert_loaded_from(saved_at: dict[int, int], unwound: Context, memory: Memory) -> None:
        """Check that each register has what lies where it is said to come from."""
        for register, address in saved_at.items():
            if register < 16:
                assert memory.read_u64(address) == unwound.gpr[register]
            else:
                at = 16 * (register - 16)
                assert memory.read(address, 16) == unwound.xmm[at : at + 16]

    @given(seeds, frame_registers, st.sampled_from([None, None, False, True]), st.booleans())
    @settings(max_examples=150, deadline=None)
    def test_every_boundary_of_a_prologue_and_the_body(
        self, seed: int, frame_register: int, by_trap: bool | None, with_saves: bool
    ) -> None:
        execution = new_execution(seed, frame_register, by_trap)
        states = build(execution, with_saves=with_saves)
        prolog = execution.offset
        base = execution.rsp
        if frame_register:
            base = execution.context.gpr[frame_register] - execution.frame_offset
            execution.allocate_dynamically()
        execution.run_body()
        states += [(prolog, execution.context), (prolog + 1, execution.context)]
        unwinder = unwinder_of(image_with(encode(execution)))
        for offset, context in states:
            unwound = context.copy()
            pc = Gva(IMAGE_BASE + BEGIN + offset)
            saved_at: dict[int, int] = {}
            frame = unwinder.virtual_unwind(pc, unwound, execution.memory, 0, saved_at)
            execution.assert_unwound(unwound)
            self.assert_loaded_from(saved_at, unwound, execution.memory)
            changed = {number for number in range(16) if context.gpr[number] != unwound.gpr[number]}
            assert changed <= {RSP, *saved_at}
            assert frame.machine_frame == (by_trap is not None)
            assert not frame.in_epilogue
        assert frame.establisher == base

    @given(seeds, frame_registers, st.booleans())
    @settings(max_examples=100, deadline=None)
    def test_chained_fragments(self, seed: int, frame_register: int, pushes: bool) -> None:
        """A fragment with a prologue of its own on top of its parent's whole prologue."""
        execution = new_execution(seed, frame_register)
        random = execution.random
        build(execution, with_saves=not pushes)
        parent = encode(execution)
        free = [r for r in NONVOLATILE if r not in {*execution.pushed, *execution.saved}]
        assume(free)
        execution.codes, execution.offset = [], 0
        states = [(0, execution.context.copy())]
        for index, register in enumerate(free[: random.randint(1, 3)]):
            if pushes:
                execution.push(register)
            else:
                execution.save(register, 0xC8 + 8 * index, random.random() < 0.3)
            states.append((execution.offset, execution.context.copy()))
        execution.run_body()
        states.append((execution.offset + 3, execution.context))
        image = image_with(parent)
        chained = struct.pack("<III", BEGIN, END, INFO)
        image.place(CHILD_INFO, encode(execution, flags=UNW_FLAG_CHAININFO, tail=chained))
        image.function(CHILD_BEGIN, CHILD_END, CHILD_INFO)
        unwinder = unwinder_of(image)
        for offset, context in states:
            unwound = context.copy()
            pc = Gva(IMAGE_BASE + CHILD_BEGIN + offset)
            unwinder.virtual_unwind(pc, unwound, execution.memory, 0)
            execution.assert_unwound(unwound)

    @given(seeds, frame_registers, st.booleans(), st.sampled_from(["c3", "c20800", "48ffe0", "e9"]))
    @settings(max_examples=100, deadline=None)
    def test_every_boundary_of_a_version_1_epilogue(
        self, seed: int, frame_register: int, wide: bool, terminator: str
    ) -> None:
        execution = new_execution(seed, frame_register)
        random = execution.random
        others = [register for register in NONVOLATILE if register != frame_register]
        to_push = random.sample(others, random.randint(1, 4))
        for register in to_push + [frame_register] * bool(frame_register):
            execution.push(register)
        size = 8 * random.randint(1, 15 if not wide else 0x1000)
        execution.allocate(size)
        if frame_register:
            execution.set_frame()
        if size > 8:
            execution.save(next(r for r in others if r not in to_push), 0, far=False)
        info = encode(execution)
        execution.run_body()
        execution.restore_saved()

        code, boundaries = b"", []

        def mark() -> None:
            boundaries.append((0x40 + len(code), execution.context.copy()))

        mark()
        if frame_register:
            displacement = size - execution.frame_offset
            head = bytes([0x48 | frame_register >> 3, 0x8D])
            if wide or not -128 <= displacement < 128:
                code += head + bytes([0xA0 | frame_register & 7]) + struct.pack("<i", displacement)
            else:
                code += head + bytes([0x60 | frame_register & 7]) + struct.pack("<b", displacement)
            execution.rsp = execution.context.gpr[frame_register] + displacement
        else:
            small = size < 128 and not wide
            code += b"\x48\x83\xc4" if small else b"\x48\x81\xc4"
            code += struct.pack("<b" if small else "<i", size)
            execution.rsp += size
        mark()
        while execution.pushed:
            register = execution.pop()
            code += (b"\x41" if register >= 8 else b"") + bytes([0x58 | register & 7])
            mark()
        code += bytes.fromhex(terminator) if terminator != "e9" else b"\xe9" + bytes([0, 8, 0, 0])
        image = image_with(info, b"\x90" * 0x40 + code)
        unwinder = unwinder_of(image)
        for offset, context in boundaries:
            unwound = context.copy()
            pc = Gva(IMAGE_BASE + BEGIN + offset)
            frame = unwinder.virtual_unwind(pc, unwound, execution.memory, 3)
            execution.assert_unwound(unwound)
            assert frame.in_epilogue
            # With a frame register, Windows 11 gives the address of the return address.
            expected = unwound.gpr[RSP] - 8 if frame_register else context.gpr[RSP]
            assert frame.establisher == expected

    @given(seeds, st.integers(0, 20))
    @settings(max_examples=60, deadline=None)
    def test_every_boundary_of_version_2_epilogues(self, seed: int, gap: int) -> None:
        execution = new_execution(seed, 0)
        random = execution.random
        for register in random.sample(NONVOLATILE, random.randint(1, 6)):
            execution.push(register)
        execution.allocate(8 * random.randint(1, 600))
        size = execution.allocated
        epilog_size = 1 + sum(2 if register >= 8 else 1 for register in execution.pushed)
        earlier = 2 * epilog_size + 1 + gap
        slots = bytes([epilog_size, 0x16, earlier & 0xFF, 6 | (earlier >> 8) << 4])
        info = encode(execution, version=2, epilog_slots=slots)
        unwinder = unwinder_of(image_with(info))

        execution.run_body()
        before = execution.context.copy()
        execution.rsp += size
        points = [(0, execution.context.copy())]
        distance = 0
        while execution.pushed:
            distance += 2 if execution.pop() >= 8 else 1
            points.append((distance, execution.context.copy()))
        for start in (epilog_size, earlier):
            for distance, context in points:
                unwound = context.copy()
                pc = Gva(IMAGE_BASE + END - start + distance)
                frame = unwinder.virtual_unwind(pc, unwound, execution.memory, 0)
                execution.assert_unwound(unwound)
                assert frame.in_epilogue
            pc = Gva(IMAGE_BASE + END - start - 1)
            frame = unwinder.virtual_unwind(pc, before.copy(), execution.memory, 0)
            assert not frame.in_epilogue


offsets = st.integers(0, 12)
registers = st.integers(0, 15)
near = st.integers(0, 0x60).map(lambda n: 8 * n)
malformed_code = st.one_of(
    st.builds(push, offsets, registers),
    st.builds(lambda o, n: allocate(o, 8 * n), offsets, st.integers(1, 0x400)),
    st.builds(set_frame, offsets),
    st.builds(save, offsets, registers, near, st.booleans()),
    st.builds(lambda o, r, n: save_xmm(o, r, 16 * n), offsets, registers, st.integers(0, 0x30)),
    st.builds(save_xmm, offsets, registers, st.integers(0, 0x2000), st.just(True)),
    st.builds(machine_frame, offsets, st.booleans()),
)
code_lists = st.lists(malformed_code, max_size=12)


class TestAgainstTheCodeWalk:
    @given(
        code_lists,
        st.lists(code_lists, max_size=2),
        st.lists(registers, min_size=3, max_size=3),
        st.integers(0, 15),
        st.integers(0, 14),
        seeds,
    )
    @settings(max_examples=500, deadline=None)
    def test_any_codes_in_any_order(
        self,
        codes: list[UnwindCode],
        parents: list[list[UnwindCode]],
        frame_registers: list[int],
        frame_offset: int,
        offset: int,
        seed: int,
    ) -> None:
        """Also orders no compiler makes: rsp popped, slots loaded twice, several frames."""
        image = Image()
        infos = [codes, *parents]
        for index, each in enumerate(infos):
            is_last = index == len(infos) - 1
            parent = struct.pack("<III", BEGIN, END, INFO + 0x400 * (index + 1))
            info = encode_unwind_info(
                each,
                prolog=10,
                flags=0 if is_last else UNW_FLAG_CHAININFO,
                frame_register=frame_registers[index],
                frame_offset=16 * frame_offset,
                tail=b"" if is_last else parent,
            )
            image.place(INFO + 0x400 * index, info)
        image.function(BEGIN, END, INFO)
        unwinder = unwinder_of(image)
        random = Random(seed)
        memory = Memory()
        pc = Gva(IMAGE_BASE + BEGIN + offset)
        chain = unwinder.chain(RuntimeFunction(BEGIN, END, INFO))
        for _ in range(3):
            context = Context([random.getrandbits(64) for _ in range(16)])
            context.xmm = random.randbytes(256)
            expected = context.copy()
            establisher, machine = walk_codes(chain, BEGIN + offset, expected, memory)
            frame = unwinder.virtual_unwind(pc, context, memory, 0)
            assert context == expected
            assert (frame.establisher, frame.machine_frame) == (establisher, machine)

    @given(st.binary(min_size=0, max_size=300), st.integers(0, 0x2FF), seeds)
    @settings(max_examples=300, deadline=None)
    def test_random_bytes_unwind_or_raise_an_unwind_error(self, data: bytes, offset: int, seed: int) -> None:
        image = image_with(data, Random(seed).randbytes(END - BEGIN))
        with suppress(UnwindError):
            unwind(image, offset, at_stack(), {})


class TestWhatIsKept:
    def test_long_infos_of_many_functions_are_forgotten_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The guest chooses the pcs by what it puts on its stack."""
        limit = MOST_KEPT >> 4
        monkeypatch.setattr(virtual_unwind, "MOST_KEPT", limit)
        image = Image(0x10_0000)
        info = encode_unwind_info([push(0, RBX)] * 254)
        size, count = len(info) + 4 & ~3, 75
        for index in range(count):
            image.place(0x2000 + size * index, info)
            image.function(0x100 + 2 * index, 0x102 + 2 * index, 0x2000 + size * index)
        unwinder, memory, most = unwinder_of(image), Memory(), 0
        for index in range(count):
            for pc in (0x100 + 2 * index, 0x101 + 2 * index):
                unwinder.virtual_unwind(Gva(IMAGE_BASE + pc), at_stack(), memory, 0)
                kept = sum(len(each.info.codes) for each in unwinder._chains.values()) + 254 * len(unwinder._plans)
                most = max(most, kept)
        assert limit // 2 < most <= limit
