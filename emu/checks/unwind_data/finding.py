# SPDX-License-Identifier: GPL-2.0-or-later
"""What a check of unwind data found, and the rules it found it by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """What unwind data must hold to (Microsoft Learn, "x64 exception handling" and "x64 prolog and epilog")."""

    TABLE = "function-table"
    """Entries are in order, do not overlap, and lie in executable sections."""
    UNWIND_INFO = "unwind-info"
    """The information can be decoded: version 1 or 2, known operations, all of it inside the image."""
    CODE_ORDER = "code-order"
    """Unwind codes stand in the reverse order of the prologue."""
    CODE_OFFSET = "code-offset"
    """A code's offset is the end of an instruction of the prologue."""
    PROLOGUE_SIZE = "prologue-size"
    """The prologue ends behind an instruction, behind all that codes describe, and before the body."""
    PROLOGUE = "prologue-code"
    """A code says what the instruction that ends at its offset does."""
    UNDESCRIBED = "undescribed"
    """Whatever moves RSP in the prologue has a code."""
    FRAME_REGISTER = "frame-register"
    """A frame register is non-volatile, is set by a code, and is the same in all parts of a function."""
    CHAIN = "chain"
    """A chained part of a function leads to an entry of the table."""
    HANDLER = "handler"
    """A language handler is code."""
    SCOPE = "scope-table"
    """Scopes lie inside their function, and filters, `__finally` blocks and targets are code."""
    EPILOGUE = "epilogue"
    """An epilogue has a form that the unwinder recognises, or is where version 2 data says."""
    RETURN_ADDRESS = "return-address"
    """What a call returns to is of the same function."""
    NON_VOLATILE = "non-volatile"
    """A non-volatile register is saved, and a code says where, before it is changed."""
    LEAF = "leaf"
    """A function without an entry in the table leaves RSP and the non-volatile registers alone."""
    UNWIND = "unwind"
    """Unwinding from an instruction gives the state of the caller."""
    ESTABLISHER = "establisher"
    """The establisher frame is the same all over the body of one activation."""


@dataclass(frozen=True, slots=True)
class UnwindFinding:
    """One mistake: where, which rule, what is wrong, and the unwind codes that apply there, in words."""

    rule: Rule
    module: str
    function: str
    rva: int
    offset: int | None
    """In bytes from the function's begin; None where the finding is about no instruction."""
    message: str
    instruction: str = ""
    codes: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """`module!function+0xoffset`."""
        name = f"{self.module}!{self.function}" if self.function else self.module
        return f"{name}+{self.offset:#x}" if self.offset else name

    def __str__(self) -> str:
        """Return the finding as one line."""
        instruction = f" `{self.instruction}`" if self.instruction else ""
        codes = f" [{'; '.join(self.codes)}]" if self.codes else ""
        return f"{self.where}{instruction}: {self.rule}: {self.message}{codes}"
