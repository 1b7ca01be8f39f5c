# SPDX-License-Identifier: GPL-2.0-or-later
"""An executor without processes: the campaign runs where it is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from emu.campaign.run.worker import close_workbench

_P = ParamSpec("_P")
_T = TypeVar("_T")


class InProcessExecutor(Executor):
    """Runs what is submitted at once, and returns when it is done. An interrupt goes to whoever submitted."""

    workers = 1

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run a function; the future is done."""
        future: Future[_T] = Future()
        try:
            result = fn(*args, **kwargs)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give back the machines that are kept between batches."""
        close_workbench()
