# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu unwind`: tables for reading, findings of both checks, JSON, mistakes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emu.cpu.native_core import BUILT
from emu.image import PeImage
from emu.toolchain import build_guest
from tests.cli.command_line import Emu, run_program

TESTS = Path(__file__).parent.parent
ACCESSORS = str(BUILT / "umaccess.sys")
FUNCTIONS = len(PeImage.parse(Path(ACCESSORS).read_bytes(), "umaccess.sys").functions)
KERNEL = str(BUILT / "ntoskrnl.exe")
WRONG = TESTS / "checks" / "unwind_data" / "guest"
RIGHT = TESTS / "checks" / "unwind_data" / "right"
GS_FRAMES = str(TESTS / "kernel" / "exports" / "sources" / "gs_frames.S")
PROGRAMS = TESTS / "conformance" / "seh"
COPY = "CopyFromUser kernel:64 user:64 64"


def wrong(name: str) -> str:
    return str(WRONG / f"{name}.S")


def right(name: str) -> str:
    return str(RIGHT / f"{name}.S")


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (ACCESSORS, f"umaccess.sys: {FUNCTIONS} functions in the function table"),
        (ACCESSORS, "CopyFromUser 0x1000 to 0x"),
        (ACCESSORS, "+0x11 push rdi pushed rdi +0x12 push rsi pushed rsi +0x13 pushfq allocated 0x8 bytes"),
        (right("chained_parts"), "part of chained_parts+0x14 → chained_parts: its codes are undone, too"),
        (right("chained_parts"), "+0x0 mov qword ptr [rsp + 0x50], rsi saved rsi at frame + 0x50"),
        (right("version_2"), "version 2 · flags none · prologue 7 bytes"),
        (right("version_2"), "epilogues +0x11, +0x1a, 4 bytes each"),
        (right("dynamic_frame"), "frame register rbp = frame + 0x20"),
        (right("saves_in_home_space"), "+0xb sub rsp, 0x20 allocated 0x20 bytes saved rbx at frame + 0x30"),
        (right("machine_frame"), "+0x0 (at entry) machine frame without an error code"),
        (GS_FRAMES, "handler __GSHandlerCheck for exceptions and unwinds cookie at frame + 0x20"),
        (GS_FRAMES, "cookie at frame + 0x40, rounded down to a multiple of 0x40, - 0x8"),
        (GS_FRAMES, "__try +0x16 to +0x1a __except (EXCEPTION_EXECUTE_HANDLER) goes on at +0x1b"),
        (str(PROGRAMS / "alloca_in_callee.c"), "__finally outer+0x"),
        (str(PROGRAMS / "alloca_in_callee.c"), "__except alloca_in_callee+0x"),
        (str(PROGRAMS / "indirect_entry.S"), "indirect: the entry of split, 0x1060 to 0x1080, is used"),
        (wrong("version_3"), "wrong: unwind info at rva 0x209c: version 3 (APX preview) is not supported"),
        (wrong("code_offset_inside"), "+0x4 no instruction ends there allocated 0x20 bytes"),
        (wrong("overlapping_entries"), "wrong: function table entry 1 = 0x1007..0x100E: starts below the end"),
        (str(TESTS / "kernel/guest/one.S"), "one.sys: no function table"),
    ],
)
def test_a_table_for_reading(emu: Emu, file: str, says: str) -> None:
    ran = emu("unwind", file)
    assert (ran.status, ran.err) == (0, "")
    assert says in in_one_line(ran.out)


def test_one_function_comes_with_its_parts(emu: Emu) -> None:
    ran = emu("unwind", right("chained_parts"), ACCESSORS, "--function", "chained_parts+0x1e")
    assert "chained_parts.sys: 3 functions in the function table\n" in ran.out
    assert f"umaccess.sys: {FUNCTIONS} functions in the function table, 0 of them shown" in ran.out
    assert "\nchained_parts  0x1000" in ran.out
    assert "CopyFromUser" not in ran.out


@pytest.mark.parametrize("width", ["80", "120"])
def test_a_table_fits_the_terminal(width: str) -> None:
    ran = run_program("unwind", KERNEL, ACCESSORS, GS_FRAMES, COLUMNS=width)
    assert ran.status == 0
    assert max(map(len, ran.out.split("\n"))) <= int(width)


