# SPDX-License-Identifier: GPL-2.0-or-later
"""Campaigns on a real Dask cluster of two worker processes."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.cluster import Cluster
from emu.campaign.run.progress import Progress
from emu.campaign.run.runner import run_campaign
from emu.campaign.run.store import Store
from tests.campaign.made_workbench import expected_rows, made


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(local=2) as cluster:
        assert cluster.workers == 2
        yield cluster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_worker_that_is_killed_in_mid_campaign_costs_nothing(path: Path, cluster: Cluster) -> None:
    plan = {"every": 9, "seconds": 0.0005}
    victims = [cluster.submit(os.getpid).result()]
    deaths = []

    def kill(progress: Progress) -> None:
        if progress.fresh > 500 and victims:
            deaths.append(progress.fresh)
            os.kill(victims.pop(), signal.SIGKILL)

    with Store.create(path, made(**plan), 3000) as store:
        end = run_campaign(range(3000), store, cluster, kill)
        assert list(store.done) == [range(3000)]
        assert list(store.rows()) == expected_rows(plan, range(3000))
    assert deaths
    assert deaths[0] < 3000
    assert end.fresh == 3000


def test_an_experiment_that_ends_its_worker_is_recorded_as_that(path: Path, cluster: Cluster) -> None:
    plan = {"every": 9, "kills": [2]}
    with Store.create(path, made(**plan), 3) as store:
        run_campaign(range(3), store, cluster)
        assert list(store.done) == [range(3)]
        assert list(store.rows()) == expected_rows(plan, range(3))


def test_a_mistake_comes_back_from_the_worker(path: Path, cluster: Cluster) -> None:
    with (
        Store.create(path, made(mistakes=[50]), 100) as store,
        pytest.raises(ExperimentError, match="experiment 50 cannot be run"),
    ):
        run_campaign(range(100), store, cluster)


def test_a_scheduler_elsewhere_is_used_until_it_is_gone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster  # noqa: PLC0415 (takes a second)

    monkeypatch.setattr("emu.campaign.run.cluster.PATIENCE", 3)
    plan = {"every": 9, "seconds": 0.001}
    outside = LocalCluster(
        n_workers=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address="127.0.0.1:0"
    )

    def end(progress: Progress) -> None:
        if progress.fresh:
            outside.close()

    with outside, Cluster(outside.scheduler_address) as cluster, Store.create(path, made(**plan), 500) as store:
        assert cluster.workers == 1
        with pytest.raises(ExperimentError, match=r"the scheduler tcp://.* is gone, or was reset; what was recorded"):
            run_campaign(range(500), store, cluster, end)
        done = store.done
        assert 0 < done.count < 500
        assert list(store.rows()) == [row for row in expected_rows(plan, range(500)) if row.number in done]


def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emu.campaign.run.cluster.PATIENCE", 0.2)
    with pytest.raises(ExperimentError, match=r"no scheduler at 'tcp://127\.0\.0\.1:9'.*name it as tcp://HOST:PORT"):
        Cluster("tcp://127.0.0.1:9")
    with pytest.raises(ExperimentError, match=r"no scheduler at 'nonsense://x'"):
        Cluster("nonsense://x")


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_a_client_that_cannot_connect_is_closed_at_once(monkeypatch: pytest.MonkeyPatch, scheduler: str) -> None:
    """One that is left to the garbage collection is closed by it in any thread, and may lock Dask up."""
    from distributed import Client  # noqa: PLC0415 (takes a second)

    monkeypatch.setattr("emu.campaign.run.cluster.PATIENCE", 0.2)
    before = {id(each) for each in gc.get_objects() if isinstance(each, Client)}
    with pytest.raises(ExperimentError) as raised:
        Cluster(scheduler)
    clients = [each for each in gc.get_objects() if isinstance(each, Client) and id(each) not in before]
    assert [each.status for each in clients] == ["closed"]
    del raised


def test_a_scheduler_without_workers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster  # noqa: PLC0415 (takes a second)

    monkeypatch.setattr("emu.campaign.run.cluster.PATIENCE", 0.2)
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(ExperimentError, match="has no worker; start some: dask worker tcp://"),
    ):
        Cluster(empty.scheduler_address)


def test_one_of_both_is_chosen() -> None:
    for scheduler, local in ((None, None), ("tcp://127.0.0.1:9", 2)):
        with pytest.raises(ExperimentError, match="name a scheduler, or how many"):
            Cluster(scheduler, local)


def test_dask_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExperimentError, match=r"pip install 'umaccess-emu\[cluster\]'"):
        Cluster(local=2)
