# SPDX-License-Identifier: GPL-2.0-or-later
"""A PE image, read strictly: what a loader would have to guess about is refused."""

import dataclasses
import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from emu.address import ADDRESS_MASK, PAGE_SIZE
from emu.image.directories import Import, read_exports, read_imports, read_relocations
from emu.image.errors import ImageError
from emu.image.function_table import FunctionTable
from emu.image.headers import Section, read_headers
from emu.image.load_config import LoadConfig, read_load_config

_QWORD = struct.Struct("<Q")

MOST_REMEMBERED = 16
LARGEST_REMEMBERED = 8 * 1024 * 1024
"""Images that are kept once they were read, and the bytes of a file and its image together up to which they are."""

DerivedT = TypeVar("DerivedT")


@dataclasses.dataclass(frozen=True, eq=False)
class PeImage:
    """An AMD64 image. All positions in it are RVAs: offsets from wherever it is loaded."""

    name: str
    preferred_base: int
    size_of_image: int
    size_of_headers: int
    entry_point: int | None
    movable: bool
    """Whether it still has its relocations, and so can be loaded elsewhere than at its preferred base."""
    sections: tuple[Section, ...]
    relocations: tuple[int, ...] = dataclasses.field(repr=False)
    """RVAs of the 64-bit addresses (DIR64) that move with the image."""
    imports: tuple[Import, ...] = dataclasses.field(repr=False)
    exports: Mapping[str, int] = dataclasses.field(repr=False)
    function_table_rva: int
    function_table: bytes = dataclasses.field(repr=False)
    """The exception directory's bytes."""
    functions: FunctionTable = dataclasses.field(repr=False)
    load_config: LoadConfig = dataclasses.field(repr=False)
    _mapped: bytes = dataclasses.field(repr=False)
    _derived: dict[object, Any] = dataclasses.field(init=False, repr=False, default_factory=dict)

    @staticmethod
    def parse(data: bytes, name: str, *, strict_functions: bool = True) -> "PeImage":
        """Read an image file's bytes; `name` is the file name that messages use and that modules are named by.

        Raises ImageError, in one line with the field, its value and the rule, for anything malformed and for what is
        not modelled: imports by ordinal, forwarded exports, relocations other than DIR64. The same bytes are read once
        a process, unless they are more than `LARGEST_REMEMBERED`. Without `strict_functions` a malformed function table
        is no error: `functions.faults` has what is wrong, and the rest of the table is there.
        """
        key = (bytes(data), name, strict_functions)
        image = _remembered.pop(key, None) or _parse(*key)
        if len(data) + image.size_of_image <= LARGEST_REMEMBERED:
            _remembered[key] = image  # the one used last stands last
            if len(_remembered) > MOST_REMEMBERED:
                del _remembered[next(iter(_remembered))]
        return image

    def mapped(self) -> bytes:
        """Return the whole image by RVA, headers included, as it is at its preferred base."""
        return self._mapped

    def relocated(self, base: int) -> bytes:
        """Return the whole image by RVA as it is at another base; raises ImageError for one where it cannot be."""
        if base % PAGE_SIZE or not 0 <= base <= ADDRESS_MASK + 1 - self.size_of_image:
            raise ImageError(f"{self.name}: base = 0x{base:X}: not a page address with room for the image")
        delta = base - self.preferred_base
        if delta == 0:
            return self._mapped
        if not self.movable:
            raise ImageError(
                f"{self.name}: base = 0x{base:X}: without relocations it loads at 0x{self.preferred_base:X} only"
            )
        moved = bytearray(self._mapped)
        for rva in self.relocations:
            (value,) = _QWORD.unpack_from(moved, rva)
            _QWORD.pack_into(moved, rva, (value + delta) & ADDRESS_MASK)
        return bytes(moved)

    def derive(self, make: Callable[["PeImage"], DerivedT]) -> DerivedT:
        """Return what a function makes of the image: called once, its result kept as long as the image is."""
        found: DerivedT | None = self._derived.get(make)
        if found is None:
            found = self._derived[make] = make(self)
        return found

    def section_at(self, rva: int) -> Section | None:
        """Return the section that covers an RVA."""
        return next((section for section in self.sections if section.covers(rva)), None)


_remembered: dict[tuple[bytes, str, bool], PeImage] = {}


def _parse(data: bytes, name: str, strict_functions: bool) -> PeImage:
    headers = read_headers(data, name)
    mapped = bytearray(headers.size_of_image)
    mapped[: headers.size_of_headers] = data[: headers.size_of_headers]
    for section in headers.sections:
        mapped[section.rva : section.rva + len(section.data)] = section.data
    image = bytes(mapped)
    exception_rva, exception_size = headers.directories["exception"]
    function_table = image[exception_rva : exception_rva + exception_size]
    return PeImage(
        name=name,
        preferred_base=headers.preferred_base,
        size_of_image=headers.size_of_image,
        size_of_headers=headers.size_of_headers,
        entry_point=headers.entry_point,
        movable=headers.movable,
        sections=headers.sections,
        relocations=tuple(read_relocations(image, *headers.directories["relocation"], name)),
        imports=tuple(read_imports(image, *headers.directories["import"], name)),
        exports=read_exports(image, *headers.directories["export"], name),
        function_table_rva=exception_rva,
        function_table=function_table,
        functions=FunctionTable(function_table, image, name, strict=strict_functions),
        load_config=read_load_config(image, *headers.directories["load configuration"], headers.preferred_base, name),
        _mapped=image,
    )
