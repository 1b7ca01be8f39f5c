# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay ids as words: parts with slashes between, so written that a shell passes them on unchanged.

What is not a letter, a digit or one of `._-+,=@:` is percent-encoded; the bytes of a file's name that are no text are
kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote

_SAFE: Final = "._-+,=@:"
_ERRORS: Final = "surrogateescape"


def join_parts(routine: str, settings: Iterable[str]) -> str:
    """Return the id of a routine and what is set."""
    first, *others = (quote(part, safe=_SAFE, errors=_ERRORS).replace("~", "%7E") for part in (routine, *settings))
    # At the start of a word a dash makes an option, and to some shells an equals sign means a command.
    return "/".join((first.replace("-", "%2D").replace("=", "%3D"), *others))


def split_parts(identity: str) -> tuple[str, list[str]]:
    """Return the routine and what is set."""
    routine, *settings = [unquote(part, errors=_ERRORS) for part in identity.split("/")]
    return routine, settings