def test_tables_as_json(emu: Emu) -> None:
    data = json.loads(emu("unwind", right("version_2"), GS_FRAMES, "--json").out)
    functions = {each["name"]: each for image in data["images"] for each in image["functions"]}
    assert functions["version_2"]["epilogues"] == [0x1A, 0x11]
    assert functions["version_2"]["codes"][0] == {
        "offset": 1,
        "operation": "PUSH_NONVOL",
        "text": "pushed rbx",
        "instruction": "push rbx",
    }
    assert functions["gs_scopes"]["handler"] == "__GSHandlerCheck_SEH"
    assert [scope["kind"] for scope in functions["gs_scopes"]["scopes"]] == ["constant"]
    assert functions["gs_aligned"]["cookie"] == {"offset": -8, "alignment": [0x40, 0x40]}
    assert json.loads(emu("unwind", wrong("version_3"), "--json").out)["images"][0]["functions"][0]["error"]


@pytest.mark.parametrize("files", [(ACCESSORS,), (KERNEL,), (right("chained_parts"), right("recursion"))])
def test_a_check_without_a_finding(emu: Emu, files: tuple[str, ...]) -> None:
    ran = emu("unwind", *files, "--check")
    assert (ran.status, ran.err) == (0, "")
    assert re.search(r"Outcome\n  nothing is wrong in \d+ functions\n$", ran.out)


def test_a_call_without_a_finding(emu: Emu) -> None:
    ran = emu("unwind", ACCESSORS, "--check", "--call", COPY)
    assert (ran.status, ran.err) == (0, "")
    text = in_one_line(ran.out)
    assert "call CopyFromUser kernel:64 user:64 64 · skylake-server, SMAP enforced · IRQL 0" in text
    assert re.search(r"Reached \d+ unwinds checked at \d+ instructions of \d functions? the call returned 0x", text)
    assert re.search(r"not reached CopyFromMode, .* ⋮ \d+ more, .*WriteUnicodeStringToMode ", text)
    assert re.search(rf"nothing is wrong in {FUNCTIONS} functions, and at \d+ instructions that ran$", text)


def test_the_options_of_a_call(emu: Emu) -> None:
    """A fault, a profile, an IRQL and a budget reach the call; one that is cut short proves nothing further."""
    ran = emu("unwind", ACCESSORS, "--check", "--call", COPY, "--fault", "none@arg1+0", "--profile", "nehalem")
    assert ran.status == 0
    assert "raised STATUS_ACCESS_VIOLATION (0xC0000005), read of byte 0 of arg1" in in_one_line(ran.out)
    assert "nehalem, no SMAP" in ran.out
    cut = emu("unwind", ACCESSORS, "--check", "--call", COPY, "--budget", "3")
    assert cut.status == 1
    assert "nothing is wrong as far as the call came" in cut.out
    raised = emu("unwind", ACCESSORS, "--check", "--call", COPY, "--irql", "2", "--fault", "none@arg1+0", "--unguarded")
    assert "bugcheck 0xd1" in in_one_line(raised.out)


def test_findings(emu: Emu) -> None:
    ran = emu("unwind", wrong("wrong_size"), "--check", "--call", "wrong_size")
    assert (ran.status, ran.err) == (1, "")
    text = in_one_line(ran.out)
    assert (
        "wrong_size!wrong_size 1 finding by reading +0x0 sub rsp, 0x28 prologue-code: allocates 0x28 bytes; the code "
        "says allocated 0x20 bytes codes +0x4 ALLOC_SMALL: allocated 0x20 bytes" in text
    )
    assert (
        "wrong_size!wrong_size 1 finding by running +0x4 xor eax, eax unwind: RSP comes out 0x8 bytes too low rip came "
        "out as" in text
    )
    assert text.endswith("Outcome 2 findings in 1 function")


def test_findings_of_one_function(emu: Emu) -> None:
    ran = emu("unwind", wrong("wrong_size"), wrong("wrong_slot"), "--check", "--function", "wrong_slot")
    assert ran.status == 1
    assert "1 finding in 1 function" in ran.out
    assert "wrong_slot" in ran.out
    assert "allocates 0x28" not in ran.out


def test_findings_as_json(emu: Emu) -> None:
    ran = emu("unwind", wrong("wrong_size"), "--check", "--call", "wrong_size", "--json")
    assert ran.status == 1
    data: dict[str, Any] = json.loads(ran.out)
    assert data["clean"] is False
    assert [(each["found_by"], each["rule"], each["offset"]) for each in data["findings"]] == [
        ("reading", "prologue-code", 0),
        ("running", "unwind", 4),
    ]
    assert [value["register"] for value in data["findings"][1]["values"]] == ["rip", "rsp"]
    assert data["call"]["not_reached"] == []
    assert data["call"]["unwinds"] == data["call"]["instructions"] == 4


def test_a_table_that_no_machine_loads_is_a_finding(emu: Emu) -> None:
    ran = emu("unwind", wrong("overlapping_entries"), "--check", "--call", "overlapping_entries")
    assert (ran.status, ran.err) == (1, "")
    assert "Call not made: overlapping_entries.sys: function table entry 1" in in_one_line(ran.out)


