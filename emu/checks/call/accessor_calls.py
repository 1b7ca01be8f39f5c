# SPDX-License-Identifier: GPL-2.0-or-later
"""The calls of accessors within a call: which one, with which arguments, and which ranges these declare."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final, NamedTuple

from emu.accessors import FAMILY, Accessor
from emu.accessors.accessor import Side
from emu.accessors.family import TYPE_SIZES
from emu.checks.call.tree import Activation
from emu.image import Module, PeImage
from emu.image.symbols import symbol_table

_REGISTER: Final = 8
"""Bytes of the largest argument or result that is passed by value; a hidden first argument says where a larger result
goes (Microsoft Learn, "x64 calling convention")."""
STRING: Final = "String"
"""The parameter whose range the string decides."""

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


class _Pointer(NamedTuple):
    """A parameter that points to what is accessed."""

    name: str
    is_user: bool
    reads: bool
    writes: bool


class Shape:
    """What is the same in all calls of an accessor."""

    def __init__(self, accessor: Accessor) -> None:
        names = tuple(parameter.name for parameter in accessor.parameters)
        self.names = names
        """Its parameters'."""
        self.sides: Mapping[str, Side] = {each.name: each.side for each in accessor.parameters}
        self.length = next((name for name in _LENGTHS if name in names), None)
        """The parameter that says how many bytes it accesses."""
        self.width = accessor.width
        self.pointers = self._pointers(accessor, "user", "mode")
        """Those that point to what is accessed, in a call for the user."""
        self.pointers_of_kernel_mode = self._pointers(accessor, "user")
        self.structures = tuple(
            (each.name, TYPE_SIZES[each.type])
            for each in accessor.parameters
            if each.side == "value" and TYPE_SIZES.get(each.type, 0) > _REGISTER
        )
        """The parameters that are given by address, and their sizes."""
        self.has_hidden_result = (
            accessor.width is not None and accessor.width > _REGISTER and accessor.name.startswith("Read")
        )
        """Whether the first argument is where its result goes."""
        self.reads_string = STRING in names

    def _pointers(self, accessor: Accessor, *user_sides: Side) -> tuple[_Pointer, ...]:
        return tuple(
            _Pointer(each.name, each.side in user_sides, "in" in each.direction, "out" in each.direction)
            for each in accessor.parameters
            if each.side != "value"
        )


@functools.cache
def shape_of(name: str) -> Shape:
    """Return the shape of a documented accessor."""
    return Shape(FAMILY[name])


class AccessorCall:
    """One activation of an accessor."""

    def __init__(
        self,
        accessor: Accessor,
        name: str,
        activation: Activation,
        arguments: Mapping[str, int],
        result_address: int | None,
    ) -> None:
        self.accessor = accessor
        self.shape = shape_of(accessor.name)
        self.name = name
        """What the routine is called; another name than the accessor's where a user declares one of his own."""
        self.activation = activation
        self.arguments = arguments
        """Value of each parameter, by its name; one of at most 8 bytes is a number, a structure's is its address."""
        self.result_address = result_address
        """Where a result of more than 8 bytes goes."""
        self.ranges = self._declared()
        """The ranges that its pointers declare, as many as have a length."""

    @property
    def mode(self) -> int | None:
        """The Mode that was given, None for an accessor that takes none."""
        mode = self.arguments.get("Mode")
        return None if mode is None else mode & 0xFF

    @property
    def acts_for_user(self) -> bool:
        """Whether its pointers with the side `mode` are to be user addresses."""
        return self.mode != 0

    def is_user_side(self, parameter: str) -> bool:
        """Tell whether a parameter is to point to user memory in this call."""
        side = self.shape.sides[parameter]
        return side == "user" or (side == "mode" and self.acts_for_user)

    @property
    def length(self) -> int | None:
        """How many bytes it accesses; None where the string decides, or it accesses nothing."""
        shape = self.shape
        return shape.width if shape.length is None else self.arguments[shape.length]

    def _declared(self) -> tuple[DeclaredRange, ...]:
        length = self.length
        if length is None:
            return ()
        arguments, shape = self.arguments, self.shape
        pointers = shape.pointers if self.acts_for_user else shape.pointers_of_kernel_mode
        declared = [
            DeclaredRange(name, arguments[name], length, is_user, reads, writes)
            for name, is_user, reads, writes in pointers
        ]
        return tuple(declared)

    @property
    def ranges_by_address(self) -> tuple[DeclaredRange, ...]:
        """The structures that it is given by address, as an argument or for its result."""
        shape = self.shape
        if not shape.structures and self.result_address is None:
            return ()
        found = [DeclaredRange(name, self.arguments[name], size, False, True, False) for name, size in shape.structures]
        if self.result_address is not None and shape.width:
            found.insert(0, DeclaredRange("the result", self.result_address, shape.width, False, False, True))
        return tuple(found)


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
    shape = shape_of(accessor.name)
    if shape.has_hidden_result:
        return dict(zip(shape.names, values[1:], strict=False)), values[0] if values else None
    return dict(zip(shape.names, values, strict=False)), None
