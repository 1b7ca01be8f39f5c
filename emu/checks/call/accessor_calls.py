# SPDX-License-Identifier: GPL-2.0-or-later
"""The calls of accessors within a call: which one, with which arguments, and which ranges these declare."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from emu.accessors import FAMILY, Accessor
from emu.checks.call.tree import Activation
from emu.image import Module, PeImage
from emu.image.symbols import symbol_table

HIDDEN_RESULT: Final = 8
"""Bytes above which a hidden first argument says where the result goes (Microsoft Learn, "x64 calling convention")."""

_LENGTHS: Final = ("Length", "Size")
_ROUTINE_KINDS: Final = "function"


class DeclaredRange(NamedTuple):
    """A range of memory that an argument declares."""

    name: str
    """The parameter's, as documented; of a host's call the buffer's."""
    address: int
    size: int
    is_user: bool
    """Whether it is to be user memory."""
    reads: bool
    writes: bool

    @property
    def end(self) -> int:
        """The address behind its last byte."""
        return self.address + self.size

    def overlaps(self, other: DeclaredRange) -> bool:
        """Tell whether the two have a byte in common."""
        return self.size > 0 and other.size > 0 and self.address < other.end and other.address < self.end


@dataclass(frozen=True, slots=True)
class AccessorCall:
    """One activation of an accessor."""

    accessor: Accessor
    name: str
    """What the routine is called; another name than the accessor's where a user declares one of his own."""
    activation: Activation
    arguments: Mapping[str, int]
    """Value of each parameter, by its name; one of at most 8 bytes is a number, a structure's is its address."""
    result_address: int | None
    """Where a result of more than 8 bytes goes."""

    @property
    def mode(self) -> int | None:
        """The Mode that was given, None for an accessor that takes none."""
        return self.arguments["Mode"] & 0xFF if self.accessor.takes_mode else None

    @property
    def acts_for_user(self) -> bool:
        """Whether its pointers with the side `mode` are to be user addresses."""
        return self.mode is None or self.mode != 0

    def is_user_side(self, parameter: str) -> bool:
        """Tell whether a parameter is to point to user memory in this call."""
        side = self.accessor.parameter(parameter).side
        return side == "user" or (side == "mode" and self.acts_for_user)

    @property
    def length(self) -> int | None:
        """How many bytes it accesses; None where the string decides, or it accesses nothing."""
        for name in _LENGTHS:
            if name in self.arguments:
                return self.arguments[name]
        return self.accessor.width

    @property
    def ranges(self) -> tuple[DeclaredRange, ...]:
        """The ranges that its pointers declare, as many as have a length."""
        length = self.length
        if length is None:
            return ()
        return tuple(
            DeclaredRange(
                parameter.name,
                self.arguments[parameter.name],
                length,
                self.is_user_side(parameter.name),
                "in" in parameter.direction,
                "out" in parameter.direction,
            )
            for parameter in self.accessor.parameters
            if parameter.side != "value"
        )


class _Entries:
    """Where the accessors of an image begin: the library's, the kernel's, or what a driver has linked."""

    def __init__(self, image: PeImage) -> None:
        table = symbol_table(image)
        found = {name: table.find(name) for name, accessor in FAMILY.items() if accessor.kind == _ROUTINE_KINDS}
        self.by_rva = {rva: name for name, rva in found.items() if rva is not None}


@functools.lru_cache(maxsize=16)
def accessors_of(modules: tuple[Module, ...], own: tuple[tuple[str, str], ...]) -> Mapping[int, tuple[str, str]]:
    """Return where accessors begin, each with its name and that of the documented one that it is as.

    own  the user's: name and documented name
    """
    found = {
        module.base + rva: (name, name)
        for module in modules
        for rva, name in module.image.derive(_Entries).by_rva.items()
    }
    found |= {int(module[name]): (name, as_) for module in modules for name, as_ in own if name in module}
    return found


def argument_values(accessor: Accessor, values: tuple[int, ...]) -> tuple[dict[str, int], int | None]:
    """Return the parameters of an accessor by their names, and where its result goes.

    values  of the argument registers, in order; as many as there are
    """
    hidden = _returns_by_hidden_pointer(accessor)
    result = values[0] if hidden and values else None
    given = values[1:] if hidden else values
    parameters = (parameter.name for parameter in accessor.parameters)
    return dict(zip(parameters, given, strict=False)), result


@functools.cache
def _returns_by_hidden_pointer(accessor: Accessor) -> bool:
    return accessor.width is not None and accessor.width > HIDDEN_RESULT and accessor.name.startswith("Read")
