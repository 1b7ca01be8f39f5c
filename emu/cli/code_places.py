# SPDX-License-Identifier: GPL-2.0-or-later
"""The text forms of places in the code, as `emu trace` takes them and its listing shows them.

SYMBOL            my_copy           MODULE!SYMBOL           of that module
SYMBOL+OFFSET     my_copy+0x3       MODULE!SYMBOL+OFFSET    an instruction
0xADDRESS         an instruction    MODULE, MODULE!         all of a module; where a symbol has its name, with the !
"""

from __future__ import annotations

import re
from typing import Final

from emu.address import Gva, is_canonical
from emu.cli.mistakes import Mistake
from emu.image import Module
from emu.machine import Machine
from emu.trace.selection import code_range

_NUMBER: Final = r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19}"
_ADDRESS: Final = re.compile(_NUMBER, re.ASCII)
_PLACE: Final = re.compile(rf"(?:(?P<module>[^!+]+)!)?(?P<symbol>[^!+]+)(?:\+(?P<offset>{_NUMBER}))?", re.ASCII)


def part_of_code(machine: Machine, option: str, text: str) -> str | Module | tuple[int, int]:
    """Return what `Machine.trace` takes for a function or a module. Raises `Mistake`, `UnknownSymbol`."""
    named = _module(machine, text.removesuffix("!"))
    if named is not None and (text.endswith("!") or not any(text in module for module in machine.modules)):
        return named
    place = _PLACE.fullmatch(text)
    if place is None or place["offset"]:
        modules = ", ".join(module.name for module in machine.modules)
        raise Mistake(f"{option} {text!r}: give the symbol of a function, as in my_copy, or a module: {modules}")
    if not place["module"]:
        return text
    address = _symbol(machine, option, place["module"], place["symbol"])
    return code_range(machine.modules, lambda _: address, place["symbol"])


def code_address(machine: Machine, option: str, text: str) -> Gva:
    """Return the address of an instruction. Raises `Mistake`, `UnknownSymbol`."""
    if _ADDRESS.fullmatch(text):
        address = Gva(int(text, 0))
    else:
        place = _PLACE.fullmatch(text)
        if place is None:
            raise Mistake(f"{option} {text!r}: give a symbol, as in my_copy or my_copy+0x3, or an address")
        offset = int(place["offset"], 0) if place["offset"] else 0
        address = Gva(_symbol(machine, option, place["module"], place["symbol"]) + offset)
    if not address or not is_canonical(address):
        raise Mistake(f"{option} {text!r}: {address:#x} is no address of code")
    return address


def _symbol(machine: Machine, option: str, module_name: str | None, symbol: str) -> Gva:
    if module_name is None:
        return machine.resolve(symbol)
    module = _module(machine, module_name)
    if module is None:
        modules = ", ".join(module.name for module in machine.modules)
        raise Mistake(f"{option}: there is no module {module_name!r}; loaded: {modules}")
    return module[symbol]


def _module(machine: Machine, name: str) -> Module | None:
    return next((module for module in machine.modules if name in (module.name, module.image.name)), None)
