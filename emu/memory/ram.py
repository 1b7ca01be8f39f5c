# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest-physical RAM: one host mapping, and a second one of the same size that holds the checkpoint."""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Final

from emu.address import PAGE_SHIFT, PAGE_SIZE
from emu.cpu.native_core import LeafTable, Pages, load_native_core
from emu.memory.errors import OutOfMemory

DEFAULT_SIZE: Final = 64 << 20
MINIMUM_SIZE: Final = 1 << 20
MAXIMUM_SIZE: Final = 4 << 30

DIRTIED_KEPT: Final = 256

_ZERO_PAGE: Final = bytes(PAGE_SIZE)


def _private_mapping(size: int) -> mmap.mmap:
    """Map zeroes. On Unix the default is a mapping that a forked worker would share with its parent."""
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


class Ram:
    """`size` bytes at guest-physical 0, committed by the host only where touched.

    `bytes` and `quadwords` are views of the same memory. Whoever writes through them calls `mark_written`.
    """

    def __init__(self, size: int = DEFAULT_SIZE) -> None:
        if size % PAGE_SIZE or not MINIMUM_SIZE <= size <= MAXIMUM_SIZE:
            raise ValueError(
                f"RAM of {size} bytes: choose whole pages of {PAGE_SIZE} between {MINIMUM_SIZE} and {MAXIMUM_SIZE}"
            )
        self.size = size
        self.frames = size >> PAGE_SHIFT
        self._mapping = _private_mapping(size)
        self._baseline = _private_mapping(size)
        self.bytes = memoryview(self._mapping)
        self.quadwords = self.bytes.cast("Q")
        self.host_written = bytearray(self.frames + 63 & ~63)
        """A byte a frame: the host wrote it since the last checkpoint or reset."""
        self.executable = bytearray(self.frames + 63 & ~63)
        """A byte a frame: it may have been executed, so that the engine may hold translations of it."""
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._mapping))
        self._library = load_native_core()
        self._pages = Pages(
            self.address,
            ctypes.addressof(ctypes.c_char.from_buffer(self._baseline)),
            ctypes.addressof(ctypes.c_char.from_buffer(self.host_written)),
            ctypes.addressof(ctypes.c_char.from_buffer(self.executable)),
            self.frames,
            self.frames,
        )
        self._pages_address = ctypes.addressof(self._pages)
        self._dirtied = (ctypes.c_uint32 * DIRTIED_KEPT)()
        self._pages.dirtied = ctypes.addressof(self._dirtied)
        self._pages.dirtied_room = DIRTIED_KEPT

    @property
    def written_flags(self) -> tuple[int, int]:
        """The host's addresses of `host_written` and `executable`, for the native core."""
        return self._pages.host_written, self._pages.executable

    def limit_written(self, frames: int) -> None:
        """Say that no frame from a number on is ever marked as written, so that nobody has to look."""
        self._pages.used = frames

    def mark_written(self, frame: int) -> None:
        """Note that the host wrote a frame, so that reset brings it back."""
        self.host_written[frame] = 1

    def clear(self, frame: int) -> None:
        """Fill a frame with zeroes."""
        start = frame << PAGE_SHIFT
        self.bytes[start : start + PAGE_SIZE] = _ZERO_PAGE
        self.host_written[frame] = 1

    @property
    def logged(self) -> bool:
        """Whether someone looks in `host_written` for what changed: every frame that a reset moves is then in it."""
        return bool(self._pages.logged)

    @logged.setter
    def logged(self, logged: bool) -> None:
        self._pages.logged = logged

    def checkpoint(self, leaf_tables: ctypes.Array[LeafTable]) -> None:
        """Make the memory as it is what `reset` goes back to. Clears every A and D bit: flush the TLB."""
        self._library.pages_checkpoint(self._pages_address, leaf_tables, len(leaf_tables))

    def reset(self, leaf_tables: ctypes.Array[LeafTable]) -> bool:
        """Bring back every frame that a D bit or `mark_written` names, and every leaf entry. Flush the TLB.

        Returns whether code changed, so that its translations have to be dropped.
        """
        return bool(self._library.pages_reset(self._pages_address, leaf_tables, len(leaf_tables)))

    @property
    def dirtied(self) -> list[int]:
        """The frames that the guest had written at the last reset, the first `DIRTIED_KEPT` of them."""
        return self._dirtied[: self._pages.dirtied_count]

    def checkpoint_all(self) -> None:
        """Make every frame what `reset` goes back to, whether or not a D bit or `mark_written` names it."""
        self._library.pages_checkpoint_all(self._pages_address)

    def reset_all(self) -> None:
        """Bring back every frame, whether or not a D bit or `mark_written` names it."""
        self._library.pages_reset_all(self._pages_address)


class FrameAllocator:
    """Hands out frames of RAM, upwards; `reset` takes back all that were handed out after a mark."""

    def __init__(self, ram: Ram) -> None:
        self._ram = ram
        self._next = 1  # frame 0 stays unused, so that an entry of zero never points at anything
        self.ever_used = 1
        """The first frame that was never handed out."""
        ram.limit_written(self.ever_used)

    @property
    def mark(self) -> int:
        """The next frame to be handed out."""
        return self._next

    def require(self, frames: int) -> None:
        """Raise `OutOfMemory` where fewer are left."""
        if frames > self._ram.frames - self._next:
            raise OutOfMemory(
                f"no room for {frames} more frames in {self._ram.size >> 20} MiB of guest RAM; "
                "give the Machine more (ram_size=) or reset() to a checkpoint"
            )

    def release_to(self, mark: int) -> None:
        """Take back every frame from `mark` on."""
        self._next = mark

    def allocate(self) -> int:
        """Return the number of a frame of zeroes. Raises `OutOfMemory`."""
        self.require(1)
        frame = self._next
        self._next = frame + 1
        if frame < self.ever_used:
            self._ram.clear(frame)
        else:
            self.ever_used = self._next
            self._ram.limit_written(self._next)
            self._ram.host_written[frame] = 1
        return frame
