# SPDX-License-Identifier: GPL-2.0-or-later
"""Names a part of the code: a function, a module, a range."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import SupportsIndex

from emu.address import ADDRESS_MASK, Gva, is_canonical
from emu.image import Module
from emu.image.symbols import symbol_table


def code_address(resolve: Callable[[str], Gva], place: str | int) -> Gva:
    """Return the address that a symbol or a number is. Raises `UnknownSymbol`, ValueError for no code address."""
    address = resolve(place) if isinstance(place, str) else Gva(operator.index(place))
    if not 0 < address <= ADDRESS_MASK or not is_canonical(address):
        raise ValueError(f"{address:#x} is no address of code")
    return address


def code_range(
    modules: Sequence[Module], resolve: Callable[[str], Gva], item: str | Module | tuple[int, int]
) -> tuple[Gva, Gva]:
    """Return the range of a function, by its symbol, of a module, or of (first address, address behind the last).

    A function ends where its entry in the function table does; without one, at the next symbol. Raises
    `UnknownSymbol`, ValueError for an empty range or one outside the 64-bit addresses, TypeError for anything else.
    """
    if isinstance(item, Module):
        return item.base, Gva(item.base + item.size)
    if not isinstance(item, str):
        return _range_of_addresses(item)
    address = resolve(item)
    module = next(module for module in modules if module.contains(address))
    function = module.find_function(address)
    if function is not None:
        return Gva(module.base + function.begin), Gva(module.base + function.end)
    return address, Gva(module.base + symbol_table(module.image).next_behind(address - module.base, module.size))


def _range_of_addresses(item: object) -> tuple[Gva, Gva]:
    match item:
        case tuple((SupportsIndex() as first, SupportsIndex() as behind)):
            begin, end = operator.index(first), operator.index(behind)
        case _:
            parts = "a function's symbol, a module, or (first address, address behind the last)"
            raise TypeError(f"{item!r} names no code; give {parts}")
    if not 0 <= begin < end <= ADDRESS_MASK + 1:
        raise ValueError(f"the range {begin:#x} to {end:#x} holds no code; give (first address, address behind it)")
    return Gva(begin), Gva(min(end, ADDRESS_MASK))  # the recorder cannot be given 2**64
