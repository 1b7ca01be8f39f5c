# SPDX-License-Identifier: GPL-2.0-or-later
"""The executor that runs at once."""

import pytest

from emu.campaign.run.in_process import InProcessExecutor
from emu.campaign.run.worker import run_batch
from tests.campaign.made_workbench import MADE, made


def test_what_is_submitted_is_done_and_an_interrupt_goes_to_who_submitted() -> None:
    with InProcessExecutor() as executor:
        assert executor.submit(int, "7").result() == 7
        with pytest.raises(ValueError, match="seven"):
            executor.submit(int, "seven").result()

        def interrupted() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            executor.submit(interrupted)


def test_the_workbench_is_closed_with_it() -> None:
    MADE.clear()
    with InProcessExecutor() as executor:
        executor.submit(run_batch, made(), range(3)).result()
        assert not MADE[0].closed
    assert MADE[0].closed
