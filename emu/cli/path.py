# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu path`: where a driver's build finds the header and the library.

One path as text, so that a shell can take it: `clang -I$(emu path include)`. With `--json`: {"path"}, or without a word
{"include", "lib", "lib_dbg"}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import show_json, write
from emu.toolchain.layout import guest_directory
from emu.toolchain.library import accessor_library

HEADER: Final = "usermode_accessors.h"


def run_path(what: str | None, *, debug: bool, as_json: bool) -> int:
    """Run `emu path`; returns the exit status."""
    with mistakes_reported():
        if what is None:
            if debug:
                raise Mistake("--dbg is about the library: emu path lib --dbg")
            paths = {"include": include(), "lib": accessor_library(), "lib_dbg": accessor_library(debug=True)}
            if as_json:
                show_json({name: str(path) for name, path in paths.items()})
            else:
                words = ("include", "lib", "lib --dbg")
                write("".join(f"{word:<11}{path}\n" for word, path in zip(words, paths.values(), strict=True)))
            return 0
        if what not in KNOWN:
            raise Mistake(f"there is no path {what!r}; there are {' and '.join(KNOWN)}")
        if debug and what != "lib":
            raise Mistake(f"--dbg is about the library, not about {what}: emu path lib --dbg")
        path = KNOWN[what](debug)
        if as_json:
            show_json({"path": str(path)})
        else:
            write(f"{path}\n")
    return 0


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
