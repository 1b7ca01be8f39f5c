# SPDX-License-Identifier: GPL-2.0-or-later
"""`--checks` of the verbs that make a call, and `emu checks`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from emu.checks.registry import check_names
from tests.cli.command_line import Emu

DIRECT = """
#include <ntddk.h>
ULONG Peek(volatile const ULONG *user)
{
    return *user;
}
"""
PEEK = "Peek user:64 --profile skylake-server,smap=permit --image peek.c"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A driver with a finding, in the current directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peek.c").write_text(DIRECT)
    return tmp_path


def data_of(emu: Emu, command: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(emu(*shlex.split(command), "--json").out)
    return data


@pytest.mark.usefixtures("source")
class TestFindings:
    @pytest.mark.parametrize("verb", ["run", "trace"])
    def test_a_finding_is_shown_and_is_exit_status_1(self, emu: Emu, verb: str) -> None:
        assert emu(verb, *shlex.split(PEEK)).status == 0
        ran = emu(verb, *shlex.split(PEEK), "--checks", "direct-user-access")
        assert ran.status == 1
        assert "direct-user-access: reads user memory without an accessor\n    at peek!Peek" in ran.out
        assert "(peek.c:5)" in ran.out
        assert "Checks  1 finding\n" in ran.out

    def test_it_is_found_again_by_the_command_that_is_shown(self, emu: Emu) -> None:
        out = emu("run", *shlex.split(PEEK), "--checks", "direct-user-access,irql").out
        again = next(line for line in out.splitlines() if line.startswith("Check again"))
        ran = emu(*shlex.split(again.removeprefix("Check again  emu ")))
        assert ran.status == 1
        assert "Checks  1 finding\n" in ran.out

    @pytest.mark.parametrize("verb", ["run", "trace"])
    def test_json(self, emu: Emu, verb: str) -> None:
        data = data_of(emu, f"{verb} {PEEK} --checks direct-user-access")
        assert data["checks"] == ["direct-user-access"]
        (finding,) = data["findings"]
        assert finding["check"] == "direct-user-access"
        assert (finding["where"]["symbol"], finding["where"]["file"], finding["where"]["line"]) == (
            "peek!Peek",
            "peek.c",
            5,
        )
        assert finding["replay"].startswith("Peek/image=peek.c/arg=user:64/")
        assert (data["suppressed"], data["unused_suppressions"]) == (0, [])
        assert "checks" not in data_of(emu, f"{verb} {PEEK}")

    def test_left_out_by_name(self, emu: Emu) -> None:
        ran = emu("run", *shlex.split(PEEK), "--checks", "irql,direct-user-access,-direct-user-access")
        assert ran.status == 0
        assert "\nChecks\n  none, by " in ran.out

    def test_of_part_of_a_trace(self, emu: Emu) -> None:
        ran = emu("trace", *shlex.split(PEEK), "--checks", "default", "--last", "1")
        assert ran.status == 1
        assert "direct-user-access" in ran.out


class TestCopy:
    def test_a_finding(self, emu: Emu) -> None:
        ran = emu("copy", "--irql", "2", "--checks", "irql")
        assert ran.status == 1
        assert "irql: CopyFromUser is called at DISPATCH_LEVEL (2)" in ran.out

    def test_nothing_is_found_in_a_right_one(self, emu: Emu) -> None:
        ran = emu("copy", "--fault", "none@src+37", "--checks", "default")
        assert "\nChecks\n  none, by " in ran.out

    @pytest.mark.usefixtures("source")
    def test_a_routine_of_ones_own_is_an_accessor(self, emu: Emu) -> None:
        Path("mine.c").write_text(
            "void Mine(volatile unsigned char *to, volatile const unsigned char *from, unsigned long long n)\n"
            "{ for (unsigned long long i = 0; i < n; i++) to[i] = from[i]; }\n"
        )
        command = "copy --routine Mine --image mine.c --profile nehalem --checks default"
        assert emu(*shlex.split(command)).status == 0
        assert emu(*shlex.split(command), "--irql", "2").status == 1


@pytest.mark.usefixtures("source")
class TestInject:
    def test_a_finding_of_a_sweep(self, emu: Emu) -> None:
        sweep = "inject --lengths 4,8 --faults none@src+1 --irql 0,2 --workers 1"
        ran = emu(*shlex.split(sweep), "--checks", "irql,overlap")
        assert ran.status == 1
        assert "1 finding; 4 of 4 experiments checked" in ran.out
        assert "irql: CopyFromUser is called at DISPATCH_LEVEL (2)" in ran.out
        again = next(line for line in ran.out.splitlines() if line.startswith("Check again"))
        assert emu(*shlex.split(again.removeprefix("Check again  emu "))).status == 1

    def test_of_a_call(self, emu: Emu) -> None:
        sweep = "inject --what-if Peek user:64 --image peek.c --profiles skylake-server,smap=permit --workers 1"
        data = data_of(emu, f"{sweep} --checks direct-user-access")
        assert [finding["check"] for finding in data["findings"]] == ["direct-user-access"]
        assert data["checked"] == data["fresh"]

    def test_a_clean_one(self, emu: Emu) -> None:
        data = data_of(emu, "inject --lengths 0-99 --faults none@every-byte --workers 1 --checks default")
        assert data["findings"] == []
        assert 32 < data["checked"] <= 64
        assert emu("inject", "--lengths", "1", "--checks", "irgl").status == 2


@pytest.mark.usefixtures("source")
class TestSuppressions:
    def test_what_is_suppressed_and_what_is_not_used(self, emu: Emu) -> None:
        Path("pyproject.toml").write_text("""
