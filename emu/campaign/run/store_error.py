# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be wrong with a campaign's store."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from emu.campaign.experiment.experiment_error import ExperimentError


class StoreError(ExperimentError):
    """A store that cannot be read or written; the message is one line and names the file and the way out."""


_MESSAGES: Final = {
    "SQLITE_NOTADB": "{path} is not a campaign's store: it is no SQLite database; choose another file",
    "SQLITE_CORRUPT": "{path} is damaged ({error}); restore a copy of it, or run the campaign anew into another file",
    "SQLITE_BUSY": "{path} is in use by another run of its campaign; wait for that one to end, or interrupt it",
    "SQLITE_FULL": "{path} cannot grow, the disk is full; make room and resume: what was recorded is kept",
    "SQLITE_IOERR": "{path} cannot be read or written ({error}: is the disk full, or the file too large for its file "
    "system?); mend that and resume: what was recorded is kept",
    "SQLITE_READONLY": "{path} cannot be written: the file, its directory or its file system is read-only; "
    "make them writable, or copy the store to where they are",
    "SQLITE_PERM": "{path} may not be opened; give yourself read and write permission",
    "SQLITE_NOMEM": "{path}: there is no memory left to work on it",
}
"""By the beginning of SQLite's name of the error: https://sqlite.org/rescode.html"""


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into a `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_describe(path, error)) from error


def _describe(path: Path, error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_CANTOPEN"):
        return _why_not_opened(path)
    for begin, message in _MESSAGES.items():
        if name.startswith(begin):
            return message.format(path=path, error=error)
    return f"{path}: {error}"


def _why_not_opened(path: Path) -> str:
    if not path.parent.is_dir():
        return f"{path} cannot be there: {path.parent} is no directory; create it first"
    if not path.exists():
        if os.access(path.parent, os.W_OK):
            return f"{path} does not exist"
        return f"{path} does not exist, and cannot be created where its directory is not writable"
    return (
        f"{path} cannot be opened: SQLite needs to read it, and to write files beside it (-wal, -shm); "
        "copy all of them to where it can"
    )
