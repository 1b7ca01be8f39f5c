# SPDX-License-Identifier: GPL-2.0-or-later
"""Checkpoint and reset, against a model that copies everything."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from emu.address import PAGE_SIZE, Gva
from emu.cpu import registers as r
from emu.cpu.processor import Snapshot
from emu.cpu.trap import Vector
from emu.memory import layout
from emu.memory import page_table as pt
from emu.memory.address_space import Mark
from emu.memory.buffer import Buffer
from emu.memory.errors import NotMapped, StaleBuffer
from emu.memory.half import Half, HalfMark
from emu.memory.page_table import PageState
from tests.cpu.guest import CODE, Guest

NOT_ENTRY = ~(pt.ACCESSED | pt.DIRTY)
STORE = "8807 f4"
"""mov [rdi], al; hlt"""


class PageModel(NamedTuple):
    """What a page has to be."""

    content: bytes
    entry: int


class Saved(NamedTuple):
    """A checkpoint, and the model of it."""

    memory: Mark
    processor: Snapshot
    user: HalfMark
    kernel: HalfMark
    model: dict[int, PageModel]


class ResetMachine(RuleBasedStateMachine):
    """Random work on memory from both sides; a reset brings exactly the last checkpoint back."""

    @initialize()
    def boot(self) -> None:
        self.guest = Guest()
        self.guest.load(STORE)
        memory = self.guest.memory
        self.halves = {
            "user": Half("user", memory, layout.user_data(), user=True),
            "kernel": Half("kernel", memory, layout.kernel_data(), user=False),
        }
        self.model: dict[int, PageModel] = {}
        self.stale: list[Buffer] = []
        self.allocate("user", 1, 0)
        self.checkpoint()

    @property
    def buffers(self) -> list[Buffer]:
        return [buffer for half in self.halves.values() for buffer in half.buffers]

    def page_of(self, choice: int) -> Gva:
        pages = sorted(self.model)
        return Gva(pages[choice % len(pages)])

    def note(self, page: int) -> None:
        memory = self.guest.memory
        self.model[page] = PageModel(memory.read(Gva(page), PAGE_SIZE), memory.entry(Gva(page)) & NOT_ENTRY)

    @rule(half=st.sampled_from(["user", "kernel"]), pages=st.integers(1, 3), offset=st.integers(0, 4095))
    def allocate(self, half: str, pages: int, offset: int) -> None:
        size = pages * PAGE_SIZE - offset
        buffer = self.halves[half].alloc(bytes([pages]) * size, offset=offset)
        for page in range(buffer.address - offset, buffer.address + size, PAGE_SIZE):
            self.note(page)
        assert buffer.read() == bytes([pages]) * size

    @rule(choice=st.integers(0, 99), offset=st.integers(0, 4090), data=st.binary(min_size=1, max_size=6))
    def host_writes(self, choice: int, offset: int, data: bytes) -> None:
        page = self.page_of(choice)
        self.guest.memory.write(Gva(page + offset), data)
        content = bytearray(self.model[page].content)
        content[offset : offset + len(data)] = data
        self.model[page] = self.model[page]._replace(content=bytes(content))

    @rule(choice=st.integers(0, 99), offset=st.integers(0, 4095), value=st.integers(0, 255))
    def guest_stores(self, choice: int, offset: int, value: int) -> None:
        page = self.page_of(choice)
        trap = self.guest.start(CODE, flags=r.FLAG_AC, rdi=page + offset, rax=value)
        entry = self.model[page].entry
        if entry & pt.PRESENT and entry & pt.WRITABLE:
            assert trap.vector == Vector.HOST_CALL
            content = bytearray(self.model[page].content)
            content[offset] = value
            self.model[page] = self.model[page]._replace(content=bytes(content))
        else:
            assert trap[:3] == (Vector.PAGE_FAULT, 2 | entry & pt.PRESENT, page + offset)

    @rule(choice=st.integers(0, 99), state=st.sampled_from(PageState))
    def change_state(self, choice: int, state: PageState) -> None:
        page = self.page_of(choice)
        self.guest.memory.set_state(page, state, 0xC000_009C)
        self.model[page] = self.model[page]._replace(entry=pt.with_state(self.model[page].entry, state))

    @rule(choice=st.integers(0, 99), protection=st.sampled_from(sorted(pt.PROTECTIONS)))
    def change_protection(self, choice: int, protection: str) -> None:
        page, memory = self.page_of(choice), self.guest.memory
        memory.set_entry(page, pt.with_protection(memory.entry(page), pt.PROTECTIONS[protection]))
        changed = pt.with_protection(self.model[page].entry, pt.PROTECTIONS[protection])
        self.model[page] = self.model[page]._replace(entry=changed)

    @rule(choice=st.integers(0, 99))
    def entry_is_written_without_its_bits(self, choice: int) -> None:
        page = self.page_of(choice)
        self.guest.memory.set_entry(page, self.model[page].entry)

    @rule()
    def checkpoint(self) -> None:
        guest = self.guest
        self.saved = Saved(
            guest.memory.checkpoint(),
            guest.cpu.snapshot(),
            self.halves["user"].mark,
            self.halves["kernel"].mark,
            dict(self.model),
        )

    @rule()
    def reset(self) -> None:
        guest, saved = self.guest, self.saved
        before = self.buffers
        guest.memory.reset(saved.memory)
        guest.cpu.restore(saved.processor)
        self.halves["user"].release_to(saved.user)
        self.halves["kernel"].release_to(saved.kernel)
        self.stale += [buffer for buffer in before if buffer not in self.buffers]
        gone = self.model.keys() - saved.model.keys()
        self.model = dict(saved.model)
        for page in gone:
            assert guest.memory.state(Gva(page)) == PageState.UNMAPPED
            with pytest.raises(NotMapped):
                guest.memory.read(Gva(page), 1)
        for page in self.model:
            assert guest.memory.entry(Gva(page)) & (pt.ACCESSED | pt.DIRTY) == 0

    @invariant()
    def everything_is_as_modelled(self) -> None:
        memory = self.guest.memory
        for page, wanted in self.model.items():
            assert memory.entry(Gva(page)) & NOT_ENTRY == wanted.entry
            assert memory.read(Gva(page), PAGE_SIZE) == wanted.content

    @invariant()
    def stale_buffers_raise(self) -> None:
        for buffer in self.stale:
            with pytest.raises(StaleBuffer):
                buffer.read()


def test_reset_brings_the_checkpoint_back() -> None:
    run_state_machine_as_test(ResetMachine, settings=settings(max_examples=60, stateful_step_count=30, deadline=None))


@pytest.mark.sweep
def test_reset_brings_the_checkpoint_back_after_anything() -> None:
    run_state_machine_as_test(ResetMachine, settings=settings(max_examples=1500, stateful_step_count=60, deadline=None))


def test_a_store_to_a_page_that_went_out_again_is_undone(guest: Guest) -> None:
    """Written before the checkpoint, paged out, and between checkpoint and reset in, written and out again."""
    memory, page = guest.memory, Gva(0x2000_0000)
    memory.map_page(page, user=False, protection=pt.PROTECTIONS["rw"])
    assert guest.run(STORE, rdi=page, rax=1).vector == Vector.HOST_CALL
    memory.set_state(page, PageState.PAGED_OUT)
    mark = memory.checkpoint()
    memory.set_state(page, PageState.RESIDENT)
    guest.start(rdi=page, rax=2)
    memory.set_state(page, PageState.PAGED_OUT)
    memory.reset(mark)
    assert memory.read(page, 1) == b"\x01"


def test_code_that_the_guest_changed_runs_as_it_was(guest: Guest) -> None:
    memory, page = guest.memory, Gva(CODE + 0x1000)
    memory.set_entry(page, pt.with_protection(memory.entry(page), pt.PROTECTIONS["rwx"]))
    guest.run("b801000000 f4", page)
    guest.load("c6470102 f4")  # mov byte ptr [rdi+1], 2; hlt
    mark = memory.checkpoint()
    for _ in range(3):
        guest.start(CODE, rdi=page)
        guest.start(page)
        assert guest["rax"] == 2
        memory.reset(mark)
        guest.start(page)
        assert guest["rax"] == 1


def test_code_that_the_host_changed_runs_as_it_was(guest: Guest) -> None:
    guest.load("b801000000 f4")
    mark = guest.memory.checkpoint()
    for _ in range(3):
        guest.run("b802000000 f4")
        assert guest["rax"] == 2
        guest.memory.reset(mark)
        guest.start()
        assert guest["rax"] == 1


def test_a_frame_that_held_code_may_hold_other_code(guest: Guest) -> None:
    memory, page = guest.memory, Gva(0xFFFF_F800_0080_0000)
    mark = memory.checkpoint()
    for value in range(4):
        memory.map_page(page, user=False, protection=pt.PROTECTIONS["rx"])
        guest.run(f"b80{value}000000 f4", page)
        assert guest["rax"] == value
        memory.reset(mark)
        assert guest.start(page).vector == Vector.PAGE_FAULT


def test_nested_checkpoints_the_last_one_counts(guest: Guest) -> None:
    memory, page = guest.memory, Gva(CODE + 0x2000)
    for value in (b"a", b"b", b"c"):
        memory.write(page, value)
        mark = memory.checkpoint()
    memory.write(page, b"d")
    memory.reset(mark)
    memory.reset(mark)
    assert memory.read(page, 1) == b"c"


def test_the_same_frames_again_after_a_reset(guest: Guest) -> None:
    """Same state, same inputs: also the same frame numbers, which traces show."""
    memory = guest.memory
    mark = memory.checkpoint()
    runs = []
    for _ in range(3):
        pages = [Gva(0x3000_0000 + i * 0x800_0000) for i in range(5)]
        runs.append([memory.map_page(page, user=True, protection=pt.PROTECTIONS["rw"]) for page in pages])
        memory.reset(mark)
    assert runs[0] == runs[1] == runs[2]


def test_the_status_of_an_in_page_error_comes_back(guest: Guest) -> None:
    memory, page = guest.memory, Gva(CODE + 0x2000)
    memory.set_state(page, PageState.IN_PAGE_ERROR, 1)
    mark = memory.checkpoint()
    memory.set_state(page, PageState.IN_PAGE_ERROR, 2)
    memory.reset(mark)
    assert memory.in_page_status(page) == 1
