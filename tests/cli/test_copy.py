# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu copy` and `emu replay`: what they show, their exit status, and that a replay shows the same."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.command_line import Emu, run_program

GUEST = Path(__file__).parent / "guest"
MY_COPY = ("--image", str(GUEST / "my_copy.S"), "--routine", "my_copy")


def replayed(out: str) -> list[str]:
    """Return the arguments of the command that the last line gives."""
    last = out.splitlines()[-1]
    assert last.startswith("Replay  emu replay ")
    return shlex.split(last.removeprefix("Replay  emu "))


def test_a_clean_copy_is_brief(emu: Emu) -> None:
    ran = emu("copy")
    assert (ran.status, ran.err) == (0, "")
    assert "all 64 bytes; the poison around the target is intact" in ran.out
    assert "returned; all 64 bytes landed" in ran.out
    assert "Fault" not in ran.out
    assert replayed(ran.out)[1] == "CopyFromUser/len=64/src=+0/dst=+0/profile=skylake-server/data=7/irql=0"


def test_a_fault_is_shown_from_the_mapping_to_the_handler(emu: Emu) -> None:
    ran = emu("copy", "--length", "96", "--fault", "none@src+77")
    assert ran.status == 1
    for shown in (
        r"^CopyFromUser\(target 0xffff[0-9a-f]{12}, source 0x[0-9a-f]{13}fb3, 96 bytes\)$",
        r"^skylake-server, SMAP enforced · IRQL 0 \(PASSIVE_LEVEL\) · pattern 7$",
        r"^  source  0x[0-9a-f]{16}  0 to 76   user    rw, NX  resident$",
        r"^          0x[0-9a-f]{16}  77 to 95  user    rw, NX  none$",
        r"^  target  0xffff[0-9a-f]{12}  0 to 95   kernel  rw, NX  resident$",
        r"^What landed  the first 77 of 96 bytes; the poison around the target is intact$",
        r"^  \+0048  db c7 1d 8b 23│1c 6d ae   db c7 1d 8b 23 ·· ·· ··  \.\.\.\.#$",
        r"^ {24}\^\^ byte 77: page state none$",
        r"^Fault +page fault \(#PF\)$",
        r"^  error code +0x0  read, supervisor mode, page not present$",
        r"^  CR2 +0x[0-9a-f]{16}  byte 77 of the source, page state none$",
        r"^  RIP +0xffff[0-9a-f]{12}  umaccess!CopyFromUser\+0x[0-9a-f]+$",
        r"^  instruction  movzx eax, byte ptr \[rsi\]$",
        r"^  line +copy\.inc:\d+$",
        r"^ +> +\d+ +movzx +eax, byte ptr \[rsi\]$",
        r"^Search and unwind  STATUS_ACCESS_VIOLATION \(0xC0000005\), read of 0x[0-9a-f]+$",
        r"^  search  umaccess!CopyFromUser\+0x\w+  0xffff[0-9a-f]{12}  no handler$",
        r"^  search  ntoskrnl!KiGuardedCall\+0x\w+ +0xffff[0-9a-f]{12}  __C_specific_handler,.*",
        r"^  filter  constant +EXCEPTION_EXECUTE_HANDLER \(1\)$",
        r"^  landed  ntoskrnl!KiGuardedCall\+0x\w+ +in the __except of KiGuardedCall$",
        r"^  raised STATUS_ACCESS_VIOLATION \(0xC0000005\), read of byte 77 of the source, handled by the",
    ):
        assert re.search(shown, ran.out, re.MULTILINE), shown


