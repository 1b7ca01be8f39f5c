# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges of the user's own, from a file: what they may answer, and what can be wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.campaign.judge.oracle import OracleError, load_oracle
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from tests.campaign.observations import case_of, observation_of

OBSERVATION = observation_of(case_of(4))


def write(directory: Path, answer: str) -> str:
    path = directory / "my_judge.py"
    path.write_text(
        "from emu.campaign.judge.verdict import Verdict, VerdictClass\n\n\ndef judge(observation):\n    "
        + answer
        + "\n"
    )
    return f"{path}:judge"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("return None", CORRECT),
        ("return True", CORRECT),
        ("return ''", CORRECT),
        ("return observation.source == observation.content", CORRECT),
        ("return 'byte 3 is odd'", Verdict(VerdictClass.WRONG_DATA, "byte 3 is odd")),
        ("return 'two\\nlines'", Verdict(VerdictClass.WRONG_DATA, "two lines")),
        ("return 'state-leak: rbx is 0'", Verdict(VerdictClass.STATE_LEAK, "rbx is 0")),
        ("return 'correct:'", CORRECT),
        ("return 'note: no class'", Verdict(VerdictClass.WRONG_DATA, "note: no class")),
        ("return Verdict(VerdictClass.TIMEOUT, 'slow')", Verdict(VerdictClass.TIMEOUT, "slow")),
        ("assert not observation.source, 'it is there'", Verdict(VerdictClass.WRONG_DATA, "it is there")),
        ("assert observation.case.length == 5", Verdict(VerdictClass.WRONG_DATA, "an assertion failed in line 5")),
    ],
)
def test_answers(tmp_path: Path, answer: str, verdict: Verdict) -> None:
    assert load_oracle(write(tmp_path, answer))(OBSERVATION) == verdict


def test_false_names_the_oracle(tmp_path: Path) -> None:
    name = write(tmp_path, "return False")
    assert load_oracle(name)(OBSERVATION) == Verdict(VerdictClass.WRONG_DATA, f"{name} answered False")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("return 5", "answered 5; a Verdict, True, False, None or text"),
        ("return (1, 'x')", "answered (1, 'x'); a Verdict"),
        ("return 1 / 0", "ZeroDivisionError: division by zero in line 5"),
        ("return observation.colour", "AttributeError: 'Observation' object has no attribute 'colour' in line 5"),
    ],
)
def test_answers_that_are_none(tmp_path: Path, answer: str, message: str) -> None:
    judge = load_oracle(write(tmp_path, answer))
    with pytest.raises(OracleError) as error:
        judge(OBSERVATION)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["", "judge", "my_judge.py", "my_judge.py:", ":judge", "my_judge.py:two words"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(OracleError, match=r"give a Python file and a function in it, as in judge\.py:judge"):
        load_oracle(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no file"),
        ("judge = 5\n", "has something else than a function under the name 'judge'"),
        ("", "has no function 'judge'"),
        ("def judge(:\n", "SyntaxError: invalid syntax"),
        ("import nothing_of_this_name\n", "ModuleNotFoundError: No module named 'nothing_of_this_name' in line 1"),
    ],
)
def test_files_that_cannot_be_loaded(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "broken_judge.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(OracleError) as error:
        load_oracle(f"{path}:judge")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_python_file(tmp_path: Path) -> None:
    path = tmp_path / "judge.txt"
    path.write_text("")
    with pytest.raises(OracleError, match=r"its name must end with \.py"):
        load_oracle(f"{path}:judge")


def test_a_dataclass_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "with_dataclass.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n\n"
        "@dataclass\nclass Seen:\n    length: int\n\n\n"
        "def judge(observation):\n    return str(Seen(observation.case.length))\n"
    )
    assert load_oracle(f"{path}:judge")(OBSERVATION) == Verdict(VerdictClass.WRONG_DATA, "Seen(length=4)")