[[tool.umaccess-emu.checks.suppress]]
check = "direct-user-access"
symbol = "peek!P*"
reason = "until the next release"
[[tool.umaccess-emu.checks.suppress]]
check = "irql"
symbol = "Nowhere"
reason = "nobody knows"
""")
        ran = emu("run", *shlex.split(PEEK), "--checks", "direct-user-access,irql")
        assert ran.status == 0
        assert "Checks  1 suppressed\n" in ran.out
        assert "the suppression of irql in Nowhere (nobody knows) is not used" in ran.out
        data = data_of(emu, f"run {PEEK} --checks direct-user-access,irql")
        assert data["suppressed"] == 1
        assert data["unused_suppressions"] == [{"check": "irql", "symbol": "Nowhere", "reason": "nobody knows"}]


class TestMistakes:
    @pytest.mark.parametrize(
        ("selection", "message"),
        [
            ("irqls", "emu: there is no check 'irqls'; nearest: irql; `emu checks` lists them"),
            ("-overlaps", "emu: there is no check 'overlaps'; nearest: overlap; `emu checks` lists them"),
            ("zzz", "emu: there is no check 'zzz'; `emu checks` lists them"),
        ],
    )
    def test_an_unknown_check(self, emu: Emu, selection: str, message: str) -> None:
        ran = emu("copy", "--checks", selection)
        assert (ran.status, ran.err, ran.out) == (2, f"{message}\n", "")

    @pytest.mark.usefixtures("source")
    def test_in_pyproject(self, emu: Emu) -> None:
        Path("pyproject.toml").write_text("[tool.umaccess-emu.checks]\nselct = 1\n")
        ran = emu("copy", "--checks", "irql")
        assert ran.status == 2
        assert ran.err.endswith(
            "pyproject.toml: [tool.umaccess-emu.checks]: selct is unknown; there are select, accessors, suppress\n"
        )


class TestList:
    def test_every_check_says_what_it_is_worth(self, emu: Emu) -> None:
        checks = data_of(emu, "checks")["checks"]
        assert [check["name"] for check in checks] == list(check_names())
        for check in checks:
            assert all(check[part] for part in ("summary", "proves", "cannot_see", "cost")), check

    def test_one(self, emu: Emu) -> None:
        ran = emu("checks", "overlap")
        assert ran.status == 0
        assert ran.out.startswith("overlap  default\n  A copy is given two ranges that overlap.\n  Proves")

    def test_one_that_is_none(self, emu: Emu) -> None:
        assert emu("checks", "overlapped").status == 2
