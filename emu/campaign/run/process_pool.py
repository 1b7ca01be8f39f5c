# SPDX-License-Identifier: GPL-2.0-or-later
"""Worker processes on this computer: replaced when they die, gone when the campaign's process is, however that ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ProcessPool(Executor):
    """Processes that are started afresh (not forked: threads and locks of this one would come along).

    When one dies, those that have been submitted and are not done end in BrokenProcessPool, and the next one that is
    submitted starts new processes.
    """

    def __init__(self, workers: int | None = None) -> None:
        """Take the number of processes; by default as many as there are cores that this process may use."""
        self.workers = workers or usable_cores()
        self._pool: ProcessPoolExecutor | None = None
        self._leash: tuple[Connection, Connection] | None = None

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Submit a function of a module. Starts processes where there are too few."""
        with interrupts_kept_out():
            if self._pool is not None:
                try:
                    return self._pool.submit(fn, *args, **kwargs)
                except BrokenProcessPool:
                    self.shutdown()
            context = multiprocessing.get_context("spawn")
            self._leash = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(self.workers, context, _start_worker, self._leash[:1])
            return self._pool.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """End the processes, at once and in the middle of whatever they do."""
        pool, self._pool = self._pool, None
        leash, self._leash = self._leash, None
        if pool is not None and leash is not None:
            pool.shutdown(wait=False, cancel_futures=cancel_futures)
            for end in leash:
                end.close()
            pool.shutdown(wait=wait)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def interrupts_kept_out() -> Iterator[None]:
    """Keep SIGINT from processes that are started within: Ctrl-C reaches all of a terminal's, and is for this one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It unblocks SIGINT when it starts, which it otherwise does together with the first worker.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(leash: Connection) -> None:
    """Ignore Ctrl-C, and wait beside the work for the other end of the leash to close: its process ends, or ends us.

    The pool's own processes do not notice that: they hold both ends of the pipe that they take their work from.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_for_end, args=(leash,), daemon=True).start()


def _wait_for_end(leash: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        leash.recv_bytes()
    os._exit(0)
