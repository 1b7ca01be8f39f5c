# SPDX-License-Identifier: GPL-2.0-or-later
import ctypes
import multiprocessing
import sys

import pytest

from emu.address import PAGE_SIZE
from emu.cpu.native_core import LeafTable
from emu.memory.errors import OutOfMemory
from emu.memory.ram import DEFAULT_SIZE, MAXIMUM_SIZE, MINIMUM_SIZE, FrameAllocator, Ram

NO_TABLES = (LeafTable * 0)()


@pytest.mark.parametrize("size", [0, MINIMUM_SIZE - PAGE_SIZE, MINIMUM_SIZE + 1, MAXIMUM_SIZE + PAGE_SIZE, -PAGE_SIZE])
def test_a_size_that_cannot_be(size: int) -> None:
    with pytest.raises(ValueError, match=f"RAM of {size} bytes: choose whole pages of 4096 between"):
        Ram(size)


def test_it_is_one_memory_by_every_name() -> None:
    ram = Ram(MINIMUM_SIZE)
    ram.quadwords[1] = 0x0807_0605_0403_0201
    assert bytes(ram.bytes[8:16]) == bytes(range(1, 9))
    assert ctypes.string_at(ram.address + 8, 8) == bytes(range(1, 9))
    assert DEFAULT_SIZE == 64 << 20


@pytest.mark.parametrize("extra", range(8))
def test_any_number_of_frames_is_brought_back(extra: int) -> None:
    ram = Ram(MINIMUM_SIZE + extra * PAGE_SIZE)
    last = ram.frames - 1
    ram.bytes[last * PAGE_SIZE] = 1
    ram.mark_written(last)
    ram.checkpoint(NO_TABLES)
    ram.bytes[last * PAGE_SIZE] = 2
    ram.bytes[0] = 3
    ram.mark_written(last)
    ram.mark_written(0)
    assert not ram.reset(NO_TABLES)
    assert (ram.bytes[last * PAGE_SIZE], ram.bytes[0]) == (1, 0)
    assert not any(ram.host_written)


def test_what_is_not_marked_stays() -> None:
    ram = Ram(MINIMUM_SIZE)
    ram.checkpoint(NO_TABLES)
    ram.bytes[PAGE_SIZE] = 9
    ram.reset(NO_TABLES)
    assert ram.bytes[PAGE_SIZE] == 9


def test_code_that_went_back_is_told() -> None:
    ram = Ram(MINIMUM_SIZE)
    ram.checkpoint(NO_TABLES)
    ram.executable[3] = 1
    ram.mark_written(4)
    assert not ram.reset(NO_TABLES)
    ram.mark_written(3)
    assert ram.reset(NO_TABLES)
    ram.mark_written(3)
    assert not ram.reset(NO_TABLES)


class TestFrameAllocator:
    def test_frames_are_distinct_zeroed_and_never_the_first(self) -> None:
        ram = Ram(MINIMUM_SIZE)
        frames = FrameAllocator(ram)
        taken = [frames.allocate() for _ in range(ram.frames - 1)]
        assert sorted(set(taken)) == list(range(1, ram.frames))
        with pytest.raises(OutOfMemory, match=r"no room for 1 more frames in 1 MiB of guest RAM; .*ram_size="):
            frames.allocate()

    def test_a_frame_comes_back_zeroed(self) -> None:
        ram = Ram(MINIMUM_SIZE)
        frames = FrameAllocator(ram)
        mark = frames.mark
        frame = frames.allocate()
        ram.bytes[frame * PAGE_SIZE : (frame + 1) * PAGE_SIZE] = b"\xee" * PAGE_SIZE
        frames.release_to(mark)
        assert frames.allocate() == frame
        assert bytes(ram.bytes[frame * PAGE_SIZE : (frame + 1) * PAGE_SIZE]) == bytes(PAGE_SIZE)

    def test_what_is_handed_out_is_part_of_the_next_checkpoint(self) -> None:
        ram = Ram(MINIMUM_SIZE)
        assert ram.host_written[FrameAllocator(ram).allocate()]

    def test_room_is_told_beforehand(self) -> None:
        frames = FrameAllocator(Ram(MINIMUM_SIZE))
        frames.require(255)
        with pytest.raises(OutOfMemory):
            frames.require(256)


def _scribble(ram: Ram) -> None:
    ram.bytes[0] = 7


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_worker_has_memory_of_its_own() -> None:
    ram = Ram(MINIMUM_SIZE)
    worker = multiprocessing.get_context("fork").Process(target=_scribble, args=(ram,))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    assert ram.bytes[0] == 0
