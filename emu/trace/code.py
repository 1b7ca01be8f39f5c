# SPDX-License-Identifier: GPL-2.0-or-later
"""What a trace knows of the code that ran: bytes, names and source lines, and the data that it worked on."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from emu.address import ADDRESS_MASK, Gva
from emu.cpu.instruction import decode

_NUMBER: Final = re.compile(r"0x[0-9a-f]+|[0-9]")
"""How the disassembler writes a target."""


class Code(NamedTuple):
    """One instruction of the code that ran. Code that changed while it ran has an entry for each of its forms."""

    rip: Gva
    bytes: bytes
    module: str
    """Name of its image, empty outside every image."""
    symbol: str
    """The function or export at or before it, empty where there is none."""
    offset: int
    """Bytes from the symbol; without one, from the module's base."""
    file: str
    """Source file, empty where the image has no line for it."""
    line: int

    @property
    def text(self) -> str:
        """Mnemonic and operands in Intel syntax, `.byte …` for what is no instruction.

        The target of a jump stands as its symbol and offset where the code has a symbol, of a call as its address.
        """
        text = decode(self.bytes).text
        if not text:
            return f".byte {', '.join(f'{byte:#04x}' for byte in self.bytes)}"
        mnemonic, _, operand = text.rpartition(" ")
        if not mnemonic.startswith(("j", "call", "loop", "bnd")) or not _NUMBER.fullmatch(operand):
            return text
        distance = int(operand, 0)  # decoded at address 0
        distance -= (distance & 1 << 63) << 1
        if self.symbol and not mnemonic.endswith("call"):
            offset = self.offset + distance
            return f"{mnemonic} {self.symbol}{offset:+#x}" if offset else f"{mnemonic} {self.symbol}"
        return f"{mnemonic} {(self.rip + distance) & ADDRESS_MASK:#x}"

    @property
    def mnemonic(self) -> str:
        """The mnemonic, with its `rep` or `lock` prefix."""
        words = self.text.split()
        return " ".join(words[:2]) if words[0].startswith(("rep", "lock")) else words[0]

    @property
    def place(self) -> str:
        """`module!symbol+0xoffset`, `module+0xoffset`, or the address."""
        if not self.module:
            return f"{self.rip:#x}"
        if not self.symbol:
            return f"{self.module}+{self.offset:#x}"
        return f"{self.module}!{self.symbol}" + (f"+{self.offset:#x}" if self.offset else "")

    @property
    def source(self) -> str:
        """`file:line`, empty where there is none."""
        return f"{self.file}:{self.line}" if self.file else ""


class TracedModule(NamedTuple):
    """An image that was loaded while the trace was taken."""

    name: str
    base: Gva
    size: int
    entry: Gva


class TracedBuffer(NamedTuple):
    """A buffer that was allocated while the trace was taken."""

    name: str
    """Its name, or `user+N`, `kernel+N` for the N-th of its half."""
    address: Gva
    size: int
    user: bool


class TracedCall(NamedTuple):
    """A call that the host made."""

    function: str
    arguments: tuple[int, ...]
    outcome: str
    """The outcome's headline."""
    begin: int
    """Index of its first instruction in the trace."""
    end: int
    """Index behind its last instruction."""
