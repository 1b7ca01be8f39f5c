# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign's results in one SQLite file, which survives the death of whoever writes it.

A batch's rows and the mark that it is done are one transaction: after a `kill -9` at any moment the file holds whole
batches and nothing else. The file is in WAL mode, so that it can be read while a campaign runs; it may have companions
named `-wal` and `-shm` meanwhile, which belong to it. See `SCHEMA` for what is in it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.done import DoneRanges
from emu.campaign.run.store_error import StoreError, errors_of

APPLICATION_ID: Final = 0x656D7563
"""`emuc`: how `file` and this module tell a store from other SQLite databases."""

FORMAT: Final = 1
"""The schema's number, kept as `user_version`."""

SCHEMA: Final = """
CREATE TABLE campaign (
    -- What the campaign is: plan and versions (JSON), workbench and oracle (names), and total, which is the number of
    -- experiments that are to run. See emu/campaign/run/campaign.py.
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE done (
    -- The experiments that are done, as ranges of positions, both ends included. An experiment's position is its place
    -- in the order in which the campaign runs; where the plan is not sampled, that is its number.
    first INTEGER PRIMARY KEY CHECK (first >= 0),
    last INTEGER NOT NULL CHECK (last >= first)
);

CREATE TABLE class (
    -- The classes of verdicts: SELECT label, count(*) FROM verdict JOIN class USING (class) GROUP BY class
    class INTEGER PRIMARY KEY,
    label TEXT NOT NULL
);

CREATE TABLE verdict (
    -- The verdicts that are not correct, by the plan's number of the experiment. What is done and not here is correct.
    number INTEGER PRIMARY KEY CHECK (number >= 0),
    class INTEGER NOT NULL REFERENCES class CHECK (class BETWEEN 1 AND 7),
    -- What led to it, in one line.
    detail TEXT NOT NULL,
    -- What `emu replay` takes.
    replay_id TEXT NOT NULL,
    -- The same of the smallest experiment that fails alike, once that is known.
    minimal_id TEXT
);
"""

_RIVAL: Final = 0.3
"""Seconds that a run which has just committed needs at most to take the lock again; SQLite retries every 0.1 s."""


_MAGIC: Final = b"SQLite format 3\0"

_PATIENCE: Final = 10
"""Seconds to wait for a lock that nobody keeps for long."""


class Row(NamedTuple):
    """The verdict of one experiment."""

    number: int
    """The plan's."""
    verdict: Verdict
    replay_id: str = ""
    minimal_id: str | None = None


_T = TypeVar("_T", bound="Store")


