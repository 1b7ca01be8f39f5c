# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu coverage`: what calls and trace files reach, the files it writes, JSON, mistakes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emu.cli.coverage_result import missed_lines
from emu.trace.coverage import FileCoverage
from tests.cli.command_line import Emu, Ran

GUEST = Path(__file__).parent / "guest"
IMAGES = ("--image", str(GUEST / "run.c"), "--image", str(GUEST / "endings.S"))
CALL = ("--stub", "ZwThing=-5", "--profile", "nehalem")
SOURCE = (GUEST / "run.c").read_text().splitlines()


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def covered(emu: Emu, line: str, *more: str, status: int = 0) -> Ran:
    ran = emu("coverage", *line.split(), *IMAGES, *CALL, *more)
    assert (ran.status, ran.err) == (status, "")
    return ran


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(SOURCE, 1) if text in line)


def test_lines_functions_and_parts_of_try_blocks(emu: Emu) -> None:
    shown = covered(emu, "sum_bytes user:64 64 kernel:80").out
    for row in (
        r"\Asum_bytes\(arg0 0x",
        r"^  file +lines +functions +__try parts$",
        r"^  endings\.S +0 of \d+ +0% +0 of 6$",
        r"^  run\.c +7 of 14 +50% +1 of 4 +1 of 3$",
        rf"^Not reached of run\.c\n  lines {line_of('caught after')}, {line_of('return ZwThing')}-\d+$",
        r"^  functions call_thing, leak, print_lines$",
        r"^  run\.c:\d+ __try/__except of sum_bytes: a filter that accepts, its __except$",
        r"^Outcome\n  returned 0x",
    ):
        assert re.search(row, shown, re.MULTILINE), row
    assert "Not reached of endings.S" not in shown, "all of it, as the table says"
    faulted = covered(emu, "sum_bytes user:64 64 kernel:80 --fault none@arg0+37").out
    assert re.search(r"^  run\.c +8 of 14 +57% +1 of 4 +3 of 3$", faulted, re.MULTILINE)
    assert "__try/__except" not in faulted.partition("Not reached")[2].partition("Outcome")[0]


def test_of_many_functions_that_were_not_reached_the_first_are_named(emu: Emu) -> None:
    """The call prints by way of an export stub, and the kernel image has hundreds of those."""
    shown = covered(emu, "print_lines 1", "--module", "ntoskrnl").out
    missed = shown.partition("Not reached of export_stubs.S\n")[2].partition("\n\n")[0]
    names = missed.partition("functions ")[2].split(",")
    assert len(names) == 13
    assert re.fullmatch(r"\s+and\s+\d{3} more", names[-1])


def test_a_block_that_was_not_entered_is_missed_whole(emu: Emu) -> None:
    shown = covered(emu, "identity 1").out
    assert re.search(r"^  run\.c +0 of 14 +0% +0 of 4 +0 of 3$", shown, re.MULTILINE)
    shown = covered(emu, "leak 8").out
    assert re.search(r"^  run\.c:\d+ __try/__except of sum_bytes: all of it$", shown, re.MULTILINE)


def test_without_an_image_the_kernels_own_files_are_shown_that_ran(emu: Emu) -> None:
    shown = emu("coverage", "CopyFromUser", "kernel:64", "user:64", "64").out
    assert re.search(r"^  copy\.inc +\d\d of \d\d ", shown, re.MULTILINE)
    assert re.search(r"^  ⋮ \d+ files more, of which nothing ran$", shown, re.MULTILINE)
    assert "strings.S" not in shown
    of_one = emu("coverage", "CopyFromUser", "kernel:64", "user:64", "64", "--module", "umaccess").out
    assert "guarded_call.S" not in of_one
    assert re.search(r"^  initialize\.S +0 of ", of_one, re.MULTILINE)


def test_a_call_that_raises_has_status_1(emu: Emu) -> None:
    assert "raised STATUS_INTEGER_DIVIDE_BY_ZERO" in covered(emu, "divide 1", status=1).out


def test_runs_are_summed_from_trace_files(emu: Emu) -> None:
    for name, fault in {"whole": (), "faulted": ("--fault", "none@arg0+37")}.items():
        line = "sum_bytes user:64 64 kernel:80"
        assert emu("trace", *line.split(), *IMAGES, *CALL, *fault, "-o", f"{name}.trace").status == 0
    both = ("--from", "whole.trace", "--from", "faulted.trace")
    whole = emu("coverage", *both, *IMAGES)
    assert (whole.status, whole.err) == (0, "")
    assert re.search(r"^  run\.c +8 of 14 +57% +1 of 4 +3 of 3$", whole.out, re.MULTILINE)
    assert "only what ran" not in whole.out
    assert "Outcome" not in whole.out
    with_a_call = covered(emu, "leak 8", *both).out
    assert re.search(r"^  run\.c +9 of 14 +64% +2 of 4 +3 of 3$", with_a_call, re.MULTILINE)


