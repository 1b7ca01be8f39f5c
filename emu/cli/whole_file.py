# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a file that is there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from emu.cli.mistakes import Mistake

STANDARD_OUTPUT: Final = "-"


@contextlib.contextmanager
def whole_file(name: str) -> Iterator[BinaryIO]:
    """Give a stream; the file gets its name when all is written. `-` is standard output.

    Where something goes wrong, an interrupt included, what was there before is still there. A pipe or a device is
    written to as it is. Raises `Mistake` for what the file system refuses.
    """
    if name == STANDARD_OUTPUT:
        with _standard_output() as stream:
            yield stream
        return
    try:
        path = Path(name).resolve()
        if path.is_dir():
            raise Mistake(f"{name} is a directory; give the name of a file")
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream
        else:
            with _replacing(path) as stream:
                yield stream
    except OSError as error:
        raise Mistake(f"{name}: {error.strerror or error}") from error


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as stream:
            yield stream
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError as error:
        # As in emu.cli.output.write: a reader that has gone away is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise Mistake(f"standard output: {error.strerror or error}") from error
