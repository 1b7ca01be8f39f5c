# SPDX-License-Identifier: GPL-2.0-or-later
"""What a check found: the rule that was broken, where, and what proves it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

from emu.address import Gva


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the code."""

    address: Gva
    symbol: str
    """`module!function+0xoffset`; the number where no image is."""
    instruction: str = ""
    """Its disassembly, empty where there is none."""
    file: str = ""
    line: int = 0

    @property
    def function(self) -> str:
        """`module!function`, without the offset."""
        return self.symbol.partition("+")[0]

    @property
    def source(self) -> str:
        """`file:line`, empty where the image has no line for it."""
        return f"{self.file}:{self.line}" if self.file else ""

    def __str__(self) -> str:
        instruction = f" `{self.instruction}`" if self.instruction else ""
        source = f" ({self.source})" if self.file else ""
        return f"{self.symbol}{instruction}{source}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule. It prints as an explanation: what is wrong, where, the evidence, how to run it again."""

    check: str
    message: str
    """What is wrong, in one sentence without a full stop."""
    where: Place
    evidence: tuple[str, ...] = ()
    """What proves it, a line each."""
    replay: str = ""
    """The replay id of the call, empty where there is none."""

    @property
    def headline(self) -> str:
        """What it is, in one line."""
        return f"{self.check}: {self.message}"

    @property
    def identity(self) -> tuple[str, str, int]:
        """What two findings about the same thing have in common."""
        return self.check, self.message, self.where.address

    @property
    def is_harmless(self) -> bool:
        """Whether it is known to do no harm: then it is told, and nothing fails because of it."""
        return False

    def with_replay(self, replay: str) -> Self:
        """Return the same finding with the replay id of its call."""
        return dataclasses.replace(self, replay=replay)

    def __str__(self) -> str:
        lines = [f"at {self.where}", *self.evidence]
        if self.replay:
            lines.append(f"emu replay {self.replay}")
        return self.headline + "".join(f"\n  {line}" for line in lines)
