# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu inject`: what it runs and shows, its stores, its exit status, its mistakes, and an interrupt."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emu.campaign.run.store import Store
from tests.cli.command_line import AS_A_PROGRAM, Emu, run_program

BROKEN = Path(__file__).parent.parent / "campaign" / "broken" / "off_by_one_in_tail.S"
SMALL = ("--lengths", "0-8", "--profiles", "nehalem")
BUG = ("OffByOneInTail", "--image", str(BROKEN), "--lengths", "0-9", "--faults", ",none@every-byte")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_copy_from_user_is_correct(emu: Emu) -> None:
    ran = emu("inject", *SMALL)
    assert (ran.status, ran.err) == (0, "")
    assert "CopyFromUser: 1 profile (nehalem) × 9 lengths (0-8)" in ran.out
    assert re.search(r"^45 experiments in [\d.]+ s, [\d,]+/s$", ran.out, re.MULTILINE)
    assert re.search(r"^  correct  45  100\.00%$", ran.out, re.MULTILINE)
    assert "Not correct" not in ran.out
    assert "Report" not in ran.out
    assert list(Path().iterdir()) == [], "nothing is kept without --store"


def test_axes_profiles_and_faults_multiply(emu: Emu) -> None:
    ran = emu(
        *("inject", "--lengths", "4,8", "--source-offsets", "0-3", "--target-offsets", "0,5", "--irql", "0-1"),
        *("--profiles", "nehalem,broadwell,smap=off", "--faults", ",guard@src+1", "--json"),
    )
    data = json.loads(ran.out)
    assert data["planned"] == data["done"] == 2 * 4 * 2 * 2 * 2 * 2
    assert data["plan"]["profiles"] == ["nehalem", "broadwell,smap=off"]
    assert (ran.status, data["clean"], data["store"], data["failures"]) == (0, True, None, [])


def test_a_broken_routine_is_shown_with_what_runs_it_again(emu: Emu) -> None:
    ran = emu("inject", *BUG)
    assert (ran.status, ran.err) == (1, "")
    assert re.search(r"^Not correct  the first \d that differ, of \d+$", ran.out, re.MULTILINE)
    assert "  wrong-data  byte 0 of 1 never landed\n" in ran.out
    assert re.search(
        r"^  wrong-status  it returned without an exception; none@src\+0 must raise", ran.out, re.MULTILINE
    )
    commands = re.findall(r"^    (?:replay |minimal)  emu (replay .*)$", ran.out, re.MULTILINE)
    assert len(commands) >= 2
    assert "/len=1/" in commands[0]
    again = emu(*shlex.split(commands[0]))
    assert again.status == 1
    assert "0 of 1 byte" in again.out


def test_a_failure_comes_down_to_the_smallest_one(emu: Emu) -> None:
    ran = emu("inject", *BUG[:3], "--lengths", "13", "--source-offsets", "5", "--faults", "", "--json")
    (failure,) = json.loads(ran.out)["failures"]
    assert failure["explanation"] == "byte 12 of 13 never landed"
    assert "/len=13/src=+5/" in failure["replay_id"]
    assert "/len=1/src=+0/" in failure["minimal_id"]


def test_a_sample_says_so(emu: Emu) -> None:
    ran = emu("inject", *SMALL, "--sample", "10", "--seed", "4")
    assert ran.status == 0
    assert "10 of them drawn with seed 4" in " ".join(ran.out.split())
    assert "10 experiments in" in ran.out


def test_a_store_is_kept_and_never_overwritten(emu: Emu) -> None:
    first = emu("inject", *SMALL, "--store", "mine.store")
    assert first.status == 0
    assert first.out.splitlines()[-1] == "Report  emu report mine.store -o report.html"
    before = Path("mine.store").read_bytes()
    second = emu("inject", *SMALL, "--store", "mine.store")
    assert (second.status, second.out) == (2, "")
    assert (
        second.err == "emu: mine.store is there already, with a campaign in it; resume that, or choose another file\n"
    )
    assert Path("mine.store").read_bytes() == before
    resumed = emu("inject", "--resume", "mine.store")
    assert resumed.status == 0
    assert "0 experiments, 45 before" in resumed.out


def test_a_resumed_campaign_does_what_is_left(emu: Emu) -> None:
    emu("inject", *BUG, "--store", "whole.store")
    whole = Store.open("whole.store")
    with Store.create("part.store", whole.campaign, whole.total) as part:
        part.record(range(20), [row._replace(minimal_id=None) for row in whole.rows() if row.number < 20])
    ran = emu("inject", "--resume", "part.store")
    assert ran.status == 1
    assert re.search(rf"^{whole.total - 20} experiments in .*, 20 before$", ran.out, re.MULTILINE)
    with whole, Store.open("part.store") as part:
        assert list(part.rows()) == list(whole.rows())
        assert part.done == whole.done