class Store:
    """A store that is open. Only one run at a time can write it; the others are refused until that one has ended.

    Whatever is wrong with the file or its disk raises `StoreError`, from every method.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, writes: bool) -> None:
        """Use `create`, `open` or `resume`."""
        self.path = path
        self._connection = connection
        self._writes = writes
        settings = dict(connection.execute("SELECT name, value FROM campaign"))
        try:
            self.campaign = Campaign(settings["plan"], settings["versions"], settings["workbench"], settings["oracle"])
            self.campaign.read_plan()
            self.campaign.read_versions()
            self.total = int(settings["total"])
            """How many experiments are to run."""
            if self.done.end > self.total:
                raise ValueError(f"position {self.done.end - 1} of {self.total} is done")
        except (KeyError, ValueError) as error:
            raise StoreError(_damaged(path, str(error))) from None

    @classmethod
    def create(cls: type[_T], path: str | Path, campaign: Campaign, total: int) -> _T:
        """Create the store of a campaign of `total` experiments. What was begun and never finished is taken over."""
        path = Path(path)
        with _connected(path, "rwc") as connection:
            _refuse_occupied(path, connection)
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode != "wal":
                raise StoreError(f"{path} cannot be written by several at once there; choose a local directory")
            _tune(connection)
            connection.execute("BEGIN IMMEDIATE")
            _refuse_occupied(path, connection)
            for statement in SCHEMA.strip().split("\n\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.executemany("INSERT INTO class VALUES (?, ?)", [(kind, kind.label) for kind in VerdictClass])
            settings = {
                "plan": campaign.plan,
                "versions": campaign.versions,
                "workbench": campaign.workbench,
                "oracle": campaign.oracle,
                "total": str(total),
            }
            connection.executemany("INSERT INTO campaign VALUES (?, ?)", settings.items())
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
            return cls(path, connection, writes=True)

    @classmethod
    def open(cls: type[_T], path: str | Path) -> _T:
        """Open a store to read it, also while a campaign runs; it then stays as it is at this moment."""
        path = Path(path)
        try:
            # Not "ro": the last one that can write tidies up what a run left that was killed.
            with _connected(path, "rw", _PATIENCE) as connection:
                return cls._read(path, connection)
        except StoreError as error:
            # A reader creates files beside the store, unless it says that nobody writes. Nobody does without a -wal.
            refused = getattr(error.__cause__, "sqlite_errorname", "").startswith(
                ("SQLITE_CANTOPEN", "SQLITE_READONLY")
            )
            if not refused or not path.is_file() or _is_written(path):
                raise
        with _connected(path, "ro&immutable=1") as connection:
            return cls._read(path, connection)

    @classmethod
    def _read(cls: type[_T], path: Path, connection: sqlite3.Connection) -> _T:
        connection.execute("BEGIN")
        _check(path, connection)
        return cls(path, connection, writes=False)

    @classmethod
    def resume(cls: type[_T], path: str | Path) -> _T:
        """Open a store to go on with its campaign. Raises `ExperimentError` where that has other versions."""
        path = Path(path)
        shared = _log(path).exists()
        with _connected(path, "rw") as connection:
            _check(path, connection)
            _tune(connection)
            connection.execute("BEGIN IMMEDIATE")
            if shared:
                # A run holds the lock but for the moment in which it commits, and then waits for it.
                connection.execute("ROLLBACK")
                time.sleep(_RIVAL)
                connection.execute("BEGIN IMMEDIATE")
            # BEGIN alone succeeds on a file that cannot be written: https://sqlite.org/lang_transaction.html
            connection.execute("DELETE FROM done WHERE first < 0")
            store = cls(path, connection, writes=True)
            store.campaign.check_versions()
            return store

    @property
    def done(self) -> DoneRanges:
        """The positions that are done."""
        with errors_of(self.path):
            ranges = self._connection.execute("SELECT first, last + 1 FROM done").fetchall()
        try:
            return DoneRanges(range(first, end) for first, end in ranges)
        except ValueError as error:
            raise StoreError(_damaged(self.path, str(error))) from None

    def counts(self) -> dict[VerdictClass, int]:
        """Return how many experiments have each verdict; all classes are there."""
        counts = dict.fromkeys(VerdictClass, 0)
        with errors_of(self.path):
            for kind, count in self._connection.execute("SELECT class, count(*) FROM verdict GROUP BY class"):
                counts[self._class(kind)] = count
        counts[VerdictClass.CORRECT] = self.done.count - sum(counts.values())
        return counts

    def rows(self, kind: VerdictClass | None = None) -> Iterator[Row]:
        """Return the verdicts that are not correct, or those of one class, by ascending number; reads as it goes."""
        condition, values = ("", ()) if kind is None else (" WHERE class = ?", (int(kind),))
        with errors_of(self.path):
            for number, found, detail, replay_id, minimal_id in self._connection.execute(
                f"SELECT number, class, detail, replay_id, minimal_id FROM verdict{condition} ORDER BY number", values
            ):
                yield Row(number, Verdict(self._class(found), detail), replay_id, minimal_id)

    def find(self, number: int) -> Row | None:
        """Return the verdict of an experiment; None where it is correct, or not done."""
        with errors_of(self.path):
            found = self._connection.execute(
                "SELECT class, detail, replay_id, minimal_id FROM verdict WHERE number = ?", (number,)
            ).fetchone()
        return None if found is None else Row(number, Verdict(self._class(found[0]), found[1]), *found[2:])

    def _class(self, number: int) -> VerdictClass:
        try:
            return VerdictClass(number)
        except ValueError:
            # A database that is open for reading is not checked for this.
            raise StoreError(_damaged(self.path, f"a verdict of class {number}")) from None

    def record(self, positions: range, rows: Iterable[Row]) -> None:
        """Record that these positions are done, and the verdicts of those that are not correct.

        All of it is in the file when this returns, and nothing of it when it raises; ValueError where one of the
        positions is done already, or lies behind the last one.
        """
        if not positions or positions.step != 1 or positions.start < 0 or positions.stop > self.total:
            raise ValueError(f"{positions} is no range of a campaign's {self.total} positions")
        values = [
            (row.number, int(row.verdict.kind), row.verdict.detail, row.replay_id, row.minimal_id)
            for row in rows
            if row.verdict.kind is not VerdictClass.CORRECT
        ]
        with self._transaction() as connection:
            first, last = self._join(positions.start, positions.stop - 1)
            connection.execute("INSERT INTO done VALUES (?, ?)", (first, last))
            connection.executemany("INSERT INTO verdict VALUES (?, ?, ?, ?, ?)", values)

    def _join(self, first: int, last: int) -> tuple[int, int]:
        """Take out the ranges that touch one on either side; return what all of them are together."""
        near = self._connection.execute(
            "SELECT first, last FROM done WHERE first <= ? ORDER BY first DESC LIMIT 2", (last + 1,)
        ).fetchall()
        for begin, end in near:
            if begin <= last and end >= first:
                raise ValueError(f"positions {max(begin, first)} to {min(end, last)} are done already")
            if begin == last + 1 or end == first - 1:
                self._connection.execute("DELETE FROM done WHERE first = ?", (begin,))
                first, last = min(first, begin), max(last, end)
        return first, last

    def set_minimal(self, ids: Iterable[tuple[int, str]]) -> None:
        """Record the minimal ids of experiments, by number. Raises ValueError for one that has no verdict here."""
        with self._transaction() as connection:
            for number, minimal_id in ids:
                changed = connection.execute("UPDATE verdict SET minimal_id = ? WHERE number = ?", (minimal_id, number))
                if changed.rowcount != 1:
                    raise ValueError(f"experiment {number} has no verdict that is not correct")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done within, or nothing of it, and keep the lock that keeps other runs out."""
        connection = self._connection
        if not self._writes:
            raise ValueError(f"{self.path} is open for reading")
        with errors_of(self.path):
            if not connection.in_transaction:
                connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # After some errors (a full disk is one) SQLite has rolled back itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            connection.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("PRAGMA busy_timeout = 0")

    def close(self) -> None:
        """Close the file; what was recorded is in it, whether or not the disk has room for tidying up."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._connection.close()

    def __enter__(self: _T) -> _T:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _log(path: Path) -> Path:
    """SQLite removes this file when the last one closes the store: where it is, somebody has it open or was killed."""
    return path.with_name(f"{path.name}-wal")


def _is_written(path: Path) -> bool:
    log = _log(path)
    return log.exists() and log.stat().st_size > 0


@contextlib.contextmanager
def _connected(path: Path, mode: str, patience: int = 0) -> Iterator[sqlite3.Connection]:
    """Open the file, and close it again where what follows fails."""
    _refuse_other_files(path)
    with errors_of(path):
        name = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(name, timeout=patience, isolation_level=None, uri=True)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise


def _tune(connection: sqlite3.Connection) -> None:
    # In WAL mode this loses nothing to a kill, and whole transactions at most to a power cut.
    connection.execute("PRAGMA synchronous = NORMAL")


def _refuse_other_files(path: Path) -> None:
    """Raise `StoreError` for what SQLite would take for an empty database, or a broken disk."""
    if path.is_dir():
        raise StoreError(f"{path} is a directory; name a file in it")
    if not path.is_file():
        if path.exists():
            raise StoreError(f"{path} is no regular file; name one")
        return
    try:
        with path.open("rb") as file:
            begin = file.read(len(_MAGIC))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    if begin not in (b"", _MAGIC):
        raise StoreError(f"{path} is not a campaign's store: it is no SQLite database; choose another file")


def _refuse_occupied(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `StoreError` unless the database is empty, as a new one is."""
    identity = connection.execute("PRAGMA application_id").fetchone()[0]
    if identity == APPLICATION_ID:
        raise StoreError(f"{path} is there already, with a campaign in it; resume that, or choose another file")
    if identity or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StoreError(_foreign(path, identity))


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `StoreError` unless the database is a store of this format, and whole."""
    identity = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if identity != APPLICATION_ID:
        if not identity and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StoreError(f"{path} is empty: no campaign was begun in it; begin one")
        raise StoreError(_foreign(path, identity))
    if version > FORMAT:
        raise StoreError(f"{path} was written by a newer emu (format {version}; this one reads {FORMAT}); use that one")
    if version < 1:
        raise StoreError(_damaged(path, f"format {version}"))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if missing := [table for table in ("campaign", "class", "done", "verdict") if table not in tables]:
        raise StoreError(_damaged(path, f"no table {missing[0]!r}"))
    found = connection.execute("PRAGMA quick_check").fetchone()[0]
    if found != "ok":
        raise StoreError(_damaged(path, found))


def _foreign(path: Path, identity: int) -> str:
    whose = f"another program's database (application id {identity & 0xFFFFFFFF:#x})"
    return (
        f"{path} is not a campaign's store but {whose if identity else 'another SQLite database'}; choose another file"
    )


def _damaged(path: Path, what: str) -> str:
    return (
        f"{path} is damaged ({what.splitlines()[0]}); restore a copy of it, or run the campaign anew into another file"
    )
