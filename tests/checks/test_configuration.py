# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of pyproject.toml: read, mistaken, and what is suppressed by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.address import Gva
from emu.checks import CheckError, Finding, Place
from emu.checks.configuration import (
    CheckConfiguration,
    Suppression,
    Suppressions,
    find_configuration,
    read_configuration,
)

TABLE = """
[tool.umaccess-emu.checks]
select = ["default", "-irql"]
accessors = { my_copy = "CopyFromUser" }

[[tool.umaccess-emu.checks.suppress]]
check = "irql"
symbol = "legacy!Peek*"
reason = "goes away"
"""


def finding(check: str, symbol: str) -> Finding:
    return Finding(check, "is wrong", Place(Gva(0x1000), symbol))


def read(tmp_path: Path, text: str) -> CheckConfiguration:
    path = tmp_path / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return read_configuration(path)


class TestReading:
    def test_everything(self, tmp_path: Path) -> None:
        assert read(tmp_path, TABLE) == CheckConfiguration(
            ["default", "-irql"],
            {"my_copy": "CopyFromUser"},
            (Suppression("irql", "legacy!Peek*", "goes away"),),
        )

    def test_nothing(self, tmp_path: Path) -> None:
        assert read(tmp_path, "[project]\nname = 'x'\n") == CheckConfiguration()
        assert read(tmp_path, "[tool]\n") == CheckConfiguration()

    def test_the_nearest_file_counts(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text(TABLE)
        inner = tmp_path / "a" / "b"
        inner.mkdir(parents=True)
        assert find_configuration(inner).accessors == {"my_copy": "CopyFromUser"}
        (inner / "pyproject.toml").write_text("")
        assert find_configuration(inner) == CheckConfiguration()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("select = 3", 'select = 3: give "default", "all", or a list of names'),
            ("selects = ''", "selects is unknown; there are select, accessors, suppress"),
            ("accessors = ['x']", "accessors = ['x']: give a table, as { my_copy = \"CopyFromUser\" }"),
            ("accessors = { x = 'Copy' }", "accessors.x = 'Copy' is no accessor; `emu accessors` lists them"),
            ("accessors = { x = 3 }", "accessors.x = 3 is no accessor; `emu accessors` lists them"),
            ("suppress = 3", "suppress = 3: write [[tool.umaccess-emu.checks.suppress]]"),
            ("suppress = [3]", "suppress: 3 is no table"),
            ("suppress = [{}]", "suppress: check is missing; each needs a check, a symbol and a reason"),
            (
                "suppress = [{ check = 'irql', symbol = 'x', reason = ' ' }]",
                "suppress: reason is missing; each needs a check, a symbol and a reason",
            ),
            (
                "suppress = [{ check = 'irgl', symbol = 'x', reason = 'y' }]",
                "there is no check 'irgl'; nearest: irql; `emu checks` lists them",
            ),
            ("suppress = [{ name = 'irql' }]", "name is unknown; there are check, symbol, reason"),
        ],
    )
    def test_mistakes(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(CheckError) as error:
            read(tmp_path, f"[tool.umaccess-emu.checks]\n{text}\n")
        assert str(error.value) == f"{tmp_path / 'pyproject.toml'}: [tool.umaccess-emu.checks]: {message}"

    def test_no_table(self, tmp_path: Path) -> None:
        with pytest.raises(CheckError, match=r"3 is no table$"):
            read(tmp_path, "[tool.umaccess-emu]\nchecks = 3\n")

    def test_what_is_no_toml(self, tmp_path: Path) -> None:
        with pytest.raises(CheckError, match=r"pyproject\.toml: Expected"):
            read(tmp_path, "[tool\n")


class TestSuppressions:
    @pytest.mark.parametrize(
        ("symbol", "where", "covered"),
        [
            ("driver!Peek", "driver!Peek+0x10", True),
            ("Peek", "driver!Peek+0x10", True),
            ("driver!*", "driver!Peek", True),
            ("P*", "driver!Peek", True),
            ("peek", "driver!Peek", False),
            ("other!Peek", "driver!Peek", False),
            ("Pee", "driver!Peek", False),
        ],
    )
    def test_symbols(self, symbol: str, where: str, covered: bool) -> None:
        suppression = Suppression("irql", symbol, "because")
        assert suppression.covers(finding("irql", where)) is covered
        assert not suppression.covers(finding("overlap", where))

    def test_which_are_used(self) -> None:
        used, unused = Suppression("irql", "Peek", "because"), Suppression("overlap", "Peek", "because")
        suppressions = Suppressions([used, unused])
        found = finding("irql", "driver!Peek")
        assert suppressions.leaves_out(found)
        assert not suppressions.leaves_out(finding("irql", "driver!Poke"))
        assert suppressions.suppressed == [(found, used)]
        assert suppressions.used == (used,)
        assert suppressions.unused(["irql", "overlap"]) == (unused,)
        assert suppressions.unused(["irql"]) == (), "nobody looked"
        suppressions.use([unused])
        assert suppressions.unused(["irql", "overlap"]) == ()

    def test_in_words(self) -> None:
        assert str(Suppression("irql", "Peek", "because")) == "irql in Peek (because)"
