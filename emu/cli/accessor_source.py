# SPDX-License-Identifier: GPL-2.0-or-later
"""Macros that an accessor is written with: those of the header, and those of the assembly."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from emu.cli.path import HEADER
from emu.cli.routine_code import CodeRow
from emu.toolchain import guest_directory


class MacroText(NamedTuple):
    """The definition of a macro."""

    name: str
    file: str
    line: int
    """Where it begins."""
    text: str


def header_macro(name: str) -> MacroText | None:
    """Return the definition of a macro in the header, None where it has none of that name."""
    lines = _lines(guest_directory() / "include" / HEADER)
    for number, line in enumerate(lines):
        if re.match(rf"\s*#\s*define\s+{re.escape(name)}\(", line):
            end = number
            while lines[end].endswith("\\") and end + 1 < len(lines):
                end += 1
            text = "\n".join(line.removesuffix("\\").rstrip() for line in lines[number : end + 1])
            return MacroText(name, HEADER, number + 1, text)
    return None


def header_inline(name: str) -> int | None:
    """Return the line of an inline function of the header, None where it has none of that name."""
    for number, line in enumerate(_lines(guest_directory() / "include" / HEADER), 1):
        if re.match(rf"static inline \w+ {re.escape(name)}\(", line):
            return number
    return None


def called_functions(macro: MacroText) -> tuple[str, ...]:
    """Return the functions that an expansion calls, in the order in which they stand there."""
    body = macro.text.partition(")")[2]
    names = [name for name in re.findall(r"\b([A-Z]\w*)\(", body) if not name.isupper()]
    return tuple(name for name in dict.fromkeys(names) if name != macro.name)


def assembly_macros(rows: Iterable[CodeRow]) -> Iterator[MacroText]:
    """Return the macros that a routine's source lines invoke or pass to another, each once."""
    seen: set[str] = set()
    for row in rows:
        for name in re.findall(r"\w+", row.source.partition("//")[0]):
            if name not in seen and (found := _assembly_macros().get(name)) is not None:
                seen.add(name)
                yield found


@functools.cache
def _assembly_macros() -> dict[str, MacroText]:
    """Read every macro of the library's sources; of two of one name the second is the library's."""
    found: dict[str, MacroText] = {}
    directory = guest_directory() / "umaccess"
    for path in sorted([*directory.glob("*.inc"), *directory.glob("*.S")]):
        lines = _lines(path)
        begins = [number for number, line in enumerate(lines) if re.match(r"\s*\.macro\s", line)]
        for begin in begins:
            end = next((at for at in range(begin, len(lines)) if lines[at].strip() == ".endm"), len(lines) - 1)
            name = lines[begin].split()[1].rstrip(",")
            found[name] = MacroText(name, path.name, begin + 1, "\n".join(lines[begin : end + 1]))
    return found


def _lines(path: Path) -> list[str]:
    try:
        return [line.expandtabs() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return []
