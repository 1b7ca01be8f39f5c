# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as columns."""

from pathlib import Path

import pytest

from emu.campaign.judge.verdict import CORRECT
from emu.campaign.plan.fault_template import parse_fault_choices
from emu.campaign.report.grid import NOWHERE
from emu.campaign.report.results import CampaignResults
from emu.campaign.report.table import ResultTable
from emu.campaign.run.in_process import InProcessExecutor
from emu.campaign.run.runner import run_campaign
from emu.campaign.run.store import Store
from tests.campaign.report.made_store import first_byte, judged, make_store, small_sweep
from tests.campaign.what_if_drivers import campaign_of, driver


def test_the_columns_are_what_the_cases_say(tmp_path: Path) -> None:
    sweep = small_sweep(sample=900, seed=3)
    table = ResultTable.of(make_store(tmp_path / "c.store", sweep))
    assert table.number.tolist() == list(sweep.numbers())
    assert table.place_name == "faulting byte"
    for row, number in enumerate(table.number.tolist()):
        case = sweep.case(number)
        byte = first_byte(case)
        assert (table.length[row], table.place[row]) == (case.length, NOWHERE if byte is None else byte)
        assert (table.source[row], table.target[row]) == (case.source_offset % 16, case.target_offset % 16)
        assert table.verdict[row] == judged(case).kind
        profile, faults = table.layers[table.layer[row]]
        assert profile == str(case.profile)
        assert faults.startswith(case.faults[0].kind if case.faults else "")


@pytest.mark.parametrize(
    ("faults", "name", "places"),
    [
        ("skip@cpu,insn=3", "instruction", {3}),
        ("skip@cpu,insn=3,none@src+5", "faulting byte or instruction", {3, 5}),
        ("no-memory@pool,access=1", "faulting byte", {NOWHERE}),
        ("ro@dst+2", "faulting byte", {2}),
    ],
)
def test_a_fault_without_a_byte_is_at_its_instruction(tmp_path: Path, faults: str, name: str, places: set[int]) -> None:
    sweep = small_sweep(faults=parse_fault_choices([faults]))
    table = ResultTable.of(make_store(tmp_path / "c.store", sweep, lambda _: CORRECT))
    assert table.place_name == name
    assert set(table.place.tolist()) == places


def test_a_what_if_sweep_has_the_bytes_of_its_arguments(tmp_path: Path) -> None:
    plan = driver("leaks_pool").sweep()
    with Store.create(tmp_path / "w.store", campaign_of(plan), len(plan)) as store, InProcessExecutor() as here:
        run_campaign(plan.numbers(), store, here)
        table = ResultTable.of(CampaignResults(store))
    assert table.place_name == "faulting byte"
    assert table.place.tolist() == [NOWHERE, 0, 4, NOWHERE]
    assert table.length.tolist() == [0] * 4
    assert [table.layers[layer][1] for layer in table.layer] == [
        "",
        "none@every-access",
        "none@every-access",
        "no-memory@every-allocation",
    ]


def test_a_table_of_nothing(tmp_path: Path) -> None:
    table = ResultTable.of(make_store(tmp_path / "c.store", small_sweep(), done=range(1)))
    assert (len(table.number), table.layers) == (1, (("nehalem", "none@every-byte"),))
