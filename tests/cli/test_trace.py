# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu trace`: the listing and the summary, every format, trace files, comparisons, mistakes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emu.cli import watched_trace
from emu.trace import Chunk, Trace, load
from emu.trace.formats import json_lines
from tests.cli.command_line import AS_A_PROGRAM, Emu, Ran

GUEST = Path(__file__).parent / "guest"
IMAGE = ("--image", str(GUEST / "my_copy.S"), "--profile", "nehalem")
LINE = "my_copy kernel:64 user:64 64"
INSTRUCTIONS = 457
"""Of a copy of 64 bytes: 7 a byte, and 9 around them."""


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trace(emu: Emu, *more: str, line: str = LINE) -> Ran:
    ran = emu("trace", *line.split(), *more, *IMAGE)
    assert ran.err == ""
    return ran


def test_the_listing_stands_between_the_call_and_its_outcome(emu: Emu) -> None:
    line = (GUEST / "my_copy.S").read_text().splitlines().index("    mov     r9b, [rdx + rax]") + 1
    ran = trace(emu)
    assert ran.status == 0
    for shown in (
        r"\Amy_copy\(arg0 0xffff[0-9a-f]{12}, arg1 0x[0-9a-f]{16}, 64\)\nnehalem, no SMAP .*\n\n",
        r"^── call my_copy!my_copy\(arg0, arg1, 0x40\)$",
        rf"^ +5  :{line} +my_copy!my_copy\+0xb +mov r9b, byte ptr \[rdx \+ rax\] +read arg1\+0 = 0x[0-9a-f]{{2}}",
        r"^ +…  the 7 instructions above 62 times more: reads arg1\+1\.\.62, writes arg0\+1\.\.62$",
        rf"^── returned 0x0, {INSTRUCTIONS} instructions\n\nOutcome\n  returned 0x0\n  {INSTRUCTIONS} instr.*, 130 acc",
    ):
        assert re.search(shown, ran.out, re.MULTILINE), shown
    assert "\x1b" not in ran.out


def test_a_fault_is_listed_and_ends_the_call(emu: Emu) -> None:
    line = "CopyFromUser kernel:96 user:96 96 --fault none@arg1+77 --fault none@arg1+80"
    ran = emu("trace", *line.split())
    assert (ran.status, ran.err) == (1, "")
    assert "\n!    123  " in ran.out
    assert "  ·  #PF error code 0x0" in ran.out
    assert "note: byte 80 of arg1 shares its page with bytes 77 to 79" in ran.out
    assert "raised STATUS_ACCESS_VIOLATION (0xC0000005), read of byte 77 of arg1" in ran.out.partition("\nOutcome")[2]


