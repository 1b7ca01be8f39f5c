# SPDX-License-Identifier: GPL-2.0-or-later
"""What a worker process does: it judges the experiments of a batch, on a workbench that it keeps for the next one."""

from __future__ import annotations

import contextlib
import gc
import importlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.store import Row
from emu.cpu.native_core import NativeCoreError
from emu.image import ImageError, UnknownSymbol
from emu.kernel.system import SystemNotBuilt
from emu.memory.errors import OutOfMemory
from emu.toolchain.errors import GuestBuildError, ToolchainMissing


class Workbench(Protocol):
    """A campaign's plan, and the machines and the judge for it; made from a `Campaign`."""

    def judge(self, number: int) -> Verdict:
        """Run an experiment by its number, and judge it. The verdict goes by the number, not by what ran before."""

    def replay_id(self, number: int) -> str:
        """Return the replay id of an experiment."""

    def close(self) -> None:
        """Give the machines back."""


class BatchResult(NamedTuple):
    """What came of a batch."""

    rows: list[Row]
    """Of the experiments that are not correct, in the batch's order."""
    seconds: float
    """What the experiments took, without setting up."""


_OBJECTS: Final = 100_000
"""That may be made before the collector looks through them."""

_MISTAKES: Final = (
    ExperimentError,
    GuestBuildError,
    ImageError,
    NativeCoreError,
    OSError,
    OutOfMemory,
    SystemNotBuilt,
    ToolchainMissing,
)
"""What would come of every experiment alike, and is for the user to mend."""


class _Kept:
    """The workbench that this process keeps; one thread at a time uses it."""

    lock = threading.RLock()
    campaign: Campaign | None = None
    workbench: Workbench | None = None


@contextlib.contextmanager
def _collecting_seldom() -> Iterator[None]:
    """An experiment makes hundreds of objects and hardly a cycle: to look for some so often takes a tenth of it."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def run_batch(campaign: Campaign, numbers: Sequence[int]) -> BatchResult:
    """Run and judge experiments. With no numbers at all, the workbench is set up and nothing else.

    What the emulator cannot run is a verdict. Raises `ExperimentError` for what the user has to mend before any
    experiment can run, RuntimeError where the workbench cannot be made.
    """
    with _Kept.lock, _collecting_seldom():
        workbench = _workbench_of(campaign)
        rows = []
        begin = time.perf_counter()
        try:
            for number in numbers:
                try:
                    verdict = workbench.judge(number)
                except _MISTAKES as error:
                    raise ExperimentError(_one_line(error)) from None
                except UnknownSymbol as error:
                    raise ExperimentError(_unknown(error)) from None
                except Exception as error:
                    verdict = Verdict(VerdictClass.EMULATOR_ERROR, f"{type(error).__name__}: {_one_line(error)}")
                    # Nobody knows what state it is in.
                    close_workbench()
                    workbench = _workbench_of(campaign)
                if verdict.kind:
                    rows.append(Row(number, verdict, workbench.replay_id(number)))
        except BaseException:
            close_workbench()
            raise
        return BatchResult(rows, time.perf_counter() - begin)


def name_experiment(campaign: Campaign, number: int) -> str:
    """Return the replay id of an experiment, without running it."""
    with _Kept.lock:
        return _workbench_of(campaign).replay_id(number)


def close_workbench() -> None:
    """Give back what this process keeps between batches."""
    with _Kept.lock:
        workbench, _Kept.workbench, _Kept.campaign = _Kept.workbench, None, None
        if workbench is not None:
            workbench.close()


def _workbench_of(campaign: Campaign) -> Workbench:
    if _Kept.workbench is None or _Kept.campaign != campaign:
        close_workbench()
        campaign.check_versions()
        module, _, name = campaign.workbench.partition(":")
        make: Callable[[Campaign], Workbench] = getattr(importlib.import_module(module), name)
        try:
            _Kept.workbench = make(campaign)
        except _MISTAKES as error:
            raise ExperimentError(_one_line(error)) from None
        except UnknownSymbol as error:
            raise ExperimentError(_unknown(error)) from None
        except Exception as error:
            # An exception of another class may not survive its way to the process that is waiting for it.
            raise RuntimeError(f"{type(error).__name__}: {_one_line(error)}") from error
        _Kept.campaign = campaign
    return _Kept.workbench


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _unknown(error: UnknownSymbol) -> str:
    nearest = f"; nearest: {', '.join(error.nearest)}" if error.nearest else ""
    return f"there is no routine {error.name!r}{nearest}"
