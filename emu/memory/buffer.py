# SPDX-License-Identifier: GPL-2.0-or-later
"""A range of guest memory that a test allocated."""

from __future__ import annotations

from emu.address import Gva
from emu.memory.address_space import AddressSpace
from emu.memory.errors import StaleBuffer


class Buffer:
    """`size` bytes at `address`; `int(buffer)` is the address.

    The host is not the guest: `read` and `write` go through every page state and change none.
    """

    __slots__ = ("_address", "_alive", "_size", "_space", "name")

    def __init__(self, space: AddressSpace, address: Gva, size: int, name: str = "") -> None:
        self._space = space
        self._address = address
        self._size = size
        self._alive = True
        self.name = name

    @property
    def address(self) -> Gva:
        """Where the buffer starts."""
        self.check_alive()
        return self._address

    @property
    def origin(self) -> Gva:
        """Where the buffer starts or, after a reset, started: for reports."""
        return self._address

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return self._size

    def __int__(self) -> int:
        return self.address

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        state = "" if self._alive else " stale"
        return f"<Buffer {self.name or 'unnamed'} {self._address:#x} {self._size} bytes{state}>"

    def read(self, size: int | None = None, offset: int = 0) -> bytes:
        """Return `size` bytes from `offset`, by default all. Raises ValueError outside the buffer."""
        count = self._size - offset if size is None else size
        self._check_range(offset, count)
        return self._space.read(Gva(self._address + offset), count)

    def write(self, data: bytes, offset: int = 0) -> None:
        """Write bytes at `offset`. Raises ValueError outside the buffer, having written nothing."""
        self._check_range(offset, len(data))
        self._space.write(Gva(self._address + offset), data)

    def _check_range(self, offset: int, count: int) -> None:
        self.check_alive()
        if offset < 0 or count < 0 or offset + count > self._size:
            raise ValueError(f"{count} bytes at offset {offset} lie outside the buffer of {self._size} bytes")

    def check_alive(self) -> None:
        """Raise `StaleBuffer` after the reset that took the buffer's memory back."""
        if not self._alive:
            raise StaleBuffer(
                f"the buffer at {self._address:#x} was allocated after the checkpoint that reset() went back to; "
                "allocate it again, or call checkpoint() after allocating it"
            )

    def retire(self) -> None:
        """Mark the buffer as gone."""
        self._alive = False
