# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that are replaced when they die, end in the middle of their work, and leave Ctrl-C to the campaign's."""

import os
import signal
import time
from concurrent.futures import BrokenExecutor

import pytest

from emu.campaign.run.process_pool import ProcessPool

posix = pytest.mark.skipif(os.name != "posix", reason="signals")


@posix
def test_a_process_that_died_is_replaced_and_ctrl_c_does_not_reach_it() -> None:
    with ProcessPool(1) as pool:
        first = pool.submit(os.getpid).result()
        assert pool.submit(signal.getsignal, signal.SIGINT).result() is signal.SIG_IGN
        assert signal.SIGINT in pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
        with pytest.raises(BrokenExecutor):
            pool.submit(os._exit, 3).result()
        second = pool.submit(os.getpid).result()
        assert second not in (first, os.getpid())


def test_a_pool_that_is_closed_does_not_wait_for_what_runs() -> None:
    begin = time.monotonic()
    with ProcessPool(1) as pool:
        pool.submit(os.getpid).result()
        pool.submit(time.sleep, 60)
    assert time.monotonic() - begin < 20


@posix
def test_this_process_is_interrupted_as_before() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with ProcessPool(1) as pool:
        pool.submit(os.getpid).result()
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
