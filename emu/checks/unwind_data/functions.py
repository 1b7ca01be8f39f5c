# SPDX-License-Identifier: GPL-2.0-or-later
"""The functions of an image as its function table has them, and the names of code in it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from emu.address import Gva
from emu.checks.unwind_data.frame_state import FrameState
from emu.checks.unwind_data.instructions import Flow, Instruction, decode_at, decode_range
from emu.checks.unwind_data.language_data import LanguageData, read_language_data
from emu.image import PeImage, RuntimeFunction
from emu.image.symbols import symbol_table
from emu.image.thunks import THUNK_SIZE, thunk_slot
from emu.nt.unwind import UnwindOp
from emu.seh.unwind_info import UnwindChain, UnwindError
from emu.seh.virtual_unwind import ImageUnwinder


@dataclass(frozen=True, eq=False)
class Function:
    """One entry of the table. `error` says why its unwind information cannot be decoded; `chain` is None then."""

    entry: RuntimeFunction
    name: str
    chain: UnwindChain | None
    error: str
    language_data: LanguageData | None
    covers: tuple[int, int]
    """The code that the table has it for: less than the entry's own for one that stands there in place of another."""

    @property
    def size(self) -> int:
        """Bytes of code."""
        return self.entry.end - self.entry.begin

    @property
    def is_indirect(self) -> bool:
        """Whether the table names this entry in place of one for other code."""
        return self.covers != (self.entry.begin, self.entry.end)

    @property
    def is_fragment(self) -> bool:
        """Whether it is a part of another function, by a chain."""
        return self.chain is not None and len(self.chain.infos) > 1

    @property
    def has_machine_frame(self) -> bool:
        """Whether it says that the processor, at a trap, pushed its first frame."""
        infos = self.chain.infos if self.chain else ()
        return any(code.op is UnwindOp.PUSH_MACHFRAME for info in infos for code in info.codes)


class ImageFunctions:
    """An image's functions, decoded once. Everything in it is by RVA."""

    def __init__(self, image: PeImage) -> None:
        self.image = image
        self._mapped = image.mapped()
        self.unwinder = ImageUnwinder(Gva(0), image.functions, self.read)
        self.name = image.name.rpartition(".")[0] or image.name
        self._instructions: dict[int, Instruction | None] = {}
        self.functions = tuple(map(self._function, image.functions, image.functions.ranges()))
        self._by_entry = {
            function.entry: function for function in sorted(self.functions, key=lambda each: not each.is_indirect)
        }
        self._parts: dict[int, list[Function]] = {}
        for function in self.functions:
            primary = function.chain.primary.begin if function.chain else function.entry.begin
            self._parts.setdefault(primary, []).append(function)

    def _function(self, entry: RuntimeFunction, covers: tuple[int, int]) -> Function:
        name = self.name_of(covers[0])
        try:
            chain = self.unwinder.chain(entry)
        except UnwindError as error:
            return Function(entry, name, None, str(error), None, covers)
        info = chain.info
        data = None
        if info.handler_rva is not None and info.handler_data_rva is not None:
            data = read_language_data(self.read, self.code_name(info.handler_rva), info.handler_data_rva)
        return Function(entry, name, chain, "", data, covers)

    def read(self, rva: int, size: int) -> bytes:
        """Return the image's bytes, fewer where it ends."""
        return self._mapped[rva : rva + size] if rva >= 0 else b""

    def instruction(self, rva: int) -> Instruction | None:
        """Return the instruction at an RVA; None where there is none."""
        try:
            return self._instructions[rva]
        except KeyError:
            found = self._instructions[rva] = decode_at(self.read, rva)
            return found

    def code(self, function: Function) -> tuple[Instruction, ...]:
        """Return a function's instructions, up to what is none."""
        return tuple(decode_range(self.read, function.entry.begin, function.entry.end))

    def after(self, instruction: Instruction, before: FrameState) -> FrameState:
        """Return the state behind an instruction. A call before `sub rsp, rax` is one of a stack probe."""
        is_probe = False
        if instruction.flow is Flow.CALL:
            following = self.instruction(instruction.end)
            is_probe = following is not None and following.text == "sub rsp, rax"
        return before.after(instruction, is_probe=is_probe)

    def find(self, rva: int) -> Function | None:
        """Return the function that an RVA is in."""
        entry = self.image.functions.lookup(rva)
        return None if entry is None else self._by_entry.get(entry)

    def parts_of(self, function: Function) -> tuple[Function, ...]:
        """Return all parts of the function that one is a part of."""
        primary = function.chain.primary.begin if function.chain else function.entry.begin
        return tuple(self._parts[primary])

    def is_code(self, rva: int) -> bool:
        """Tell whether an RVA lies in an executable section."""
        section = self.image.section_at(rva)
        return section is not None and section.executable

    def name_of(self, rva: int) -> str:
        """Return `symbol+0xoffset` for code, its RVA where no symbol is."""
        found = symbol_table(self.image).nearest(rva)
        if found is None:
            return f"code_{rva:x}"
        symbol, offset = found
        return f"{symbol}+{offset:#x}" if offset else symbol

    def code_name(self, rva: int) -> str:
        """Return the name of code as `name_of` does, behind an import's thunk the import's own."""
        slot = thunk_slot(self.read(rva, THUNK_SIZE), rva)
        imported = None if slot is None else self._imports.get(slot)
        return self.name_of(rva) if imported is None else imported

    @functools.cached_property
    def _imports(self) -> dict[int, str]:
        return {entry.iat_rva: entry.name for entry in self.image.imports}


@functools.lru_cache(maxsize=16)
def image_functions(image: PeImage) -> ImageFunctions:
    """Return the functions of an image, decoded once a process."""
    return ImageFunctions(image)
