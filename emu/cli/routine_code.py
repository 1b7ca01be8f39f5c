# SPDX-License-Identifier: GPL-2.0-or-later
"""A routine of the accessor library: its instructions beside the source lines that they were assembled from."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from emu.checks.unwind_data.functions import image_functions
from emu.checks.unwind_data.instructions import Flow, Instruction, decode_range
from emu.image import PeImage, SourceLine
from emu.image.source_lines import source_lines
from emu.toolchain import built_directory, guest_directory
from emu.toolchain.system import ACCESSOR_IMAGE

_RIP_RELATIVE = re.compile(r"\[rip ([+-]) (0x[0-9a-f]+|\d+)\]")


class CodeRow(NamedTuple):
    """An instruction and its source line."""

    offset: int
    """From the routine's first byte."""
    text: str
    """With names for what it addresses and where it jumps."""
    line: SourceLine | None
    source: str
    """The text of the line, empty where the file is not at hand."""


class RoutineCode(NamedTuple):
    """A routine as it is in umaccess.sys, up to the next one."""

    size: int
    rows: tuple[CodeRow, ...]


@functools.cache
def accessor_image() -> PeImage:
    """Read the library's image. Raises OSError where it is not built."""
    return PeImage.parse((built_directory() / ACCESSOR_IMAGE).read_bytes(), ACCESSOR_IMAGE)


def routine_code(name: str) -> RoutineCode | None:
    """Return the code of a routine, None where the image has none of that name."""
    image = accessor_image()
    begin = image.exports.get(name)
    if begin is None:
        return None
    section = image.section_at(begin)
    assert section is not None
    end = min((rva for rva in image.exports.values() if rva > begin), default=section.rva + section.virtual_size)
    end = min(end, section.rva + section.virtual_size)
    instructions = list(decode_range(image_functions(image).read, begin, end))
    while instructions and instructions[-1].mnemonic == "int3":  # what fills up to the next routine
        instructions.pop()
    return RoutineCode(
        instructions[-1].end - begin if instructions else 0, tuple(_rows(image, begin, end, instructions))
    )


def _rows(image: PeImage, begin: int, end: int, instructions: list[Instruction]) -> Iterator[CodeRow]:
    names = {rva: name for name, rva in image.exports.items()}
    names |= {imported.iat_rva: f"__imp_{imported.name}" for imported in image.imports}
    for instruction in instructions:
        line = source_lines(image).find(instruction.rva)
        yield CodeRow(
            instruction.rva - begin,
            _named(instruction, names, begin, end),
            line,
            "" if line is None else _source_text(line),
        )


def _named(instruction: Instruction, names: dict[int, str], begin: int, end: int) -> str:
    target = instruction.target
    if instruction.flow in (Flow.CALL, Flow.JUMP, Flow.BRANCH) and target is not None:
        place = f"+{target - begin:#x}" if begin <= target < end else names.get(target, f"{target:#x}")
        return f"{instruction.text.rpartition(' ')[0]} {place}"

    def name(found: re.Match[str]) -> str:
        rva = instruction.end + int(f"{found[1]}{found[2]}", 0)
        if begin <= rva < end:
            return f"[+{rva - begin:#x}]"
        return f"[{names[rva]}]" if rva in names else found[0]

    return _RIP_RELATIVE.sub(name, instruction.text)


def _source_text(line: SourceLine) -> str:
    lines = _source(line.file)
    return lines[line.line - 1].expandtabs().strip() if 0 < line.line <= len(lines) else ""


@functools.cache
def _source(file: str) -> list[str]:
    found = sorted((guest_directory() / "umaccess").rglob(Path(file).name))
    return found[0].read_text(encoding="utf-8", errors="replace").splitlines() if found else []
