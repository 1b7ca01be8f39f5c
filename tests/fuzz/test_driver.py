# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m tests.fuzz`: what it says, and what it does with a failure."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import __main__ as driver
from tests.fuzz.minimise import reached
from tests.fuzz.record import Input, make_input
from tests.fuzz.targets import Target, load_target

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_plain_run_says_how_many_inputs_it_had(tmp_path: Path) -> None:
    done = run("unwinder", "--plain", "--runs", "20", "--work", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("unwinder: 20 inputs without a failure, ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "invalid choice: 'nothing' (choose from "),
        (("loader", "--runs", "0"), "argument --runs: 0 is less than 1"),
        (("loader", "--keep", "no/such"), "--keep no/such: no such directory; give a corpus directory that a run has"),
        (("all", "--keep", "."), "--keep takes one target at a time"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failure_is_shown_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def dislike_insertions(data: bytes) -> None:
        assert len(Input.decode(data).records) < 3, "three records"

    target = Target("loader", dislike_insertions, (make_input(),))
    assert driver._fuzz_plainly(target, 10_000, 1, tmp_path) == 1
    shown = capsys.readouterr()
    kept = (tmp_path / "crash").read_bytes()
    assert f"with {kept.hex()}\n" in shown.out
    assert "AssertionError: three records" in shown.err
    with pytest.raises(AssertionError):
        dislike_insertions(kept)


def test_what_an_input_reaches_depends_on_it() -> None:
    target = load_target("unwinder")
    first, second = (reached(target, data) for data in target.seeds[:2])
    assert first
    assert first != second
    assert reached(target, target.seeds[0]) == first