@pytest.mark.parametrize(
    "line",
    [
        "copy",
        "copy --length 96 --fault none@src+77",
        "copy --length 300 --fault paged-out@src+9 --fault in-page-error=0xC000009D@src+4000 --length 5000",
        "copy --text hello,\u00a0w\u00f6rld! --target-offset 4090 --profile nehalem",
        "copy --fault ro@dst+10 --irql 1 --budget 1000",
        "copy --source-offset 0 --fault none@src+37",
        "copy --length 0",
        "copy --irql 2 --fault paged-out@src+0",
        f"copy {shlex.join(MY_COPY)} --fault guard@src+5 --profile broadwell,smap=permit",
        f"copy --file {shlex.quote(__file__)} --length 4097",
    ],
)
def test_a_replay_shows_the_same_to_the_byte(emu: Emu, line: str) -> None:
    first = emu(*shlex.split(line))
    assert first.err == ""
    assert emu(*replayed(first.out)) == first


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("--fault paged-out@src+5", 0, "paged in 0x"),
        ("--fault guard@src+5", 1, "STATUS_GUARD_PAGE_VIOLATION (0x80000001)"),
        ("--fault in-page-error=0xC000009D@src+5", 1, "because of STATUS_DEVICE_NOT_CONNECTED"),
        ("--fault ro@dst+5", 1, "bugcheck 0xbe ATTEMPTED_WRITE_TO_READONLY_MEMORY at byte 5 of the target"),
        ("--fault ro@dst+5", 1, "byte 5: the page is read-only"),
        ("--fault none@dst+5", 1, "P1 0xffff"),
        ("--irql 2 --fault none@src+5", 1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL"),
        ("--length 100 --budget 20", 1, "timed out: a budget of 20 blocks was used up at umaccess!CopyFromUser+"),
        ("--source-offset 0 --fault none@src+37", 1, "leave out --source-offset to put a page boundary there"),
        ("--text hello", 0, "hello"),
        ("--profile nehalem,smap=enforce", 0, "nehalem, no SMAP"),
        ("--length 70000 --budget 100000", 0, "all 70,000 bytes"),
    ],
)
def test_how_a_copy_ends(emu: Emu, line: str, status: int, says: str) -> None:
    ran = emu("copy", *line.split())
    assert ran.status == status
    assert says in " ".join(ran.out.split())


def test_data_from_a_file(emu: Emu, tmp_path: Path) -> None:
    path = tmp_path / "a file"
    path.write_bytes(b"short and sweet")
    ran = emu("copy", "--file", str(path))
    assert "short an" in ran.out
    assert f"data=0x{b'short and sweet'.hex()}" in ran.out
    path.write_bytes(bytes(5000))
    assert "data=@" in emu("copy", "--file", str(path)).out


def test_a_routine_of_ones_own_with_its_own_handler(emu: Emu) -> None:
    line = (GUEST / "my_copy.S").read_text().splitlines().index("    mov     r9b, [rdx + rax]") + 1
    ran = emu("copy", *MY_COPY, "--profile", "nehalem", "--fault", "none@src+10")
    assert ran.status == 0, "it handled the exception itself, and wrote nothing else"
    assert "the first 10 of 64 bytes" in ran.out
    assert f"my_copy.S:{line}" in ran.out
    assert re.search(r"filter  my_copy!\S+ +EXCEPTION_EXECUTE_HANDLER \(1\)", ran.out)
    assert "in the __except of my_copy" in ran.out
    assert "returned 0xc0000005 after STATUS_ACCESS_VIOLATION" in ran.out


def test_a_plain_access_to_user_memory_is_an_smap_violation(emu: Emu) -> None:
    ran = emu("copy", *MY_COPY)
    assert ran.status == 1
    assert "byte 0: SMAP: a user page, touched with AC clear" in ran.out
    assert "bugcheck 0x50 PAGE_FAULT_IN_NONPAGED_AREA at byte 0 of the source" in ran.out


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize(
    "line", ["--length 300 --fault none@src+77 --fault paged-out@dst+0", "--fault in-page-error@dst+63", ""]
)
def test_no_line_but_the_replay_is_wider_than_the_terminal(
    emu: Emu, monkeypatch: pytest.MonkeyPatch, columns: int, line: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    *lines, _ = emu("copy", *line.split()).out.splitlines()
    assert max(len(text) for text in lines) <= min(columns, 140)
    assert not any(text.endswith(" ") for text in lines)


def test_a_wide_terminal_gets_rows_of_16_bytes(emu: Emu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert "  +0010  " in emu("copy").out
    assert "  +0008  " not in emu("copy").out


def test_colours_are_for_terminals_that_want_them() -> None:
    arguments = ("copy", "--fault", "none@src+37")
    plain = run_program(*arguments).out
    assert "\x1b" not in plain
    colourful = run_program(*arguments, FORCE_COLOR="1", TERM="xterm-256color").out
    assert "\x1b[32m" in run_program("copy", FORCE_COLOR="1", TERM="xterm-256color").out, "what landed is green"
    assert re.search(r"\x1b\[1;37;41m9b", colourful), "the byte that faulted is red"
    without = run_program(*arguments, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1").out
    assert not re.search(r"\x1b\[[\d;]*[34]\d", without)
    uncoloured = re.sub(r"\x1b\[[\d;]*m", "", colourful)
    assert [line.rstrip() for line in uncoloured.splitlines()] == plain.splitlines()


def test_an_output_without_our_signs_gets_plain_ones() -> None:
    ran = run_program("copy", "--fault", "none@src+37", PYTHONIOENCODING="ascii")
    assert (ran.status, ran.err) == (1, "")
    assert "e5|9b" in ran.out
