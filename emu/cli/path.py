# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu path`: where a driver's build finds the header and the library.

One path as text, so that a shell can take it: `clang -I$(emu path include)`. With `--json`: {"path"}, or without a word
{"include", "lib", "lib_dbg"}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from emu.cli.mistakes import Mistake
from emu.cli.output import show_json, write
from emu.toolchain.errors import GuestBuildError
from emu.toolchain.layout import guest_directory
from emu.toolchain.library import accessor_library

HEADER: Final = "usermode_accessors.h"


def run_path(what: str | None, *, debug: bool, as_json: bool) -> int:
    """Run `emu path`; returns the exit status."""
    if what is not None and what not in KNOWN:
        raise Mistake(f"there is no path {what!r}; there are {' and '.join(KNOWN)}")
    if debug and what != "lib":
        about = "" if what is None else f", not about {what}"
        raise Mistake(f"--dbg is about the library{about}: emu path lib --dbg")
    try:
        paths = _every_path() if what is None else {"path": KNOWN[what](debug)}
    except GuestBuildError as error:
        raise Mistake(str(error)) from error
    if as_json:
        show_json({name: str(path) for name, path in paths.items()})
    elif what is None:
        words = ("include", "lib", "lib --dbg")
        write("".join(f"{word:<11}{path}\n" for word, path in zip(words, paths.values(), strict=True)))
    else:
        write(f"{paths['path']}\n")
    return 0


def _every_path() -> dict[str, Path]:
    return {"include": include(), "lib": accessor_library(), "lib_dbg": accessor_library(debug=True)}


def include() -> Path:
    """Return the directory of the header."""
    directory = guest_directory() / "include"
    if not (directory / HEADER).is_file():
        raise Mistake(f"{directory / HEADER} is not there; install the package again")
    return directory


KNOWN: Final[Mapping[str, Callable[[bool], Path]]] = {
    "include": lambda _: include(),
    "lib": lambda debug: accessor_library(debug=debug),
}
