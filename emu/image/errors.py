# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong with an image."""

import difflib
from collections.abc import Iterable


class ImageError(ValueError):
    """A file is no image that can be loaded; the message names the file, the field, its value and the rule."""


def in_one_line(error: Exception) -> str:
    """Return what a parser's error says, which may hold a number that Python refuses to print, in one line."""
    try:
        text = str(error)
    except ValueError:
        text = "a number that is too long to print"
    return " ".join(text.strip("'").split())[:200] or type(error).__name__


class UnknownSymbol(KeyError):
    """A module has no symbol of that name; the message names the nearest ones."""

    def __init__(self, module: str, name: str, known: Iterable[str]) -> None:
        """Remember what was asked for, and which of the known names come close to it."""
        super().__init__(name)
        self.module = module
        self.name = name
        self.nearest = tuple(difflib.get_close_matches(name, list(known), n=3, cutoff=0.5))

    def __str__(self) -> str:
        """Return the message in one line (a KeyError would show the bare name)."""
        hint = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        return f"{self.module} has no symbol {self.name!r}{hint}"