@pytest.mark.parametrize("where", [("--workers", "2"), ("--local-cluster", "1")])
def test_other_processes_find_the_same(emu: Emu, where: tuple[str, str]) -> None:
    if where[0] == "--local-cluster":
        pytest.importorskip("distributed")
    here = json.loads(emu("inject", *BUG, "--json", "--workers", "1").out)
    there = json.loads(run_program("inject", *BUG, "--json", *where).out)
    for data in (here, there):
        del data["seconds"]
    assert here == there


def test_an_oracle_of_the_users_own(emu: Emu) -> None:
    Path("judge.py").write_text(
        "def judge(observation):\n    if observation.case.length == 3: return 'state-leak: I dislike three'\n"
    )
    ran = emu("inject", "--lengths", "0-4", "--faults", "", "--oracle", "judge.py:judge")
    assert ran.status == 1
    assert "  state-leak  I dislike three\n" in ran.out
    assert re.search(r"^  correct     4  80\.00%\n  state-leak  1  20\.00%$", ran.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--lengths 5-x", "--lengths '5-x': a number or a range FIRST-LAST[:STEP] belongs here"),
        ("--lengths 9-5", "--lengths '9-5': it runs backwards; write 5-9"),
        ("--source-offsets 4096", "source offset 4096 lies outside a page; choose 0 to 4095"),
        ("--profiles 486", "unknown CPU model '486'; known: nehalem"),
        ("--faults none@every-bit", "faults 'none@every-bit'"),
        ("--faults none@src+99", "no length of 0-64 has that byte"),
        ("--irql 16", "irql 16 does not exist"),
        ("--sample 0", "a sample of 0: choose 1 or more"),
        ("--workers 0", "0 workers: choose 1 or more"),
        (
            "--workers 2 --local-cluster 2",
            "--workers and --local-cluster each say who runs the experiments; give one of them",
        ),
        ("--image nowhere.S my_copy", "nowhere.S"),
        ("CopyFromUsr", "there is no routine 'CopyFromUsr'; nearest: CopyFromUser"),
        ("--oracle judge.py:judge", "judge.py"),
        ("--resume nowhere.store", "nowhere.store does not exist"),
        ("--store nowhere/my.store", "nowhere is no directory; create it first"),
        ("--resume mine.store --lengths 5", "--resume goes on with what mine.store says; leave --lengths out"),
        ("CopyFromUser --resume mine.store", "leave routine CopyFromUser out"),
        ("--resume mine.store --store other.store", "leave --store out"),
    ],
)
def test_mistakes_are_one_line(emu: Emu, arguments: str, says: str) -> None:
    ran = emu("inject", *shlex.split(arguments))
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err
    assert ran.err.startswith("emu: ")
    assert ran.err.count("\n") == 1


def test_a_mistake_leaves_no_store_behind(emu: Emu) -> None:
    ran = emu("inject", "CopyFromUsr", "--store", "mine.store")
    assert ran.status == 2
    assert list(Path().iterdir()) == []


def test_an_interrupt_leaves_a_store_to_resume(emu: Emu) -> None:
    campaign = ("--lengths", "0-64", "--source-offsets", "0-15", "--target-offsets", "0-15")
    # A shell's background job may ignore interrupts, and so would its children.
    heeding = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {AS_A_PROGRAM}"
    process = subprocess.Popen(
        [sys.executable, "-c", heeding, "inject", *campaign, "--store", "mine.store", "--workers", "2"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    begin = time.monotonic()
    while not _recorded("mine.store"):
        assert time.monotonic() - begin < 60
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "emu: interrupted; resume with: emu inject --resume mine.store\n"
    done = _recorded("mine.store")
    assert done > 0
    shown = emu("report", "mine.store")
    assert f"{done:,} of 549,120 experiments are done" in shown.out
    assert shown.out.splitlines()[-1] == "Resume  emu inject --resume mine.store"


def _recorded(path: str) -> int:
    try:
        with Store.open(path) as store:
            return store.done.count
    except Exception:
        return 0  # It is not there yet, or not whole.


def test_progress_is_on_a_terminal_alone_and_on_standard_error() -> None:
    ran = run_program("inject", *SMALL)
    assert (ran.status, ran.err) == (0, "")
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AS_A_PROGRAM, "inject", *BUG[:3], "--lengths", "0-64"],
        stderr=slave,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    out, _ = process.communicate(timeout=60)
    os.close(slave)
    shown = os.read(master, 1 << 20).decode()
    os.close(master)
    assert "/s" in shown
    assert "wrong-data" in shown
    assert "\x1b" not in out
