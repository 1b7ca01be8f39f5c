# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign is begun with, and what it is not gone on with."""

import importlib.metadata
from pathlib import Path

import pytest

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.campaign import Campaign


def test_the_same_plan_is_the_same_campaign_in_whatever_order_it_is_written() -> None:
    one, other = Campaign.of({"a": 1, "b": ["ü"]}), Campaign.of({"b": ["ü"], "a": 1})
    assert one == other
    assert hash(one) == hash(other)
    assert one.read_plan() == {"a": 1, "b": ["ü"]}
    assert one.read_versions() == {
        "emu": importlib.metadata.version("umaccess-emu"),
        "engine": importlib.metadata.version("unicorn"),
    }
    one.check_versions()


def test_the_files_of_a_campaign_and_its_oracle_are_part_of_it(tmp_path: Path) -> None:
    image, judge = tmp_path / "copy.S", tmp_path / "judge.py"
    image.write_text("ret")
    judge.write_text("def judge(observation): ...")
    campaign = Campaign.of({}, [str(image)], oracle=f"{judge}:judge")
    assert set(campaign.read_versions()) == {"emu", "engine", f"file {image}", f"file {judge}"}
    campaign.check_versions()
    judge.write_text("def judge(observation): return True")
    with pytest.raises(ExperimentError, match=r"judge\.py is no longer what the campaign was begun with"):
        campaign.check_versions()
    judge.unlink()
    with pytest.raises(ExperimentError, match=r"judge\.py, .* No such file"):
        campaign.check_versions()


def test_another_version_is_named_with_the_one_that_is_here() -> None:
    campaign = Campaign("{}", '{"emu":"9.9"}')
    here = importlib.metadata.version("umaccess-emu")
    with pytest.raises(ExperimentError, match=rf"begun with emu 9\.9, and here is {here}; install that version"):
        campaign.check_versions()
    with pytest.raises(ExperimentError, match="begun with gpu 1, and here is none"):
        Campaign("{}", '{"gpu":"1"}').check_versions()


def test_a_file_that_cannot_be_read_begins_no_campaign(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"missing\.S"):
        Campaign.of({}, [str(tmp_path / "missing.S")])
