# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what a verb has to say to the terminal, a pipe or a file."""

from __future__ import annotations

import io
import itertools
import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from emu.cli.mistakes import Mistake

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

MAXIMUM_WIDTH: Final = 140
"""Columns beyond which lines are no longer easier to read."""

_LINES_AT_ONCE: Final = 256

_ASCII: Final = str.maketrans({"·": ".", "│": "|", "⋮": ":", "×": "x", "→": "->", "─": "-", "…": "~"})


def make_console() -> Console:
    """Return the console for standard output, as wide as the terminal and no wider than is good to read."""
    from rich.console import Console  # noqa: PLC0415 (not needed for --json)

    console = Console(highlight=False, markup=False, emoji=False, legacy_windows=False)
    console.width = min(console.width, MAXIMUM_WIDTH)
    return console


def show(console: Console, *parts: RenderableType) -> None:
    """Print renderables, one below the other; a `Text` that must not wrap stays one line, however long it is."""
    from rich.text import Text  # noqa: PLC0415

    # Width and colours are those of standard output from here on; the text is collected, to be written at once.
    console.file = collected = io.StringIO()
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text) and bool(part.no_wrap))
    write(collected.getvalue())


def show_json(data: Any) -> None:
    """Print data as JSON."""
    write(json.dumps(data, indent=2) + "\n")


def write_lines(lines: Iterable[str], *, flush_each: bool = False) -> None:
    """Write lines as they come, some at a time or each at once, until there are no more or nobody reads on."""
    count = 1 if flush_each else _LINES_AT_ONCE
    lines = iter(lines)
    while block := list(itertools.islice(lines, count)):
        if not write("\n".join(block) + "\n"):
            break


def write(text: str) -> bool:
    """Write text to standard output, and return whether somebody reads on.

    A reader that has gone away is no error, nor is an encoding without our signs.
    """
    encoding = sys.stdout.encoding or "utf-8"
    text = "\n".join(line.rstrip(" ") for line in text.split("\n"))
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # So that the interpreter's own flush at exit finds nothing to complain about (Python docs, note on SIGPIPE).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise Mistake(f"standard output: {error.strerror or error}") from error
        return False
    return True
