# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs what is left of a campaign on any executor, and records it batch by batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Final, NamedTuple, TypeVar

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.campaign.run.batches import Batch, Pace, cut_batches
from emu.campaign.run.progress import Progress, ProgressReport
from emu.campaign.run.store import Row, Store
from emu.campaign.run.worker import BatchResult, name_experiment, run_batch

_T = TypeVar("_T")

WORKER_DIED: Final = Verdict(VerdictClass.EMULATOR_ERROR, "the worker process died")

_AHEAD: Final = 2
"""Batches that are handed to each worker at a time; one of them waits, so that none of the workers does."""

_PARTS: Final = 16
"""How many parts a batch is looked through in that ended its worker. Each that does so again costs a new worker."""

_PROOFS: Final = 2
"""How many workers have to die of an experiment alone: one may have been killed from outside."""


class _Suspect(NamedTuple):
    """A batch whose worker died; alone, without others beside it that could be to blame."""

    batch: Batch
    deaths: int = 0


def run_campaign(
    numbers: Sequence[int],
    store: Store,
    executor: Executor,
    progress: ProgressReport | None = None,
    workers: int | None = None,
) -> Progress:
    """Run the experiments of a campaign that are not done, and record each batch as it comes back.

    numbers   the plan's, in the order in which they run; a range, or anything with a length and items
    workers   how many batches the executor runs at a time; by default its `workers`, or 1

    When this is left, by an interrupt too, the store holds whole batches, and the same call goes on with the rest. An
    experiment that ends its worker's process is recorded as `WORKER_DIED`. Raises `ExperimentError` for what stops all
    of them, `StoreError`, and whatever `progress` raises.
    """
    if len(numbers) != store.total:
        raise ExperimentError(f"{store.path} is of a campaign of {store.total} experiments, not of {len(numbers)}")
    run = _Run(numbers, store, executor, progress, workers or int(getattr(executor, "workers", 1)))
    try:
        return run.run()
    finally:
        run.cancel()


class _Run:
    def __init__(
        self,
        numbers: Sequence[int],
        store: Store,
        executor: Executor,
        progress: ProgressReport | None,
        workers: int,
    ) -> None:
        self._store = store
        self._campaign = store.campaign
        self._executor = executor
        self._report = progress
        self._begin = time.monotonic()
        self._counts = store.counts()
        done = store.done
        self._done = done.count
        self._fresh = 0
        self._pace = Pace(workers)
        self._batches: Iterator[Batch] = cut_batches(numbers, done.missing(store.total), self._pace)
        self._ahead = workers * _AHEAD if workers > 1 else 1
        self._outstanding: dict[Future[BatchResult], Batch] = {}
        self._suspects: deque[_Suspect] = deque()

    def run(self) -> Progress:
        """Run all that is left."""
        self._announce()
        while self._fill() or self._suspects:
            finished, _ = wait(self._outstanding, return_when=FIRST_COMPLETED)
            died = [batch for future in finished if (batch := self._take(future)) is not None]
            self._suspects.extend(_Suspect(batch) for batch in sorted(died, key=lambda batch: batch.positions.start))
            if self._suspects and not self._outstanding:
                self._examine()
        return self._progress()

    def cancel(self) -> None:
        """Give up what has been handed out and not come back."""
        for future in self._outstanding:
            future.cancel()

    def _fill(self) -> bool:
        """Hand out batches, unless there are suspects; return whether any are to come back."""
        while not self._suspects and len(self._outstanding) < self._ahead:
            batch = next(self._batches, None)
            if batch is None:
                break
            try:
                self._outstanding[self._executor.submit(run_batch, self._campaign, batch.numbers)] = batch
            except BrokenExecutor:
                self._suspects.append(_Suspect(batch))
        return bool(self._outstanding)

    def _take(self, future: Future[BatchResult]) -> Batch | None:
        """Record what has come back, or return the batch if its worker died."""
        batch = self._outstanding.pop(future)
        try:
            result = _result_of(future)
        except BrokenExecutor:
            return batch
        self._pace.observe(len(batch.numbers), result.seconds)
        self._record(batch, result.rows)
        return None

    def _examine(self) -> None:
        """Run the suspects one at a time until it is known which experiments end their worker."""
        self._check_workers()
        while self._suspects:
            batch, deaths = self._suspects.popleft()
            try:
                result = _result_of(self._executor.submit(run_batch, self._campaign, batch.numbers))
            except BrokenExecutor:
                if len(batch.numbers) > 1:
                    self._suspects.extendleft(_Suspect(part) for part in reversed(batch.split(_PARTS)))
                elif deaths + 1 < _PROOFS:
                    self._suspects.appendleft(_Suspect(batch, deaths + 1))
                else:
                    number = batch.numbers[0]
                    replay_id = _result_of(self._executor.submit(name_experiment, self._campaign, number))
                    self._record(batch, [Row(number, WORKER_DIED, replay_id)])
            else:
                self._record(batch, result.rows)

    def _check_workers(self) -> None:
        """Raise `ExperimentError` where workers die without any experiment."""
        for _ in range(_PROOFS):
            try:
                _result_of(self._executor.submit(run_batch, self._campaign, ()))
            except BrokenExecutor:
                continue
            return
        raise ExperimentError(
            "the worker processes die while they set up, before any experiment: is there too little memory? "
            "run it in this process (one worker) to see more; what was recorded is kept"
        )

    def _record(self, batch: Batch, rows: list[Row]) -> None:
        self._store.record(batch.positions, rows)
        count = len(batch.positions)
        self._done += count
        self._fresh += count
        self._counts[VerdictClass.CORRECT] += count - len(rows)
        for row in rows:
            self._counts[row.verdict.kind] += 1
        self._announce()

    def _announce(self) -> None:
        if self._report is not None:
            self._report(self._progress())

    def _progress(self) -> Progress:
        seconds = time.monotonic() - self._begin
        return Progress(self._done, self._store.total, dict(self._counts), self._fresh, seconds)


def _result_of(future: Future[_T]) -> _T:
    try:
        return future.result()
    except CancelledError:
        raise ExperimentError("the executor gave up a batch; what was recorded is kept") from None
