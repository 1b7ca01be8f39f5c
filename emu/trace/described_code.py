# SPDX-License-Identifier: GPL-2.0-or-later
"""The code of a machine's trace: each entry gets its symbol and source line when somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import overload

from emu.address import Gva
from emu.image import ImageError, Module
from emu.trace.code import Code


class DescribedCode(Sequence[Code]):
    """Code by its number. `images` are those that were loaded, by their bases, gone since or not.

    `export_at` names the export of the kernel in whose stub an address lies.
    """

    def __init__(self, images: Mapping[Gva, Module], export_at: Callable[[Gva], str | None]) -> None:
        self._images = images
        self._export_at = export_at
        self._encodings: Sequence[tuple[Gva, bytes]] = ()
        self._described: list[Code | None] = []

    def extend(self, encodings: Sequence[tuple[Gva, bytes]]) -> None:
        """Add what `encodings` has more than is known: address and bytes. The sequence itself is kept."""
        more = len(encodings) - len(self._encodings)
        if more > 0:
            self._encodings = encodings
            self._described += [None] * more

    def __len__(self) -> int:
        return len(self._encodings)

    @property
    def encodings(self) -> Sequence[tuple[Gva, bytes]]:
        """Address and bytes of each, which take no describing."""
        return self._encodings

    @overload
    def __getitem__(self, index: int) -> Code: ...

    @overload
    def __getitem__(self, index: slice) -> list[Code]: ...

    def __getitem__(self, index: int | slice) -> Code | list[Code]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        found = self._described[index]
        if found is None:
            found = self._described[index] = self._describe(*self._encodings[index])
        return found

    def _describe(self, rip: Gva, encoding: bytes) -> Code:
        module = next((image for image in self._images.values() if image.contains(rip)), None)
        if module is None:
            return Code(rip, encoding, "", "", 0, "", 0)
        try:
            line = module.source_line(rip)
        except ImageError:
            line = None
        symbol, offset = self._symbol(module, rip)
        return Code(rip, encoding, module.name, symbol, offset, line.file if line else "", line.line if line else 0)

    def _symbol(self, module: Module, rip: Gva) -> tuple[str, int]:
        """Return symbol and offset, exports of the kernel that the host implements by their own names."""
        export = self._export_at(rip)
        if export is not None:
            return export, 0
        _, found, rest = module.describe(rip).partition("!")
        if not found:
            return "", rip - module.base
        symbol, _, offset = rest.rpartition("+0x")
        return (symbol, int(offset, 16)) if symbol else (rest, 0)
