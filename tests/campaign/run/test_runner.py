# SPDX-License-Identifier: GPL-2.0-or-later
"""The same plan gives the same rows, whatever runs it, however often it is stopped, and whoever dies."""

from __future__ import annotations

import random
import tempfile
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.in_process import InProcessExecutor
from emu.campaign.run.process_pool import ProcessPool
from emu.campaign.run.progress import Progress
from emu.campaign.run.runner import run_campaign
from emu.campaign.run.store import Store
from emu.campaign.run.worker import BatchResult, run_batch
from tests.campaign.made_workbench import expected_rows, made

PLAN: Final = {"every": 9}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def check(store: Store, plan: dict[str, Any], numbers: Sequence[int]) -> None:
    """The store holds exactly what the plan says."""
    assert list(store.done) == [range(len(numbers))]
    assert list(store.rows()) == expected_rows(plan, numbers)


@pytest.mark.parametrize("executor", [InProcessExecutor, lambda: ThreadPoolExecutor(3), lambda: ProcessPool(2)])
def test_any_executor_gives_the_same_rows(path: Path, executor: Callable[[], Executor]) -> None:
    numbers = random.Random(2).sample(range(10**6), 3000)
    seen: list[Progress] = []
    with Store.create(path, made(**PLAN), len(numbers)) as store, executor() as pool:
        end = run_campaign(numbers, store, pool, seen.append)
        check(store, PLAN, numbers)
        assert end.counts == store.counts()
    assert [(each.done, each.fresh) for each in seen] == sorted((each.done, each.fresh) for each in seen)
    assert (seen[0].done, seen[-1].done, end.fresh) == (0, 3000, 3000)
    assert (seen[0].rate, seen[0].remaining_seconds) == (0, None)
    assert seen[-1].rate > 0
    assert seen[-1].remaining_seconds == 0
    assert all(sum(each.counts.values()) == each.done for each in seen)


class Stop(Exception):
    """Raised by a test's progress."""


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
def test_a_campaign_goes_on_where_it_was_stopped(path: Path, error: type[BaseException]) -> None:
    numbers = range(50_000)
    stops = random.Random(3)
    Store.create(path, made(**PLAN), len(numbers)).close()

    def stop(progress: Progress) -> None:
        if progress.fresh and stops.random() < 0.5:
            raise error

    runs = 0
    while True:
        runs += 1
        with Store.resume(path) as store, InProcessExecutor() as executor:
            before = store.done.count
            try:
                run_campaign(numbers, store, executor, stop)
            except error:
                assert store.done.count > before
            else:
                check(store, PLAN, numbers)
                break
    assert runs > 1


class Mortal(Executor):
    """Runs what is submitted in any order. What kills its worker breaks all that is pending, and so do a few others."""

    def __init__(self, workers: int, seed: int, kills: set[int]) -> None:
        self.workers = workers
        self.deaths = 0
        self._random = random.Random(seed)
        self._kills = kills
        self._lock = threading.Lock()
        self._pending: list[tuple[Future[Any], Callable[[], Any], Sequence[int]]] = []
        self._thread = ThreadPoolExecutor(1)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            self._pending.append((future, lambda: fn(*args), args[1] if fn is run_batch else ()))
        self._thread.submit(self._step)
        return future

    def _step(self) -> None:
        with self._lock:
            if not self._pending:
                return
            future, run, numbers = self._pending.pop(self._random.randrange(len(self._pending)))
            from_outside = len(numbers) > 1 and self._random.random() < 0.05
            if from_outside or not self._kills.isdisjoint(numbers):
                self.deaths += 1
                for broken in (future, *(each for each, *_ in self._pending)):
                    broken.set_exception(BrokenExecutor())
                self._pending.clear()
                return
        future.set_result(run())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._thread.shutdown(wait=wait)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6), st.sets(st.integers(0, 1999), max_size=4))
def test_what_kills_its_worker_is_found_and_costs_nothing_else(workers: int, seed: int, kills: set[int]) -> None:
    numbers = range(2000)
    with tempfile.TemporaryDirectory() as directory:
        # The executor knows what kills; the workbench does not do it.
        store = Store.create(Path(directory, "store"), made(**PLAN), len(numbers))
        with store, Mortal(workers, seed, kills) as executor:
            run_campaign(numbers, store, executor)
            assert executor.deaths >= 2 * len(kills)
            check(store, {**PLAN, "kills": kills}, numbers)


def test_an_experiment_that_ends_its_process_costs_that_one(path: Path) -> None:
    plan = {**PLAN, "kills": [40]}
    with Store.create(path, made(**plan), 200) as store, ProcessPool(2) as pool:
        run_campaign(range(200), store, pool)
        check(store, plan, range(200))


def test_workers_that_die_before_any_experiment_end_the_campaign(path: Path) -> None:
    with Store.create(path, made(setup="kill"), 100) as store, ProcessPool(2) as pool:
        with pytest.raises(ExperimentError, match="die while they set up"):
            run_campaign(range(100), store, pool)
        assert not store.done.count


class Broken(Executor):
    """Takes nothing."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise BrokenExecutor


class Cancelling(Executor):
    """Gives up whatever it is given."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


@pytest.mark.parametrize(("executor", "message"), [(Broken, "die while they set up"), (Cancelling, "gave up a batch")])
def test_an_executor_that_runs_nothing_ends_the_campaign(
    path: Path, executor: Callable[[], Executor], message: str
) -> None:
    with Store.create(path, made(), 100) as store, pytest.raises(ExperimentError, match=message):
        run_campaign(range(100), store, executor())


@pytest.mark.parametrize("executor", [InProcessExecutor, lambda: ProcessPool(2)])
def test_a_mistake_ends_the_campaign_and_keeps_what_was_recorded(path: Path, executor: Callable[[], Executor]) -> None:
    with Store.create(path, made(mistakes=[1500]), 2000) as store, executor() as pool:
        with pytest.raises(ExperimentError, match="experiment 1500 cannot be run"):
            run_campaign(range(2000), store, pool)
        assert 0 < store.done.count < 2000
        assert 1500 not in store.done


def test_the_numbers_are_as_many_as_the_store_says(path: Path) -> None:
    with (
        Store.create(path, made(), 100) as store,
        pytest.raises(ExperimentError, match=r"of 100 .*, not of 99"),
    ):
        run_campaign(range(99), store, InProcessExecutor())


def test_a_campaign_without_experiments_is_done(path: Path) -> None:
    with Store.create(path, made(), 0) as store:
        assert run_campaign(range(0), store, InProcessExecutor()).done == 0


class Scattered(Sequence[int]):
    """A million numbers that are made when they are asked for."""

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, position: int) -> int:  # type: ignore[override]
        return position * 7919 % 10**9


def test_a_million_experiments_take_little_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emu.campaign.run.runner.run_batch", lambda _, numbers: BatchResult([], len(numbers) / 20_000))
    with Store.create(path, made(), 1_000_000) as store:
        tracemalloc.start()
        try:
            run_campaign(Scattered(), store, InProcessExecutor())
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()
        assert store.done.count == 1_000_000
