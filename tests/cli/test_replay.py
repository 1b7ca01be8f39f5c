# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu replay`: with the trace of what it runs, and what can be wrong with that."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from emu.trace import load
from tests.cli.command_line import Emu

FAULTS = "CopyFromUser/len=40/src=+4091/profile=nehalem/none@src+5"
WAITS = "CopyFromUser/len=40/profile=nehalem/paged-out@src+5,access=1"
CALL = "CopyFromUser/arg=kernel:8/arg=user:8/arg=8/profile=nehalem/irql=0/none@arg1+0"


@pytest.mark.parametrize("identity", [FAULTS, WAITS, CALL])
def test_its_trace_comes_behind_what_it_shows(emu: Emu, identity: str) -> None:
    alone, traced = emu("replay", identity), emu("replay", identity, "--trace")
    assert traced.status == alone.status
    assert traced.out.startswith(alone.out)
    listed = traced.out.removeprefix(alone.out)
    assert re.match(r"\nTrace\n  ── call umaccess!CopyFromUser\(", listed)
    assert re.search(r"^  ── (raised|returned) ", listed, re.MULTILINE)
    indices = [int(index) for index in re.findall(r"^  [ !] +(\d+)  ", listed, re.MULTILINE)]
    assert indices[:3] == [0, 1, 2]
    assert indices == sorted(indices)


@pytest.mark.parametrize("identity", [FAULTS, CALL])
def test_its_trace_is_written(emu: Emu, identity: str, tmp_path: Path) -> None:
    ran = emu("replay", identity, "-o", str(tmp_path / "it.trace"), "-o", str(tmp_path / "it.jsonl"))
    assert "the trace itself" in ran.out.partition("\nFiles\n")[2]
    trace = load(tmp_path / "it.trace")
    lines = [json.loads(line) for line in (tmp_path / "it.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) > len(trace) > 10
    assert trace.calls[0].function == "umaccess!CopyFromUser"


def test_it_is_judged(emu: Emu) -> None:
    assert "\nVerdict\n  correct: what the contract of a copy asks for\n" in emu("replay", FAULTS).out
    filled = emu("replay", "memset/len=8/profile=nehalem").out
    assert "\nVerdict\n  wrong-data: bytes 0 to 7 of 8 are wrong, the first is " in filled


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            "--trace --json",
            "--trace lists and --json prints data; write the trace with -o FILE.jsonl, or leave one out",
        ),
        (
            "-o - --format text",
            "-o - would mix the trace with what replay shows; give a file, or --trace for the listing",
        ),
        ("-o trace.unknown", "-o trace.unknown: no known extension; known: .txt, .jsonl,"),
        ("--format html", "--format html is about the files of -o; give one with -o FILE"),
    ],
)
def test_a_mistake(emu: Emu, arguments: str, says: str) -> None:
    ran = emu("replay", FAULTS, *arguments.split())
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"emu: {says}")
    assert ran.err.count("\n") == 1
