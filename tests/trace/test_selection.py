# SPDX-License-Identifier: GPL-2.0-or-later
"""What `only`, `begin` and `end` of a trace may be, and the code that they name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Machine
from emu.address import Gva, is_canonical
from emu.image import UnknownSymbol
from emu.testing.guest import Guest
from emu.trace.selection import code_address, code_range

LEAVES = """
.intel_syntax noprefix
.globl first, second
first:
    mov eax, 1
    ret
second:
    mov eax, 2
    ret
"""
"""Two functions that the function table does not know."""

TOP = 1 << 64
addresses = st.integers(0, TOP) | st.sampled_from([0, 1, (1 << 47) - 1, 1 << 47, TOP - (1 << 47), TOP - 1, TOP])


def nowhere(symbol: str) -> Gva:
    raise UnknownSymbol("nothing", symbol, ())


class TestAddress:
    @given(address=addresses.filter(bool))
    def test_a_number_is_itself_where_code_may_be(self, address: int) -> None:
        if address < TOP and is_canonical(address):
            assert code_address(nowhere, address) == address
        else:
            with pytest.raises(ValueError, match=f"^{address:#x} is no address of code$"):
                code_address(nowhere, address)

    @pytest.mark.parametrize("address", [0, -1, -5, TOP, 1 << 47])
    def test_none_of_code(self, address: int) -> None:
        with pytest.raises(ValueError, match=f"^{address:#x} is no address of code$"):
            code_address(nowhere, address)

    def test_a_symbol(self, machine: Machine) -> None:
        assert code_address(machine.resolve, "CopyFromUser") == machine.resolve("CopyFromUser")
        with pytest.raises(UnknownSymbol, match=r"has no symbol 'CopyFromUsr'.*CopyFromUser"):
            code_address(machine.resolve, "CopyFromUsr")

    @pytest.mark.parametrize("place", [1.0, None, (1, 2)])
    def test_neither(self, machine: Machine, place: Any) -> None:
        with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
            code_address(machine.resolve, place)


class TestRange:
    @given(begin=st.integers(-2, TOP + 2) | addresses, size=st.integers(-2, 2) | addresses)
    def test_of_two_addresses(self, begin: int, size: int) -> None:
        end = begin + size
        if 0 <= begin < end <= TOP:
            assert code_range((), nowhere, (begin, end)) == (begin, min(end, TOP - 1))
        else:
            with pytest.raises(ValueError, match=rf"^the range {begin:#x} to {end:#x} holds no code; give \(first"):
                code_range((), nowhere, (begin, end))

    def test_of_a_module(self, machine: Machine) -> None:
        module = machine.modules[1]
        assert code_range(machine.modules, machine.resolve, module) == (module.base, module.base + module.size)

    def test_of_a_function_ends_where_the_function_table_says(self, machine: Machine) -> None:
        module = machine.modules[1]
        function = module.find_function(module["CopyFromUser"])
        assert function is not None
        begin, end = code_range(machine.modules, machine.resolve, "CopyFromUser")
        assert (begin, end) == (module["CopyFromUser"], module.base + function.end)

    def test_of_a_label_in_a_function_is_the_function(self, machine: Machine) -> None:
        assert code_range(machine.modules, machine.resolve, "KiGuardedCallReturned") == code_range(
            machine.modules, machine.resolve, "KiGuardedCall"
        )

    def test_of_a_leaf_ends_at_the_next_symbol_or_with_the_module(self, machine: Machine, guest: Guest) -> None:
        module = machine.load(guest.build_text(LEAVES))
        assert module.find_function(module["first"]) is None
        assert code_range(machine.modules, machine.resolve, "first") == (module["first"], module["second"])
        begin, end = code_range(machine.modules, machine.resolve, "second")
        assert begin == module["second"]
        assert begin + 6 <= end <= module.base + module.size

    def test_of_an_unknown_symbol(self, machine: Machine) -> None:
        with pytest.raises(UnknownSymbol, match="has no symbol 'CopyFromUsr'"):
            code_range(machine.modules, machine.resolve, "CopyFromUsr")

    @pytest.mark.parametrize("item", [0x1000, None, (1,), (1, 2, 3), (1.5, 2), ("a", "b"), range(2), b"CopyFromUser"])
    def test_of_what_names_no_code(self, machine: Machine, item: Any) -> None:
        with pytest.raises(TypeError) as caught:
            code_range(machine.modules, machine.resolve, item)
        assert str(caught.value) == (
            f"{item!r} names no code; give a function's symbol, a module, or (first address, address behind the last)"
        )


class TestTraces:
    """The parts that they name are what is recorded."""

    @pytest.fixture
    def rips(self, machine: Machine) -> list[int]:
        return self.traced(machine)

    def traced(self, machine: Machine, *only: Any, **part: Any) -> list[int]:
        machine.reset()
        source, target = machine.user.alloc(b"abc"), machine.kernel.alloc(3)
        with machine.trace(*only, **part) as trace:
            machine.call("CopyFromUser", target, source, 3)
        rips: list[int] = trace.instructions["rip"].tolist()
        return rips

    def test_a_function(self, machine: Machine, rips: list[int]) -> None:
        begin, end = code_range(machine.modules, machine.resolve, "CopyFromUser")
        assert self.traced(machine, "CopyFromUser") == [rip for rip in rips if begin <= rip < end]

    def test_several_that_overlap(self, machine: Machine, rips: list[int]) -> None:
        begin, _ = code_range(machine.modules, machine.resolve, "CopyFromUser")
        parts = (begin, begin + 8), (begin + 4, begin + 20), "KiGuardedCall"
        kernel = machine.modules[0]
        assert self.traced(machine, *parts) == [
            rip for rip in rips if begin <= rip < begin + 20 or kernel.contains(Gva(rip))
        ]

    def test_a_module(self, machine: Machine, rips: list[int]) -> None:
        module = machine.modules[1]
        assert self.traced(machine, module) == [rip for rip in rips if module.contains(Gva(rip))]

    def test_all_addresses(self, machine: Machine, rips: list[int]) -> None:
        assert self.traced(machine, (0, TOP)) == self.traced(machine, (1 << 47, TOP - 1)) == rips

    def test_from_one_instruction_to_another(self, machine: Machine, rips: list[int]) -> None:
        begin, end = rips[5], rips[9]
        assert self.traced(machine, begin=begin, end=end) == rips[5:9]
        assert self.traced(machine, begin="CopyFromUser") == rips[1:]
        assert self.traced(machine, end="CopyFromUser") == rips[:1]
