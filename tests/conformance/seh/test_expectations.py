# SPDX-License-Identifier: GPL-2.0-or-later
"""What the comments of a program can say, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.seh.programs import read_program, read_programs

COMMON = "/* expect\nexcept\nreturned 1\n*/\n"


def _write(directory: Path, text: str, name: str = "program.c") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def test_each_build_has_its_own(tmp_path: Path) -> None:
    text = f"long program(void);\n{COMMON}/* expect gnu: not asked\nraised 5\n*/\n/* expect wine: odd\nreturned 2\n*/\n"
    program = read_program(_write(tmp_path, text))
    assert program.name == "program"
    assert program.runs_in_user_mode
    assert program.expects("msvc") == ("except", "returned 1")
    assert program.expects("gnu") == ("raised 5",)
    assert program.expects_under_wine() == ("returned 2",)
    assert program.reasons == {"gnu": "not asked", "wine": "odd"}


def test_one_for_all(tmp_path: Path) -> None:
    program = read_program(_write(tmp_path, COMMON))
    assert program.expects("msvc") == program.expects("gnu") == program.expects_under_wine() == ("except", "returned 1")


def test_a_program_for_the_kernel_alone(tmp_path: Path) -> None:
    program = read_program(_write(tmp_path, "/* expect kernel: pool\nreturned 0\n*/\n"))
    assert not program.runs_in_user_mode
    assert program.expects("msvc") == program.expects("gnu") == ("returned 0",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "give one of `expect` and `expect kernel: REASON`"),
        (COMMON + "/* expect kernel: pool\nreturned 0\n*/\n", "give one of"),
        (COMMON + COMMON, "two expectations"),
        (COMMON + "/* expect wine\nreturned 0\n*/\n", "`expect wine` needs a reason"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_program(_write(tmp_path, text))


def test_two_of_one_name(tmp_path: Path) -> None:
    _write(tmp_path, COMMON)
    _write(tmp_path, COMMON, "program.S")
    with pytest.raises(ValueError, match=r"program\.S and program\.c: two programs of one name"):
        read_programs(tmp_path)
