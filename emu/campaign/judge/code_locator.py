# SPDX-License-Identifier: GPL-2.0-or-later
"""Names code for people: its symbol, and the line of source that it was compiled from."""

from __future__ import annotations

from pathlib import PurePath

from emu.address import Gva
from emu.kernel.explanation import Explanation
from emu.kernel.system import System


class CodeLocator:
    """Names the code of a system: `capture!capture+0x41 (capture.c:27)`. What it has named it remembers."""

    def __init__(self, system: System) -> None:
        self._explanation = Explanation(system)
        self._names: dict[tuple[Gva, Gva], str] = {}

    def instruction(self, address: Gva) -> str:
        """Return the name of an instruction."""
        return self._name(address, address)

    def call(self, return_address: Gva) -> str:
        """Return the name of the place that a call returns to, with the line of the call."""
        return self._name(return_address, Gva(return_address - 1))

    def _name(self, address: Gva, of_line: Gva) -> str:
        name = self._names.get((address, of_line))
        if name is None:
            line = self._explanation.source_line(of_line)
            name = self._explanation.locate(address)
            if line is not None:
                name += f" ({PurePath(line.file).name}:{line.line})"
            self._names[address, of_line] = name
        return name
