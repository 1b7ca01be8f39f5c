# SPDX-License-Identifier: GPL-2.0-or-later
"""A store keeps whole batches, whatever happens to it, and says what is wrong with a file in one line."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.done import DoneRanges
from emu.campaign.run.store import APPLICATION_ID, FORMAT, Row, Store
from emu.campaign.run.store_error import StoreError
from tests.campaign.stores import CAMPAIGN, content, failing, read_only, run_limited

TOTAL = 40
needs_modes = pytest.mark.skipif(sys.platform != "linux", reason="root is bound by modes by Linux's capabilities")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "campaign ?#%41.store"


@pytest.fixture
def finished(path: Path) -> Path:
    with Store.create(path, CAMPAIGN, TOTAL) as store:
        store.record(range(10), [failing(3), failing(9)])
        store.record(range(20, 30), [])
    return path


class StoreMachine(RuleBasedStateMachine):
    """Batches in any order, against a set and a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.path = self.directory / "store"
        self.store = Store.create(self.path, CAMPAIGN, TOTAL)
        self.done: set[int] = set()
        self.rows: dict[int, Row] = {}

    @rule(first=st.integers(0, TOTAL - 1), length=st.integers(1, 9), data=st.data())
    def record(self, first: int, length: int, data: st.DataObject) -> None:
        positions = range(first, min(first + length, TOTAL))
        wrong = data.draw(st.sets(st.sampled_from(positions)))
        rows = [failing(each) if each in wrong else Row(each, CORRECT) for each in positions]
        if self.done.isdisjoint(positions):
            self.store.record(positions, rows)
            self.done.update(positions)
            self.rows.update((row.number, row) for row in rows if row.verdict is not CORRECT)
        else:
            with pytest.raises(ValueError, match="done already"):
                self.store.record(positions, rows)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def set_minimal(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.rows)))
        self.store.set_minimal([(number, "Copy/len=1")])
        self.rows[number] = self.rows[number]._replace(minimal_id="Copy/len=1")

    @rule()
    def fail_in_the_middle(self) -> None:
        free = next(DoneRanges(range(each, each + 1) for each in self.done).missing(TOTAL), None)
        if free is not None:
            # The second row breaks the table's rule that a number is there once.
            with pytest.raises(StoreError):
                self.store.record(free, [failing(TOTAL + 1), failing(TOTAL + 1)])

    @rule()
    def close_and_resume(self) -> None:
        self.store.close()
        assert [each.name for each in self.directory.iterdir()] == ["store"]
        self.store = Store.resume(self.path)

    @rule()
    def look_at_what_a_kill_would_leave(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            for file in self.directory.iterdir():
                if not file.name.endswith("-shm"):
                    shutil.copy(file, directory)
            with Store.open(Path(directory, "store")) as left:
                assert content(left) == content(self.store)

    @invariant()
    def agrees(self) -> None:
        assert {position for each in self.store.done for position in each} == self.done
        assert list(self.store.rows()) == [self.rows[number] for number in sorted(self.rows)]
        counts = self.store.counts()
        assert sum(counts.values()) == len(self.done)
        for kind in VerdictClass:
            same = [row for row in self.rows.values() if row.verdict.kind is kind]
            assert counts[kind] == (len(same) if kind else len(self.done) - len(self.rows))
            assert sorted(self.store.rows(kind)) == sorted(same)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.directory)


StoreMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
test_batches_in_any_order = StoreMachine.TestCase


def test_what_was_recorded_is_there_for_other_readers_at_once(path: Path) -> None:
    with Store.create(path, CAMPAIGN, TOTAL) as store:
        store.record(range(4), [failing(2)])
        with Store.open(path) as reader:
            assert content(reader) == ([range(4)], [failing(2)])
            store.record(range(4, 8), [])
            assert content(reader) == ([range(4)], [failing(2)])
        with Store.open(path) as reader:
            assert list(reader.done) == [range(8)]
            assert reader.campaign == CAMPAIGN
            assert reader.total == TOTAL
            with pytest.raises(ValueError, match="open for reading"):
                reader.record(range(8, 9), [])


def test_a_verdict_is_found_by_its_number(finished: Path) -> None:
    with Store.open(finished) as store:
        assert store.find(3) == failing(3)
        assert store.find(4) is None


def test_texts_come_back_as_they_were(path: Path) -> None:
    row = Row((1 << 63) - 1, Verdict(VerdictClass.WRONG_DATA, "‘Ünïcode’\t'; DROP TABLE done"), "a/b", "c")
    with Store.create(path, CAMPAIGN, 1) as store:
        store.record(range(1), [row])
        assert list(store.rows()) == [row]


@pytest.mark.parametrize("positions", [range(0), range(-1, 2), range(38, 41), range(0, 4, 2)])
def test_positions_that_a_campaign_does_not_have_are_refused(path: Path, positions: range) -> None:
    with Store.create(path, CAMPAIGN, TOTAL) as store, pytest.raises(ValueError, match="no range of"):
        store.record(positions, [])


