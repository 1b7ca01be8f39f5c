# SPDX-License-Identifier: GPL-2.0-or-later
"""Campaigns on many computers, or on a cluster of this one's processes, with Dask (the extra `cluster`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.process_pool import interrupts_kept_out

if TYPE_CHECKING:
    from distributed import Client

_P = ParamSpec("_P")
_T = TypeVar("_T")

PATIENCE: Final = 10
"""Seconds to wait for a scheduler, and for its first worker."""


class WorkerLost(BrokenExecutor):
    """A worker died with a batch, more often than the scheduler hands one out again."""


class Cluster(Executor):
    """Hands batches to the workers of a Dask scheduler.

    What a worker had that died is handed to another one, as often as the scheduler's `allowed-failures` says; then the
    future ends in `WorkerLost`. Nothing is lost with a worker, and a batch that ran twice is recorded once.
    """

    def __init__(self, scheduler: str | None = None, local: int | None = None) -> None:
        """Connect to a scheduler (`tcp://HOST:PORT`), or start one here with `local` workers.

        Raises `ExperimentError` where Dask is not installed, or no worker is there in ten seconds.
        """
        if (scheduler is None) == (local is None):
            raise ExperimentError("name a scheduler, or how many workers a local cluster is to have")
        self.workers = 1
        self._at = scheduler or "of the local cluster"
        self._owned = ExitStack()
        with ExitStack() as owned:
            client = _connect(owned, scheduler, local or 0)
            self.workers = _wait_for_worker(client, self._at, local or 1)
            self._executor: Executor = client.get_executor(pure=False)
            self._owned = owned.pop_all()

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Hand out a function of a module."""
        inner = self._executor.submit(fn, *args, **kwargs)
        outer: Future[_T] = Future()

        def give_up(_: Future[_T]) -> None:
            if outer.cancelled():
                inner.cancel()

        def hand_on(_: Future[_T]) -> None:
            if not outer.set_running_or_notify_cancel():
                return
            if inner.cancelled():
                outer.set_exception(
                    ExperimentError(f"the scheduler {self._at} is gone, or was reset; what was recorded is kept")
                )
            elif (error := inner.exception()) is not None:
                outer.set_exception(_translate(error))
            else:
                outer.set_result(inner.result())

        outer.add_done_callback(give_up)
        inner.add_done_callback(hand_on)
        return outer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """Leave the scheduler, and end the local cluster. What has been handed out is given up."""
        self._owned.close()


def _connect(owned: ExitStack, scheduler: str | None, local: int) -> Client:
    try:
        import dask  # noqa: PLC0415 (an extra)
        from distributed import Client, LocalCluster  # noqa: PLC0415
    except ImportError:
        raise ExperimentError(
            "a cluster needs Dask, which is not installed: pip install 'umaccess-emu[cluster]'"
        ) from None
    # It logs with tracebacks what ends as an error of ours.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    # Ctrl-C is for this process. It starts the workers itself, from a thread that it starts here.
    with interrupts_kept_out():
        if scheduler is None:
            # A batch that ended its worker is looked into at once, instead of ending three others.
            with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
                cluster = owned.enter_context(
                    LocalCluster(
                        n_workers=local,
                        threads_per_worker=1,
                        memory_limit=0,
                        host="127.0.0.1",
                        dashboard_address="127.0.0.1:0",
                        silence_logs=logging.CRITICAL,
                    )
                )
            client: Client = owned.enter_context(Client(cluster))
            return client
        client = Client.__new__(Client)
        try:
            Client.__init__(client, scheduler, timeout=PATIENCE)
        except (OSError, ValueError) as error:
            # Else a garbage collection does, in any thread: also in one that Dask starts with the lock for that held.
            client.close()
            raise ExperimentError(
                f"there is no scheduler at {scheduler!r} ({' '.join(str(error).split())}); "
                "start one with `dask scheduler`, and name it as tcp://HOST:PORT"
            ) from None
        owned.enter_context(client)
        return client


def _wait_for_worker(client: Client, at: str, least: int) -> int:
    """Return how many batches the workers run at a time."""
    try:
        client.wait_for_workers(least, timeout=PATIENCE)
    except TimeoutError:
        raise ExperimentError(f"the scheduler {at} has no worker; start some: dask worker {at} --nthreads 1") from None
    # Each process works on one batch at a time, however many threads it has.
    return len(client.scheduler_info()["workers"])


def _translate(error: BaseException) -> BaseException:
    from distributed.scheduler import KilledWorker  # noqa: PLC0415

    if isinstance(error, KilledWorker):
        return WorkerLost(str(error))
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "emu":
        return ExperimentError("a worker has no umaccess-emu; install the same version there as here")
    return error