def test_colours_are_for_terminals(emu: Emu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[33mread arg1+0 = " in trace(emu).out, "an access to a user page is yellow"
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[33m" not in trace(emu).out


@pytest.mark.parametrize(
    ("options", "count", "first", "last"),
    [
        (("--no-fold",), INSTRUCTIONS, 0, INSTRUCTIONS - 1),
        (("--no-fold", "--range", "100:200"), 100, 100, 199),
        (("--no-fold", "--range", ":7"), 7, 0, 6),
        (("--no-fold", "--range", "450:"), 7, 450, 456),
        (("--no-fold", "--only", "my_copy"), INSTRUCTIONS - 2, 0, INSTRUCTIONS - 3),
        (("--no-fold", "--only", "my_copy!"), INSTRUCTIONS - 2, 0, INSTRUCTIONS - 3),
        (("--no-fold", "--only", "my_copy!my_copy"), INSTRUCTIONS - 2, 0, INSTRUCTIONS - 3),
        (("--only", "ntoskrnl"), 2, 0, 1),
        (("--only", "KiGuardedCall", "--only", "ntoskrnl!KiGuardedCall"), 2, 0, 1),
        (("--no-fold", "--last", "5"), 5, 0, 4),
        (("--begin", "my_copy!my_copy+0xb", "--end", "my_copy+0xf", "--no-fold"), 64, 0, 63),
        (("--follow", "--range", "3:5"), 2, 3, 4),
    ],
)
def test_what_is_listed(emu: Emu, options: tuple[str, ...], count: int, first: int, last: int) -> None:
    indices = [int(found) for found in re.findall(r"^[ !] {0,6}(\d+)  :", trace(emu, *options).out, re.MULTILINE)]
    assert (len(indices), indices[0], indices[-1]) == (count, first, last)


def test_user_only_leaves_out_kernel_accesses(emu: Emu) -> None:
    shown = trace(emu, "--user-only").out
    assert "read arg1+0" in shown
    assert "write arg0+0" not in shown


def test_the_summary_says_who_copied_and_where_the_work_was(emu: Emu) -> None:
    shown = trace(emu, "--summary").out
    assert "source: arg1, 64 bytes at 0x" in shown
    assert "0..63 read once, 1 byte at a time upwards, by my_copy!my_copy+0xb\n" in shown
    assert "0..63 written once, 1 byte at a time upwards, by my_copy!my_copy+0x10, from source 0..63" in " ".join(
        shown.split()
    )
    assert re.search(r"^  my_copy!my_copy +455 +99\.6% +64 +8 +64$", shown, re.MULTILINE)
    assert re.search(r"^  cmp +65 ", shown, re.MULTILINE)
    assert "── call" not in shown


def test_the_summary_of_what_is_no_copy(emu: Emu) -> None:
    def summary(line: str) -> str:
        return emu("trace", *line.split(), "--summary", "--profile", "nehalem", *RUN).out

    assert summary("sum_bytes user:8 8 kernel:8").count("\nCopy\n") == 1
    alone = summary("store kernel:8 1")
    assert "  target: arg0, 8 bytes" in alone
    assert "written once" in alone
    assert "\nCopy" not in summary("identity 1")


RUN = ("--image", str(GUEST / "run.c"), "--image", str(GUEST / "endings.S"), "--stub", "ZwThing=-5")


def is_text(content: bytes) -> bool:
    return content.startswith("── call my_copy!my_copy(arg0".encode())


def is_json_lines(content: bytes) -> bool:
    lines = content.splitlines()
    return json.loads(lines[0])["format"] == json_lines.FORMAT and len(lines) == INSTRUCTIONS + 1


def is_tenet(content: bytes) -> bool:
    return content.startswith(b"rax=0x") and len(content.splitlines()) == INSTRUCTIONS + 1


def is_drcov(content: bytes) -> bool:
    return content.startswith(b"DRCOV VERSION: 2\n") and b"count 1\n" in content.splitlines(keepends=True)[2]


def is_lcov(content: bytes) -> bool:
    return content.startswith(f"TN:\nSF:{GUEST / 'my_copy.S'}\n".encode()) and content.count(b"SF:") == 1


def is_trace_event(content: bytes) -> bool:
    return any(event.get("name") == "my_copy!my_copy" for event in json.loads(content)["traceEvents"])


def is_parquet(content: bytes) -> bool:
    return content[:4] == content[-4:] == b"PAR1"


def is_html(content: bytes) -> bool:
    return content.startswith(b"<!DOCTYPE html>") and b"</html>" in content


def is_trace(content: bytes) -> bool:
    Path("again").write_bytes(content)
    return len(load("again")) == INSTRUCTIONS


FORMATS: dict[str, tuple[str, Callable[[bytes], bool]]] = {
    "x.txt": ("text", is_text),
    "x.jsonl": ("jsonl", is_json_lines),
    "x.tenet": ("tenet", is_tenet),
    "x.tenet.txt": ("tenet", is_tenet),
    "x.drcov": ("drcov", is_drcov),
    "x.info": ("lcov", is_lcov),
    "X.LCOV": ("lcov", is_lcov),
    "x.json": ("trace-event", is_trace_event),
    "x.parquet": ("parquet", is_parquet),
    "x.html": ("html", is_html),
    "x.trace": ("trace", is_trace),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_goes_by_the_extension_or_by_its_name(emu: Emu, name: str) -> None:
    format_name, recognises = FORMATS[name]
    ran = trace(emu, "-o", name)
    assert ran.status == 0
    assert f"{name} " in ran.out
    assert f" {Path(name).stat().st_size:,} bytes" in ran.out
    assert "── call" not in ran.out
    assert recognises(Path(name).read_bytes())
    trace(emu, "-o", "whatever", "--format", format_name)
    if format_name == "parquet":
        assert is_parquet(Path("x.events.parquet").read_bytes())
    else:
        assert Path("whatever").read_bytes() == Path(name).read_bytes(), "the same trace gives the same bytes"


def test_several_files_at_once_and_a_range_in_text(emu: Emu) -> None:
    shown = trace(emu, "-o", "a.txt", "-o", "b.trace", "--range", "3:5", "--no-fold").out
    assert "a.txt " in shown
    assert "b.trace " in shown
    assert [line.split()[0] for line in Path("a.txt").read_text().splitlines() if ":" in line] == ["3", "4"]
    assert len(load("b.trace")) == INSTRUCTIONS


def test_a_file_appears_whole_or_not_at_all(emu: Emu, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Trace, stream: Any) -> None:
        stream.write("half of it\n")
        raise KeyboardInterrupt

    monkeypatch.setattr(json_lines, "write", interrupted)
    Path("old.jsonl").write_text("what was there before\n")
    for name in ("old.jsonl", "new.jsonl"):
        ran = emu("trace", *LINE.split(), "-o", name, *IMAGE)
        assert (ran.status, ran.err.strip()) == (130, "emu: interrupted")
    assert Path("old.jsonl").read_text() == "what was there before\n"
    assert [path.name for path in Path().iterdir()] == ["old.jsonl"]


def test_an_interrupt_while_lines_are_made_is_status_130(emu: Emu, monkeypatch: pytest.MonkeyPatch) -> None:
    def chunks(trace: Trace, size: int = 0) -> Iterator[Chunk]:
        raise KeyboardInterrupt

    monkeypatch.setattr(watched_trace.WatchedTrace, "chunks", chunks)
    ran = emu("trace", *LINE.split(), *IMAGE)
    assert (ran.status, ran.err.strip()) == (130, "emu: interrupted")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_standard_output_and_a_pipe_take_a_format(tmp_path: Path) -> None:
    command = [sys.executable, "-c", AS_A_PROGRAM, "trace", *LINE.split(), *IMAGE, "--format", "jsonl"]
    done = subprocess.run([*command, "-o", "-"], capture_output=True, check=True)
    assert is_json_lines(done.stdout)
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen([*command, "-o", "pipe"], stdout=subprocess.PIPE, cwd=tmp_path)
    assert is_json_lines((tmp_path / "pipe").read_bytes())
    assert writer.communicate()[0]
    assert writer.returncode == 0
    assert (tmp_path / "pipe").is_fifo(), "a pipe is written to, not replaced"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize("more", [("--no-fold",), ("--follow",), ("-o", "-", "--format", "jsonl")])
def test_a_reader_that_goes_away_ends_it_quietly(more: tuple[str, ...]) -> None:
    line = "my_copy kernel:60000 user:60000 60000"
    command = [sys.executable, "-c", AS_A_PROGRAM, "trace", *line.split(), *IMAGE, *more]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stderr is not None
    assert program.stdout.readline()
    program.stdout.close()
    assert program.stderr.read() == b""
    assert program.wait() == 0
    program.stderr.close()


def test_a_long_pass_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.trace.made import copied  # noqa: PLC0415

    made = watched_trace.WatchedTrace(copied(b"some bytes"))
    monkeypatch.setattr(watched_trace, "PATIENCE", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    with watched_trace.progress_shown(made, "x.html"):
        for _ in made.chunks(7):
            pass
    shown = capsys.readouterr().err
    assert "x.html" in shown
    assert "61 instructions, " in shown
    assert made.counts == (61, 21, 0)
    assert made.length == 61


def test_a_trace_file_is_shown_and_converted(emu: Emu) -> None:
    listed = trace(emu, "-o", "a.trace", "-o", "a.txt")
    assert listed.status == 0
    ran = emu("trace", "--from", "a.trace")
    assert ran.status == 0
    assert ran.out.startswith("a.trace\n\n" + Path("a.txt").read_text() + "\nTrace\n  457 instructions, ")
    assert emu("trace", "--from", "a.trace", "-o", "b.html", "-o", "b.trace").status == 0
    assert Path("b.trace").read_bytes() == Path("a.trace").read_bytes()
    assert emu("trace", "--from", "b.trace", "-o", "b.trace").status == 0
    assert Path("b.trace").read_bytes() == Path("a.trace").read_bytes(), "over itself"
    assert "source: arg1, 64 bytes" in emu("trace", "--from", "a.trace", "--summary").out


def test_showing_the_trace_of_a_call_that_raised_is_a_success(emu: Emu) -> None:
    assert trace(emu, "--fault", "none@arg0+5", "-o", "a.trace").status == 1
    assert emu("trace", "--from", "a.trace").status == 0


def test_traces_are_compared(emu: Emu) -> None:
    for name, fault in {"a": (), "b": (), "c": ("--fault", "paged-out@arg1+20")}.items():
        trace(emu, "-o", f"{name}.trace", *fault)
    same = emu("trace", "--diff", "a.trace", "b.trace")
    assert (same.status, same.out, same.err) == (0, "a.trace and b.trace are equal\n", "")
    other = emu("trace", "--diff", "a.trace", "c.trace")
    assert (other.status, other.err) == (1, "")
    assert other.out.startswith("a.trace (-) and c.trace (+)\nthe traces differ from instruction ")
    data = json.loads(emu("trace", "--diff", "a.trace", "c.trace", "--json").out)
    assert (data["first"], data["second"], data["equal"]) == ("a.trace", "c.trace", False)
    assert data["text"] in other.out
    assert f"from instruction {data['at']} on" in data["text"]
    assert json.loads(emu("trace", "--diff", "a.trace", "b.trace", "--json").out)["equal"] is True


def test_json(emu: Emu) -> None:
    data = json.loads(trace(emu, "--json", "-o", "x.html", "--summary").out)
    assert data["outcome"]["kind"] == "returned"
    assert data["routine"] == "my_copy"
    told = data["trace"]
    assert (told["from"], told["instructions"], told["accesses"], told["events"]) == (None, INSTRUCTIONS, 130, 0)
    assert [call["function"] for call in told["calls"]] == ["my_copy!my_copy"]
    assert told["files"] == [{"path": "x.html", "format": "html", "bytes": Path("x.html").stat().st_size}]
    (copy,) = told["summary"]["copies"]
    assert (copy["source"]["buffer"], copy["target"]["buffer"]) == ("arg1", "arg0")
    assert copy["reads"] == copy["writes"] == [1] * 64
    assert told["summary"]["symbols"][0]["name"] == "my_copy!my_copy"
    trace(emu, "-o", "x.trace")
    data = json.loads(emu("trace", "--from", "x.trace", "--json").out)
    assert data.keys() == {"trace"}
    assert (data["trace"]["from"], data["trace"]["summary"]) == ("x.trace", None)


MISTAKES = [
    ("", "give a routine to call, as in emu trace CopyFromUser kernel:64 user:64 64; or --from, or --diff"),
    ("my_cop", "has a routine 'my_cop'; nearest: my_copy"),
    ("my_copy --ony x", "No such option '--ony'"),
    ("my_copy -o x.exe", "-o x.exe: no known extension; known: .txt, .jsonl, .tenet, "),
    ("my_copy -o x", "--format NAME chooses whatever the name is"),
    ("my_copy -o -", "-o - needs --format; known: text, jsonl"),
    ("my_copy -o x --format exe", "--format 'exe' does not exist; known: text, jsonl"),
    ("my_copy --format text", "--format text is about the files of -o"),
    ("my_copy -o x.txt -o x.txt", "-o x.txt is there twice"),
    ("my_copy -o - --format text --json", "--json and -o - both write to standard output"),
    ("my_copy -o - --format text --summary", "--summary and -o - both write to standard output"),
    ("my_copy -o - --format parquet", "arquet is two files"),
    ("my_copy -o no/such/x.html", "no/such/x.html: No such file or directory"),
    ("my_copy -o .", "-o .: no known extension"),
    ("my_copy -o . --format text", ". is a directory; give the name of a file"),
    ("my_copy --range 5", "--range '5': give two indices"),
    ("my_copy --range -5:3", "give two indices of instructions"),
    ("my_copy --range 5:3", "--range 5:3: 3 lies before 5"),
    ("my_copy --range 5:9 -o x.html", "--range is about the listing"),
    ("my_copy --no-fold --summary", "--no-fold is about the listing"),
    ("my_copy --follow -o x.txt", "--follow is about the listing on standard output"),
    ("my_copy --follow --json", "--follow is about the listing on standard output"),
    ("my_copy --last 0", "--last 0: choose 1 or more"),
    ("my_copy --only my_cop", "there is no routine 'my_cop'; nearest: my_copy"),
    ("my_copy --only my_copy+3", "--only 'my_copy+3': give the symbol of a function"),
    ("my_copy --only no_such!my_copy", "--only: there is no module 'no_such'; loaded: ntoskrnl, umaccess, my_copy"),
    ("my_copy --only my_copy!no_such", "there is no routine 'no_such'"),
    ("my_copy --begin !", "--begin '!': give a symbol"),
    ("my_copy --end 0", "0x0 is no address of code"),
    ("my_copy --begin 0x8000000000000000", "is no address of code"),
    ("my_copy --begin no_such", "there is no routine 'no_such'"),
    ("--from a.trace", "leave --image out, or --from"),
    ("my_copy --from a.trace", "leave routine my_copy out, or --from"),
    ("--diff a.trace b.trace", "--diff compares two files and nothing else; leave --image out"),
]


@pytest.mark.parametrize(("line", "says"), MISTAKES)
def test_a_mistake_is_one_line_and_status_2(emu: Emu, line: str, says: str) -> None:
    ran = emu("trace", *line.split(), *IMAGE) if line != "" else emu("trace")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("emu: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--from no_such.trace", "no_such.trace: No such file or directory"),
        ("--from cut.trace", "cut.trace"),
        ("--from changed.trace", "changed.trace"),
        ("--from text.trace", "text.trace"),
        ("--from good.trace -o x.tenet", "good.trace has no registers: they come from running again"),
        ("--from good.trace --last 3", "leave --last out, or --from"),
        ("--from good.trace --profile nehalem", "leave --profile out, or --from"),
        ("--diff good.trace cut.trace", "cut.trace"),
        ("--diff changed.trace good.trace", "changed.trace"),
        ("--diff good.trace no_such.trace", "no_such.trace: No such file or directory"),
        ("--diff good.trace good.trace --summary", "leave --summary out"),
        ("--diff good.trace good.trace --from good.trace", "leave --from out"),
    ],
)
def test_mistakes_about_trace_files(emu: Emu, line: str, says: str) -> None:
    trace(emu, "-o", "good.trace")
    good = Path("good.trace").read_bytes()
    Path("cut.trace").write_bytes(good[:-20])
    Path("changed.trace").write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
    Path("text.trace").write_text("no trace\n")
    there = set(Path().iterdir())
    ran = emu("trace", *line.split())
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("emu: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert set(Path().iterdir()) == there


def test_a_missing_image_is_a_mistake(emu: Emu) -> None:
    ran = emu("trace", "my_copy", "--image", "no_such.S")
    assert (ran.status, ran.err) == (2, "emu: no_such.S: no such file\n")


def test_a_comparison_takes_two_files(emu: Emu) -> None:
    ran = emu("trace", "--diff", "a.trace")
    assert (ran.status, ran.out) == (2, "")
    assert "Option '--diff' requires 2 arguments" in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("format_name", ["text", "jsonl", "drcov", "lcov", "trace", "html"])
def test_a_full_disk_is_said_so(emu: Emu, format_name: str) -> None:
    ran = emu("trace", *LINE.split(), "-o", "/dev/full", "--format", format_name, *IMAGE)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "emu: /dev/full: No space left on device\n"


def test_verbs_that_trace_nothing_do_without_numpy() -> None:
    program = "import sys; from emu.cli import main; main(sys.argv[1:]); sys.exit('numpy' in sys.modules)"
    command = [sys.executable, "-c", program, "copy", "--json"]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