def test_a_minimal_id_needs_a_verdict(finished: Path) -> None:
    with Store.resume(finished) as store:
        with pytest.raises(ValueError, match="experiment 4"):
            store.set_minimal([(3, "x"), (4, "x")])
        assert store.find(3) == failing(3)


def test_an_experiment_takes_less_than_64_bytes(path: Path) -> None:
    total = 1_000_000
    with Store.create(path, CAMPAIGN, total) as store:
        for first in reversed(range(0, total, 20_000)):
            store.record(range(first, first + 20_000), [failing(first, "byte 37 is 0x41, and 0xcc is expected")])
    assert path.stat().st_size < 64 * 1024


def test_rows_are_the_same_in_whatever_order_they_come(tmp_path: Path) -> None:
    batches = [(range(5), [failing(1)]), (range(5, 20), []), (range(20, 40), [failing(22), failing(30)])]
    stores = []
    for name, order in (("a", batches), ("b", batches[::-1])):
        with Store.create(tmp_path / name, CAMPAIGN, TOTAL) as store:
            for positions, rows in order:
                store.record(positions, rows)
            stores.append(content(store))
    assert stores[0] == stores[1]


def test_only_one_run_writes_at_a_time(path: Path) -> None:
    with Store.create(path, CAMPAIGN, TOTAL) as store:
        store.record(range(4), [])
        with pytest.raises(StoreError, match="in use by another run"):
            Store.resume(path)
        store.record(range(4, 8), [])
    with Store.resume(path) as store:
        assert list(store.done) == [range(8)]


