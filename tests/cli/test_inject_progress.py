# SPDX-License-Identifier: GPL-2.0-or-later
"""What the progress bar of a campaign says."""

from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.run.progress import Progress
from emu.cli.inject_progress import describe


def progress(done: int, fresh: int, seconds: float, **bad: int) -> Progress:
    counts = {kind: bad.get(kind.name.lower(), 0) for kind in VerdictClass}
    counts[VerdictClass.CORRECT] = done - sum(bad.values())
    return Progress(done, 1_000_000, counts, fresh, seconds)


def test_rate_and_time_left_are_of_this_run() -> None:
    assert describe(progress(500_000, 100_000, 5.0)) == "500,000 of 1,000,000 · 20,000/s · 0:00:25 left"


def test_verdicts_that_are_not_correct_are_counted() -> None:
    assert describe(progress(1000, 1000, 0.5, wrong_data=3, timeout=1)).endswith("· 3 wrong-data · 1 timeout")


def test_before_the_first_batch_there_is_no_rate() -> None:
    assert describe(progress(2000, 0, 0.1)) == "2,000 of 1,000,000"
