# SPDX-License-Identifier: GPL-2.0-or-later
"""The source lines around an instruction, where the source is at hand."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from emu.address import Gva
from emu.cli.call_result import CallResult
from emu.image import SourceLine
from emu.toolchain import guest_directory

SYSTEM_MODULES = ("ntoskrnl", "umaccess")


class Quote(NamedTuple):
    """A line of a file and its neighbours, as (number, text)."""

    line: SourceLine
    lines: tuple[tuple[int, str], ...]


def quote(result: CallResult, address: Gva) -> Quote | None:
    """Return the source line of code with one line before and one after it; without text if the file is not found."""
    line = result.explanation.source_line(address)
    if line is None:
        return None
    if result.explanation.locate(address).partition("!")[0] in SYSTEM_MODULES:
        candidates = sorted(guest_directory().rglob(line.file))
    else:
        # Behind the user's own files the library's, which the image may be linked with.
        candidates = [Path(image).parent / line.file for image in result.images]
        candidates += sorted((guest_directory() / "umaccess").rglob(line.file))
    for candidate in candidates:
        try:
            text = candidate.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        if line.line <= len(text):
            numbers = range(max(line.line - 1, 1), min(line.line + 1, len(text)) + 1)
            return Quote(line, tuple((number, text[number - 1].expandtabs()) for number in numbers))
    return Quote(line, ())