def test_a_rival_that_slips_in_while_a_run_commits_withdraws(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.create(path, CAMPAIGN, TOTAL) as store:
        # As in the moment between COMMIT and the next BEGIN.
        store._connection.execute("COMMIT")
        monkeypatch.setattr("time.sleep", lambda _: store._connection.execute("BEGIN IMMEDIATE"))
        with pytest.raises(StoreError, match="in use by another run"):
            Store.resume(path)
        store.record(range(4), [])


def test_a_campaign_is_not_begun_twice_in_one_file(finished: Path) -> None:
    with pytest.raises(StoreError, match="is there already"):
        Store.create(finished, CAMPAIGN, TOTAL)
    with Store.open(finished) as store:
        assert store.done.count == 20


@pytest.mark.parametrize("begun", [b"", None], ids=["an empty file", "a database without tables"])
def test_a_store_whose_creation_was_interrupted_is_taken_over(path: Path, begun: bytes | None) -> None:
    if begun is None:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
    else:
        path.write_bytes(begun)
    for opened in (Store.open, Store.resume):
        with pytest.raises(StoreError, match="no campaign was begun in it"):
            opened(path)
    with Store.create(path, CAMPAIGN, TOTAL) as store:
        store.record(range(4), [])


def test_a_campaign_of_another_version_is_not_gone_on_with(path: Path) -> None:
    versions = Campaign.of({}).versions.replace('"emu":"', '"emu":"0.0.')
    Store.create(path, Campaign("{}", versions), TOTAL).close()
    with pytest.raises(ExperimentError, match=r"begun with emu 0\.0\."):
        Store.resume(path)
    Store.open(path).close()


def _text(path: Path) -> None:
    path.write_text("not a database, and long enough for its header to be read as one" * 20)


def _other(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE done (first)")
    connection.close()


def _identified(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA application_id = 0x0f055112")
    connection.close()


def _edited(statement: str) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        Store.create(path, CAMPAIGN, TOTAL).close()
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute(statement)
        connection.commit()
        connection.close()

    return edit


def _truncated(path: Path) -> None:
    Store.create(path, CAMPAIGN, TOTAL).close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5000)


def _overwritten(path: Path) -> None:
    Store.create(path, CAMPAIGN, TOTAL).close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def _note(path: Path) -> None:
    # SQLite takes what is shorter than its header for an empty database.
    path.write_text("three words only")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(_text, "it is no SQLite database", id="text"),
        pytest.param(_note, "it is no SQLite database", id="three words"),
        pytest.param(_other, "another SQLite database", id="another database"),
        pytest.param(_identified, r"another program's database \(application id 0xf055112\)", id="Fossil"),
        pytest.param(_edited(f"PRAGMA user_version = {FORMAT + 1}"), r"a newer emu \(format 2; this one", id="newer"),
        pytest.param(_edited("PRAGMA user_version = 0"), "damaged", id="no format"),
        pytest.param(_truncated, "damaged", id="truncated"),
        pytest.param(_overwritten, "damaged", id="overwritten"),
        pytest.param(_edited("DROP TABLE done"), "damaged .*'done'", id="no table"),
        pytest.param(_edited("DELETE FROM campaign WHERE name = 'plan'"), "damaged .*'plan'", id="no plan"),
        pytest.param(_edited("UPDATE campaign SET value = '{' WHERE name = 'plan'"), "damaged", id="half a plan"),
        pytest.param(_edited("UPDATE campaign SET value = 'x' WHERE name = 'total'"), "damaged", id="no total"),
        pytest.param(_edited("INSERT INTO done VALUES (0, 9), (5, 12)"), "damaged .*5 to 9", id="done twice"),
        pytest.param(_edited("INSERT INTO done VALUES (0, 40)"), "damaged .*position 40 of 40", id="too many"),
        pytest.param(
            _edited("INSERT INTO verdict VALUES (0, 9, '', '', '')"), "damaged .*(CHECK|of class 9)", id="no class"
        ),
        pytest.param(lambda path: path.mkdir(), "is a directory", id="directory"),
        pytest.param(lambda path: None, "does not exist", id="nothing"),
    ],
)
def test_what_is_no_store_is_refused_by_name_and_left_as_it_was(
    path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for opened in (Store.open, Store.resume):
        with pytest.raises(StoreError, match=message) as refusal:
            opened(path).counts()
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("make", [_text, _note, _other, _identified])
def test_nothing_else_is_overwritten_by_a_new_store(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a campaign's store"):
        Store.create(path, CAMPAIGN, TOTAL)
    assert path.read_bytes() == before


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no directory; create it first"):
        Store.create(tmp_path / "missing" / "store", CAMPAIGN, TOTAL)


def test_other_programs_can_read_it(finished: Path) -> None:
    connection = sqlite3.connect(finished)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    query = "SELECT label, count(*) FROM verdict JOIN class USING (class) GROUP BY class"
    assert connection.execute(query).fetchall() == [("state-leak", 1), ("bugcheck", 1)]
    connection.close()


def _pages(store: Store) -> Iterator[Row]:
    for number in range(100_000):
        yield failing(number, "x" * 100)


def test_a_full_database_keeps_what_was_recorded(path: Path) -> None:
    with Store.create(path, CAMPAIGN, 200_000) as store:
        store.record(range(10), [failing(200_001)])
        store._connection.execute("COMMIT")
        store._connection.execute("PRAGMA max_page_count = 60")
        with pytest.raises(StoreError, match="the disk is full; make room and resume"):
            store.record(range(10, 100_010), _pages(store))
        assert content(store) == ([range(10)], [failing(200_001)])
        store.record(range(20, 30), [])
    with Store.resume(path) as store:
        assert content(store) == ([range(10), range(20, 30)], [failing(200_001)])


FILL = """
import sys
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.store import Store
from tests.campaign.stores import CAMPAIGN, failing
with Store.create(sys.argv[1], CAMPAIGN, 1_000_000) as store:
    try:
        for first in range(0, 1_000_000, 500):
            store.record(range(first, first + 500), [failing(n, "x" * 100) for n in range(first, first + 500)])
            print(first + 500, flush=True)
    except ExperimentError as error:
        sys.exit(str(error))
"""


@needs_modes
def test_a_full_disk_is_said_in_one_line_and_keeps_whole_batches(path: Path) -> None:
    filled = run_limited(FILL, path, file_size=1_500_000)
    assert filled.returncode == 1
    assert filled.stderr.count("\n") == 1
    assert "is the disk full" in filled.stderr
    recorded = int(filled.stdout.split()[-1])
    with Store.resume(path) as store:
        assert list(store.done) == [range(recorded)]
        assert [row.number for row in store.rows()] == list(range(recorded))
        store.record(range(recorded, recorded + 500), [])


OPEN = """
import sys
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.store import Store
from tests.campaign.stores import CAMPAIGN
for doing in (Store.open, Store.resume, lambda path: Store.create(path + "2", CAMPAIGN, 1)):
    try:
        with doing(sys.argv[1]) as store:
            print(store.done.count)
    except ExperimentError as error:
        print(error)
"""


@needs_modes
def test_a_store_on_a_read_only_medium_can_be_read_and_is_not_written(finished: Path) -> None:
    before = finished.read_bytes()
    with read_only(finished.parent):
        read, resumed, created = run_limited(OPEN, finished).stdout.splitlines()
    assert read == "20"
    assert resumed.startswith(f"{finished} cannot be written: the file, its directory or its file system is read-only")
    assert created == f"{finished}2 does not exist, and cannot be created where its directory is not writable"
    assert finished.read_bytes() == before


@needs_modes
def test_a_read_only_store_in_a_directory_that_is_not_is_not_written_either(finished: Path) -> None:
    finished.chmod(0o444)
    read, resumed, _ = run_limited(OPEN, finished).stdout.splitlines()
    assert read == "20"
    assert "cannot be written" in resumed
