# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from emu.memory import layout
from emu.memory.address_space import AddressSpace
from emu.memory.half import Half
from emu.memory.ram import Ram
from tests.cpu.guest import Guest


class Calls:
    """An address space, and how often it said that an entry or code had changed."""

    def __init__(self, ram_size: int = 2 << 20) -> None:
        self.entries = self.code = 0
        self.space = AddressSpace(Ram(ram_size), self._entry_changed, self._code_changed)

    def _entry_changed(self) -> None:
        self.entries += 1

    def _code_changed(self) -> None:
        self.code += 1


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def space(calls: Calls) -> AddressSpace:
    return calls.space


@pytest.fixture
def user(space: AddressSpace) -> Half:
    return Half("user", space, layout.user_data(), user=True)


@pytest.fixture
def kernel(space: AddressSpace) -> Half:
    return Half("kernel", space, layout.kernel_data(), user=False)


@pytest.fixture
def guest() -> Guest:
    return Guest()
