# SPDX-License-Identifier: GPL-2.0-or-later
"""Explanations without the disassembly in them, which is not the same in each version of the disassembler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from emu.cpu.instruction import decode
from emu.trace.code import Code


class Explanation(NamedTuple):
    """An explanation, and where it quotes an instruction, which code that is."""

    before: str
    code: int | None = None
    behind: str = ""

    def text(self, code: Sequence[Code]) -> str:
        """Return it whole."""
        return self.before if self.code is None else f"{self.before}{_quoted(code[self.code])}{self.behind}"


class Quotes:
    """Finds the instructions that explanations quote."""

    def __init__(self, code: Sequence[Code]) -> None:
        self._code = code
        self._of_rip: dict[int, list[int]] = defaultdict(list)
        for number, entry in enumerate(code):
            self._of_rip[entry.rip].append(number)

    def cut(self, text: str, rip: int) -> Explanation:
        """Cut the instruction at `rip` out of the explanation of an event there, if it is quoted."""
        if "`" in text:
            for number in self._of_rip.get(rip, ()):
                before, quote, behind = text.partition(_quoted(self._code[number]))
                if quote:
                    return Explanation(before, number, behind)
        return Explanation(text)


def _quoted(code: Code) -> str:
    """Return an instruction as explanations quote it; what cannot be decoded they do not quote."""
    return f"`{decode(code.bytes).text}`"
