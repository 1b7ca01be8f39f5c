# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu inject --what-if`: what it shows, its store, what runs again, and its mistakes."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from pathlib import Path

import pytest

from emu.campaign.plan.sample import Sample
from tests.campaign.what_if_drivers import driver
from tests.cli.command_line import Emu

PROFILE = ("--profiles", "skylake-server,smap=permit")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def line(name: str, *options: str) -> list[str]:
    """Return the command line for a driver of tests/campaign/what_if."""
    chosen = driver(name)
    Path(f"{name}.c").write_text(chosen.path.read_text())
    arguments = map(str, chosen.call.arguments)
    return ["inject", chosen.call.routine, *arguments, "--image", f"{name}.c", *PROFILE, "--what-if", *options]


def test_a_correct_driver_survives_everything(emu: Emu) -> None:
    ran = emu(*line("captures_correctly", "--pairs"))
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("CapturesCorrectly, what if 20 accesses to user memory (none) and 1 allocation fail")
    assert re.search(r"^  read +bytes 0 to 15 of arg0 +×16 +ntoskrnl!memcpy \(memory\.S:\d+\)$", ran.out, re.MULTILINE)
    assert re.search(
        r"^  allocate +20 bytes +captures_correctly!CapturesCorrectly$",
        ran.out,
        re.MULTILINE,
    )
    assert re.search(r"^  correct  232  100\.00%$", ran.out, re.MULTILINE)
    assert "Not correct" not in ran.out


def test_a_leak_is_shown_at_its_place_and_runs_again(emu: Emu) -> None:
    ran = emu(*line("leaks_pool"))
    assert (ran.status, ran.err) == (1, "")
    assert re.search(r"^  read +bytes 0 to 3 of arg0 +leaks_pool!LeaksPool .* 1 state-leak$", ran.out, re.MULTILINE)
    assert re.search(r"^  allocate +16 bytes +leaks_pool!LeaksPool \(leaks_pool\.c:15\)$", ran.out, re.MULTILINE)
    assert "Not correct  the first of 2\n" in ran.out, "the second one says the same"
    (command,) = re.findall(r"^    replay   emu (replay .*)$", ran.out, re.MULTILINE)
    assert command.endswith("/none@arg0+0,access=1")
    again = emu(*shlex.split(command))
    assert (again.status, again.err) == (0, "")
    assert "none@arg0+0,access=1 struck before" in " ".join(again.out.split())
    assert re.search(r"^Pool  1 block not freed$", again.out, re.MULTILINE)
    as_json = json.loads(emu(*shlex.split(command), "--json").out)
    assert as_json["settings"]["faults"] == ["none@arg0+0,access=1"]
    assert as_json["pool"][0]["tag"] == "Leak"


def test_a_pair_comes_down_to_the_one_that_fails_alone(emu: Emu) -> None:
    seed = next(seed for seed in range(99) if list(Sample(7, 1, seed)) == [4])
    ran = emu(*line("leaks_pool", "--pairs", "--sample", "1", "--seed", str(seed), "--json"))
    data = json.loads(ran.out)
    assert (ran.status, data["planned"], data["plan"]["pairs"], data["plan"]["sample"]) == (1, 1, True, 1)
    (failure,) = data["failures"]
    assert failure["replay_id"].endswith("/none@arg0+0,access=1/none@arg0+4,access=1")
    assert failure["minimal_id"].endswith("/irql=0/none@arg0+0,access=1")


def test_a_pair_that_fails_only_together(emu: Emu) -> None:
    ran = emu(*line("frees_twice_when_both_fail", "--pairs", "--json"))
    (failure,) = json.loads(ran.out)["failures"]
    assert failure["verdict"] == "bugcheck"
    assert failure["replay_id"].endswith("/none@arg0+0,access=1/no-memory@pool,access=1")
    assert not failure["minimal_id"], "neither of the two fails alone"