def test_of_a_trace_file_without_its_image_only_what_ran_is_known(emu: Emu) -> None:
    emu("trace", *["sum_bytes", "user:64", "64", "kernel:80"], *IMAGES, *CALL, "-o", "x.trace")
    ran = emu("coverage", "--from", "x.trace")
    assert ran.status == 0
    assert re.search(r"^  run\.c +7 of 7 +100% +1 of 1$", ran.out, re.MULTILINE)
    assert "of ntoskrnl, run only what ran is known: a trace file has no images; --image adds one" in " ".join(
        ran.out.split()
    )


def test_files_are_written(emu: Emu) -> None:
    line = "sum_bytes user:64 64 kernel:80"
    shown = covered(emu, line, "-o", "lcov.info", "-o", "x.drcov").out
    assert "lcov.info " in shown
    tracefile = Path("lcov.info").read_text()
    assert [text for text in tracefile.splitlines() if text.startswith("SF:")] == [
        f"SF:{GUEST / 'endings.S'}",
        f"SF:{GUEST / 'run.c'}",
    ]
    assert f"DA:{line_of('sum += source[at]')},64\n" in tracefile
    assert Path("x.drcov").read_bytes().startswith(b"DRCOV VERSION: 2\n")
    assert emu("trace", *line.split(), *IMAGES, *CALL, "-o", "other.info", "-o", "other.drcov").status == 0
    assert Path("other.info").read_text() == tracefile, "what emu trace writes"
    assert Path("other.drcov").read_bytes() == Path("x.drcov").read_bytes()
    covered(emu, line, "-o", "whatever", "--format", "lcov")
    assert Path("whatever").read_text() == tracefile


def test_standard_output_has_the_file_alone(emu: Emu) -> None:
    assert covered(emu, "identity 1", "-o", "-", "--format", "lcov").out.startswith("TN:\nSF:")


def test_json(emu: Emu) -> None:
    data = json.loads(covered(emu, "sum_bytes user:64 64 kernel:80", "--json", "-o", "x.info").out)
    assert data["outcome"]["kind"] == "returned"
    assert [module["name"] for module in data["modules"]] == ["run"]
    assert data["modules"][0]["is_whole"] is True
    sources: dict[str, dict[str, Any]] = {each["file"]: each for each in data["sources"]}
    run = sources["run.c"]
    assert run["lines"][str(line_of("sum += source[at]"))] == 64
    assert {each["name"]: each["reached"] for each in run["functions"]} == {
        "sum_bytes": True,
        "call_thing": False,
        "leak": False,
        "print_lines": False,
    }
    (block,) = run["try_blocks"]
    assert block["parts"] == {"body": 1, "accepted": 0, "except": 0}
    assert data["files"] == [{"path": "x.info", "format": "lcov", "bytes": Path("x.info").stat().st_size}]


def test_missed_lines_are_runs_that_a_reached_line_ends() -> None:
    file = FileCoverage("x.c", {2: 0, 3: 0, 7: 0, 8: 4, 9: 0, 12: 1, 20: 0}, (), ())
    assert missed_lines(file) == [(2, 7), (9, 9), (20, 20)]
    assert missed_lines(file._replace(lines={})) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "give a routine to call, as in emu coverage CopyFromUser kernel:64 user:64 64; or --from FILE.trace"),
        ("identit", "there is no routine 'identit'"),
        ("CopyFromUser --image no_such.S", "no_such.S: no such file"),
        ("CopyFromUser 0 0 0 --module copy", "--module copy: there is no such module; there are ntoskrnl, umaccess"),
        ("CopyFromUser 0 0 0 -o x.html", "-o x.html: no known extension; known: .info, .lcov, .drcov; --format"),
        ("CopyFromUser 0 0 0 -o x --format html", "--format 'html' does not exist; known: lcov, drcov"),
        ("CopyFromUser 0 0 0 -o no/such/x.info", "no/such/x.info: No such file or directory"),
        ("CopyFromUser 0 0 0 -o - --format lcov --json", "--json and -o - both write to standard output"),
        ("--from no_such.trace", "no_such.trace: No such file or directory"),
        ("--from cut.trace", "cut.trace"),
        ("--from x.trace --profile nehalem", "--profile is about a call, and there is none"),
        (
            f"--from x.trace --image {GUEST / 'run.c'}",
            "x.trace is of ntoskrnl, umaccess, my_copy, and --image gives run",
        ),
        ("--from x.trace --image my_copy.S", "x.trace is of another my_copy than --image gives: the code differs"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(emu: Emu, line: str, says: str) -> None:
    source = GUEST / "my_copy.S"
    traced = emu("trace", *["my_copy", "kernel:8", "user:8", "8", "-o", "x.trace"], "--image", str(source), *CALL)
    assert traced.status == 0
    Path("cut.trace").write_bytes(Path("x.trace").read_bytes()[:-20])
    Path("my_copy.S").write_text(source.read_text().replace("xor     eax, eax", "mov     eax, 0"))
    ran = emu("coverage", *line.split())
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("emu: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1