def test_an_archive_is_read_as_a_whole(emu: Emu, tmp_path: Path) -> None:
    from emu.toolchain.compiler import find_toolchain  # noqa: PLC0415 (not every run of the tests builds)

    toolchain = find_toolchain()
    source = TESTS / "kernel" / "guest" / "two.S"
    toolchain.run("clang", ["--target=x86_64-pc-windows-msvc", "-c", "-o", "two.obj", str(source)], tmp_path)
    toolchain.run("ar", ["rcs", "two.lib", "two.obj"], tmp_path)
    names = {each["name"] for each in json.loads(emu("unwind", str(source), "--json").out)["images"][0]["functions"]}
    library = json.loads(emu("unwind", str(tmp_path / "two.lib"), "--json").out)["images"][0]["functions"]
    assert {each["name"] for each in library} == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument 'FILE...'."),
        (("nosuch.sys",), "nosuch.sys: No such file or directory"),
        (("README.md",), "README.md: unknown kind of source '.md'; known are .S .s .c .obj .o .lib .a"),
        (
            (ACCESSORS, "--function", "CopyFrmUser"),
            "no function 'CopyFrmUser' in the function table of umaccess.sys; nearest: CopyFromUser, RtlCopyFromUser, "
            "CopyToUser; without --function all are shown",
        ),
        ((ACCESSORS, "--call", COPY), "--call proves unwind data by a call; it belongs to --check"),
        ((ACCESSORS, "--check", "--irql", "1"), "--irql is about a call; give one with --check --call 'ROUTINE ARG…'"),
        (
            (ACCESSORS, "--check", "--profile", "nehalem"),
            "--profile is about a call; give one with --check --call 'ROUTINE ARG…'",
        ),
        ((ACCESSORS, "--stub", "A=1"), "--stub is about a call; give one with --check --call 'ROUTINE ARG…'"),
        (
            (ACCESSORS, "--check", "--call", " "),
            "--call is empty; give a routine and its arguments, as in --call 'my_copy kernel:64 user:64 64'",
        ),
        (
            (ACCESSORS, "--check", "--call", "Copy 'x"),
            '--call "Copy \'x": no closing quotation; quote arguments as a shell takes them',
        ),
        (
            (ACCESSORS, "--check", "--call", "CopyFrom"),
            f"none of {ACCESSORS} has a routine 'CopyFrom'; nearest: CopyFromUser, CopyFromMode, RtlCopyFromUser; "
            "exported: CopyFromMode, CopyFromModeNonTemporal, CopyFromUser, CopyFromUserNonTemporal, "
            "CopyFromUserToMode, CopyToMode, CopyToModeNonTemporal, CopyToUser, CopyToUserFromUser, "
            "CopyToUserNonTemporal, DriverEntry, FillModeMemory",
        ),
        (
            (ACCESSORS, "--check", "--call", "CopyFromUser x"),
            "argument 'x': give an integer, user:SIZE, user:=TEXT or user:@FILE, or one of these with kernel:",
        ),
    ],
)
def test_mistakes(emu: Emu, arguments: tuple[str, ...], message: str) -> None:
    ran = emu("unwind", *arguments)
    assert (ran.status, ran.out, ran.err) == (2, "", f"emu: {message}\n")


def test_a_file_that_is_no_image(emu: Emu, tmp_path: Path) -> None:
    (tmp_path / "x.sys").write_bytes(b"MZ" + bytes(100))
    ran = emu("unwind", str(tmp_path / "x.sys"), "--check")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("emu: x.sys: ")


def test_the_manuals_example(emu: Emu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The routine of docs/how-to/check-unwind-data.md gives what is shown there, mistake and all."""
    page = (TESTS.parent / "docs" / "how-to" / "check-unwind-data.md").read_text(encoding="utf-8")
    (routine,) = re.findall(r"```asm\n(.*?)```", page, re.DOTALL)
    table, finding, proof = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("fill.S").write_text(routine, encoding="utf-8")
    assert emu("unwind", "fill.S").out == table
    assert emu("unwind", "fill.S", "--check").out == finding
    Path("fill.S").write_text(routine.replace(".seh_stackalloc 0x28", ".seh_stackalloc 0x20"), encoding="utf-8")
    assert emu("unwind", "fill.S", "--check", "--call", "fill kernel:64 7 64").out == proof


def test_what_is_built_is_what_build_guest_builds(emu: Emu) -> None:
    built = build_guest([right("recursion")])
    assert emu("unwind", str(built)).out == emu("unwind", right("recursion")).out
