# SPDX-License-Identifier: GPL-2.0-or-later
"""The user's mistakes: exit status 2, a message on standard error that names the value, and no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emu.cli import app as verbs
from tests.cli.command_line import AS_A_PROGRAM, Emu, run_program

MISTAKES = [
    ("frobnicate", "No such command 'frobnicate'"),
    ("copy extra", "unexpected extra argument (extra)"),
    ("copy --lenght 3", "No such option '--lenght'"),
    ("copy --length", "Option '--length' requires an argument"),
    ("copy --length x", "'--length': 'x' is not a valid integer"),
    ("copy --length -1", "length -1: choose 0 or more"),
    ("copy --length 100000000", "length 100000000 is too much: guest RAM has 64 MiB"),
    ("copy --length 99999999999999999999999999", "is too much"),
    ("copy --text a --file b", "--text and --file exclude each other"),
    ("copy --text abc --length 4", "length 4 is more than the data has (3 bytes)"),
    ("copy --file no_such_file", "no_such_file: No such file"),
    ("copy --file .", "directory"),
    ("copy --source-offset 4096", "source offset 4096 lies outside a page"),
    ("copy --target-offset -1", "target offset -1 lies outside a page"),
    ("copy --fault nune@src+1", "unknown kind 'nune'; known: unmapped, none"),
    ("copy --fault none@src", "character 9 (the end): '+' belongs here"),
    ("copy --fault none@src+65", "byte 65 lies beyond a copy of length 64"),
    ("copy --fault none@foo+1", "there is no buffer 'foo'; src and dst are the copy's"),
    ("copy --fault none@0x123", "0x123 is not allocated"),
    ("copy --profile i486", "unknown CPU model 'i486'; known: nehalem"),
    ("copy --profile nehalem,smap=perhaps", "unknown SMAP policy 'perhaps'; known: enforce, permit, off"),
    ("copy --irql 16", "irql 16 does not exist"),
    ("copy --budget 0", "a budget of 0 blocks"),
    ("copy --budget 99999999999999999999999", "a budget of 99999999999999999999999 blocks"),
    ("copy --routine CopyFromUsr", "there is no routine 'CopyFromUsr'; nearest: CopyFromUser"),
    ("copy --routine=", "the routine has no name"),
    ("copy --image no_such.S --routine f", "no_such.S: no such file"),
    ("copy --image bad.c --routine f", "bad.c:1:9: error: expected expression"),
    ("copy --image bad.txt --routine f", "unknown kind of source '.txt'"),
    ("copy --image junk.sys --routine f", "junk.sys: not a PE image"),
    ("copy --image imports.c --routine f", "imports what the kernel does not export: ZwClose"),
    ("copy --image plain.c", "none of plain.c has a routine 'CopyFromUser'; exported: f"),
    ("replay", "Missing argument 'ID'"),
    ("replay CopyFromUser/len=x", "len=x: a number belongs here"),
    ("replay CopyFromUser/length=3", "'length=3' is neither a setting"),
    ("replay CopyFromUser/len=1/data=@no_such_file", "no_such_file: No such file"),
    ("replay no_such_routine", "there is no routine 'no_such_routine'"),
    ("doctor now", "unexpected extra argument (now)"),
    ("profiles --verbose", "No such option '--verbose'"),
]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.c").write_text("int x = ;\n")
    Path("bad.txt").write_text("what?\n")
    Path("junk.sys").write_bytes(bytes(range(256)))
    Path("plain.c").write_text("int f(void) { return 0; }\n")
    Path("imports.c").write_text("__declspec(dllimport) int ZwClose(void *); int f(void) { return ZwClose(0); }\n")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("line", "says"), MISTAKES)
def test_a_mistake_is_a_message_and_status_2(emu: Emu, line: str, says: str) -> None:
    ran = emu(*line.split())
    assert ran.status == 2
    assert ran.out == ""
    assert ran.err.startswith("emu: ")
    assert says in ran.err
    assert "Traceback" not in ran.err
    if "error: " not in ran.err:
        assert ran.err.count("\n") == 1, "one line, but for a compiler's text"


def test_a_program_says_the_same_and_shows_no_traceback() -> None:
    ran = run_program("copy", "--fault", "none@src")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "emu: fault 'none@src': character 9 (the end): '+' belongs here, as in src+0\n"


def test_an_interrupt_is_status_130(emu: Emu, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs.profiles, "callback", lambda as_json: interrupted())
    ran = emu("profiles")
    assert ran.status == 130
    assert ran.err.strip().endswith("emu: interrupted")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_reader_that_went_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", AS_A_PROGRAM, "profiles"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.returncode in (0, -signal.SIGPIPE)
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_said_so() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", AS_A_PROGRAM, "profiles"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2
    assert done.stderr.decode().startswith("emu: ")
    assert b"Traceback" not in done.stderr
