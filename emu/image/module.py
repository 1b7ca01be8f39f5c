# SPDX-License-Identifier: GPL-2.0-or-later
"""A module: an image at the address where it is loaded."""

import dataclasses
import functools
import pathlib

from emu.address import Gva
from emu.image.errors import UnknownSymbol
from emu.image.function_table import RuntimeFunction
from emu.image.pe import PeImage
from emu.image.source_lines import SourceLine, source_lines
from emu.image.symbols import symbol_table


@dataclasses.dataclass(frozen=True, eq=False)
class Module:
    """An image at its base; `module["CopyFromUser"]` is the address of a symbol."""

    image: PeImage
    base: Gva

    @functools.cached_property
    def name(self) -> str:
        """The image's file name without its suffix: what stands before the `!` of a description."""
        return pathlib.PurePath(self.image.name).stem

    @property
    def size(self) -> int:
        """Bytes from the base to the end of the last section, in whole pages."""
        return self.image.size_of_image

    @property
    def symbols(self) -> dict[str, Gva]:
        """Every export, function and label with its address; raises ImageError for damaged debug information."""
        return {name: Gva(self.base + rva) for name, rva in symbol_table(self.image).all.items()}

    def __getitem__(self, symbol: str) -> Gva:
        """Return the address of a symbol; raises UnknownSymbol, which names the nearest ones."""
        table = symbol_table(self.image)
        rva = table.find(symbol)
        if rva is None:
            raise UnknownSymbol(self.name, symbol, table.all)
        return Gva(self.base + rva)

    def __contains__(self, symbol: object) -> bool:
        """Tell whether there is a symbol of that name."""
        return isinstance(symbol, str) and symbol_table(self.image).find(symbol) is not None

    def contains(self, address: Gva) -> bool:
        """Tell whether an address lies in this module."""
        return self.base <= address < self.base + self.size

    def describe(self, address: Gva) -> str:
        """Return `module!symbol+0xoffset` for an address in the module, `module+0xoffset` where no symbol is.

        Raises ValueError for an address outside.
        """
        rva = self._rva(address)
        found = symbol_table(self.image).nearest(rva)
        if found is None:
            return f"{self.name}+0x{rva:x}"
        symbol, offset = found
        return f"{self.name}!{symbol}+0x{offset:x}" if offset else f"{self.name}!{symbol}"

    def source_line(self, address: Gva) -> SourceLine | None:
        """Return the file and line of the instruction at an address; None where the image says nothing of it.

        Raises ValueError for an address outside the module, ImageError for damaged debug information.
        """
        return source_lines(self.image).find(self._rva(address))

    def find_function(self, address: Gva) -> RuntimeFunction | None:
        """Return the function table's entry (in RVAs) for an address; None for a leaf function.

        Raises ValueError for an address outside the module.
        """
        return self.image.functions.lookup(self._rva(address))

    def _rva(self, address: Gva) -> int:
        if not self.contains(address):
            last = self.base + self.size - 1
            raise ValueError(f"0x{address:016X} is outside {self.name}, which is 0x{self.base:016X} to 0x{last:016X}")
        return address - self.base