def test_an_exception_that_gets_out(emu: Emu) -> None:
    assert emu(*line("fetches_its_length_twice")).status == 0
    ran = emu(*line("fetches_its_length_twice", "--must-return", "--faults", "none,guard"))
    assert ran.status == 1
    assert "wrong-status  it raised STATUS_ACCESS_VIOLATION (0xC0000005), read of byte 0 of arg0, at" in ran.out
    assert "wrong-status  it raised STATUS_GUARD_PAGE_VIOLATION" in ran.out
    ran = emu(*line("fetches_its_length_twice", "--unguarded"))
    assert "bugcheck  bugcheck 0x1e KMODE_EXCEPTION_NOT_HANDLED: nobody took STATUS_ACCESS_VIOLATION" in ran.out
    assert "/unguarded/none@arg0+0,access=2\n" in ran.out


def test_a_store_is_resumed_and_reported(emu: Emu) -> None:
    ran = emu(*line("leaks_pool", "--store", "leaks.store"))
    assert ran.status == 1
    assert "emu report leaks.store -o report.html" in ran.out
    again = emu("inject", "--resume", "leaks.store")
    assert again.status == 1
    assert "0 experiments, 4 before" in again.out
    assert (
        again.out.partition("What can fail")[2].partition("Report")[0]
        == ran.out.partition("What can fail")[2].partition("Report")[0]
    )
    for name in ("report.json", "report.xml", "report.csv"):
        assert emu("report", "leaks.store", "-o", name).err == ""
        assert "is not freed" in Path(name).read_text()
    assert emu("report", "leaks.store", "-o", "report.html").err == ""
    assert Path("report.html").read_text().startswith("<!DOCTYPE html>")


def test_another_source_is_another_campaign(emu: Emu) -> None:
    emu(*line("leaks_pool", "--store", "leaks.store", "--sample", "1"))
    with sqlite3.connect("leaks.store") as connection:
        connection.execute("DELETE FROM done")
    connection.close()
    Path("leaks_pool.c").write_text("int LeaksPool(void) { return 0; }\n")
    ran = emu("inject", "--resume", "leaks.store")
    assert ran.status == 2
    assert "leaks_pool.c is no longer what the campaign was begun with" in ran.err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("--what-if", "--what-if needs a routine to call, and its arguments as for `emu run`"),
        ("f user:4", "argument 'user:4' is about a whole call; give --what-if, too, or leave it out"),
        ("f --pairs", "--pairs is about a whole call; give --what-if"),
        ("f --must-return", "--must-return is about a whole call"),
        ("f --stub A=1", "--stub is about a whole call"),
        ("f --unguarded", "--unguarded is about a whole call"),
        ("f --lenght 3", "No such option '--lenght'"),
        ("--lenght 3", "No such option '--lenght'"),
        ("f --what-if --pair", "No such option '--pair'"),
        ("f --what-if --lengths 3", "--lengths is about copies; leave it out with --what-if"),
        ("f --what-if --data 3", "--data is about copies"),
        ("f --what-if --oracle a.py:b", "--oracle is about copies"),
        ("f --what-if --irql 1-2", "--irql 1-2: a call is made at one; choose one"),
        ("f --what-if --irql 16", "irql 16 does not exist"),
        ("f --what-if --profiles nehalem,broadwell", "--profiles nehalem, broadwell: a call is made on one"),
        ("f sixty --what-if", "argument 'sixty': give an integer"),
        ("f --what-if --stub A", "--stub 'A': give NAME=VALUE"),
        ("f --what-if --faults none@every-byte", "faults 'none@every-byte': a what-if sweep finds the places itself"),
        ("f -1 --what-if", "there is no routine 'f'"),
        ("KeBugCheck 5 --what-if", "KeBugCheck fails without any fault: bugchecked: "),
        ("f --what-if --resume x", "--resume goes on with what x says"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(emu: Emu, given: str, says: str) -> None:
    ran = emu("inject", *shlex.split(given))
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("emu: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_a_mistake_leaves_no_store(emu: Emu) -> None:
    ran = emu("inject", "f", "--what-if", "--store", "x.store")
    assert ran.status == 2
    assert list(Path().iterdir()) == []
