# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu run`: every outcome, what is shown of memory, prints and pool, JSON, mistakes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emu.cli.buffer_dump import changed_runs
from tests.cli.command_line import Emu, Ran

GUEST = Path(__file__).parent / "guest"
IMAGES = ("--image", str(GUEST / "run.c"), "--image", str(GUEST / "endings.S"), "--stub", "ZwThing=-5")
PLAIN = ("--profile", "nehalem")
KEYS = {
    *("routine", "arguments", "settings", "returned", "outcome", "buffers", "pages", "events", "debug_output", "pool")
}


def run_own(emu: Emu, line: str, *more: str) -> Ran:
    return emu("run", *line.split(), *more, *IMAGES)


def data_of(emu: Emu, line: str) -> dict[str, Any]:
    ran = run_own(emu, line, "--json")
    assert ran.err == ""
    data: dict[str, Any] = json.loads(ran.out)
    assert data.keys() == KEYS
    assert ran.status == (0 if data["returned"] else 1)
    return data


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("identity 9", 0, "Outcome returned 0x9"),
        ("identity 42", 0, "returned 0x2a (42)"),
        ("identity -2", 0, "returned 0xfffffffffffffffe (-2)"),
        ("identity 0xC0000005", 0, "returned 0xc0000005, STATUS_ACCESS_VIOLATION"),
        ("fifth 1 2 3 4 55", 0, "returned 0x37 (55)"),
        ("divide 1", 1, "raised STATUS_INTEGER_DIVIDE_BY_ZERO (0xC0000094), handled by the caller's __except"),
        ("divide 1 --unguarded", 1, "bugcheck 0x1e KMODE_EXCEPTION_NOT_HANDLED; the machine stopped"),
        ("divide 1 --unguarded", 1, "Bugcheck 0x1e KMODE_EXCEPTION_NOT_HANDLED P1 0x"),
        ("store user:8 1", 1, "bugcheck 0x50 PAGE_FAULT_IN_NONPAGED_AREA at byte 0 of arg0"),
        ("store kernel:8 1 --fault ro@arg0+0", 1, "ATTEMPTED_WRITE_TO_READONLY_MEMORY at byte 0 of arg0"),
        ("store user:8 1 --profile nehalem --fault ro@arg0+0", 1, "write of byte 0 of arg0, handled by the caller's"),
        ("spin --budget 50", 1, "timed out: a budget of 50 blocks was used up at run!spin"),
        ("halt", 1, "not modelled: `hlt` in guest code"),
        ("identity 1 --irql 2", 0, "IRQL 2 (DISPATCH_LEVEL)"),
        ("call_thing", 0, "returned 0xfffffffffffffffa (-6)"),
        ("call_thing", 0, "Calls call ntoskrnl!ZwThing from run!call_thing+0x"),
        ("leak 24", 0, "Pool 1 block not freed 0xffff"),
        ("leak 24", 0, "24 bytes tag 'Leak' from run!leak+0x"),
        ("print_lines 3", 0, "Debug output line 0 line 1 line 2 Outcome"),
        ("print_lines 500", 0, "line 39 ⋮ 440 lines more line 480"),
        ("identity user:8", 0, ", arg0+0"),
        ("identity user:0", 0, "0 bytes, unchanged"),
    ],
)
def test_how_a_call_ends(emu: Emu, line: str, status: int, says: str) -> None:
    ran = run_own(emu, line)
    assert (ran.status, ran.err) == (status, "")
    assert says in " ".join(ran.out.split())


def test_a_fault_in_an_argument_is_shown_from_the_mapping_to_the_handler(emu: Emu) -> None:
    line = (GUEST / "run.c").read_text().splitlines().index("            sum += source[at];") + 1
    ran = run_own(emu, "sum_bytes user:64 64 kernel:80 --fault none@arg0+37", *PLAIN)
    assert (ran.status, ran.err) == (0, ""), "the routine handled it and returned"
    for shown in (
        r"^sum_bytes\(arg0 0x[0-9a-f]{13}fdb, 64, arg2 0xffff[0-9a-f]{12}\)$",
        r"^nehalem, no SMAP · IRQL 0 \(PASSIVE_LEVEL\) · stubs ZwThing=-5$",
        r"^  arg0  0x[0-9a-f]{13}000  0 to 36   user    rw, NX  resident$",
        r"^        0x[0-9a-f]{13}000  37 to 63  user    rw, NX  none$",
        r"^  arg2  0xffff[0-9a-f]{12}  0 to 79   kernel  rw, NX  resident$",
        r"^  CR2 +0x[0-9a-f]{16}  byte 37 of arg0, page state none$",
        rf"^  line +run\.c:{line}$",
        r"^  filter +constant +EXCEPTION_EXECUTE_HANDLER \(1\)$",
        r"^  landed +run!sum_bytes\+0x\w+ +in the __except of sum_bytes$",
        r"^  call +ntoskrnl!DbgPrint +from run!sum_bytes\+0x\w+$",
        r"^arg0  user 0x[0-9a-f]{16}  64 bytes, unchanged$",
        r"^ {24}\^\^ byte 37: page state none$",
        r"^arg2  kernel 0x[0-9a-f]{16}  37 of 80 bytes changed \(\*\): 0 to 36$",
        r"^  \+0020 \*fc\*78\*35\*15\*e5 00 00 .*  \.x5\.{13}$",
        r"^  caught after 4840\\x1b\[2J$",
        r"after STATUS_ACCESS_VIOLATION \(0xC0000005\), handled in the __except of\s+run!sum_bytes$",
    ):
        assert re.search(shown, ran.out, re.MULTILINE), shown


def test_the_kernels_own_routines_need_no_image(emu: Emu, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"from a file")
    ran = emu("run", "CopyFromUser", "kernel:=wherever it was", f"user:@{tmp_path / 'data'}", "11")
    assert ran.status == 0
    assert "from a file was" in ran.out
    assert "Fault" not in ran.out
    assert "CopyFromUser(arg0 0x" in ran.out


def test_an_export_of_the_kernel_can_be_replaced(emu: Emu) -> None:
    ran = run_own(emu, "leak 24", "--stub", "ExAllocatePool2=0")
    assert ran.status == 0
    assert "not freed" not in ran.out


def test_a_second_fault_on_another_page_says_what_shares_it(emu: Emu) -> None:
    ran = emu("run", "CopyFromUser", "kernel:64", "user:64", "64", "--fault", "none@arg1+8", "--fault", "ro@arg1+20")
    assert "note: byte 20 of arg1 shares its page with bytes 8 to 19, which get the same state" in ran.out


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize(
    "line",
    [
        "sum_bytes user:5000 4500 kernel:5000 --profile nehalem --fault none@arg0+4100",
        "divide 1 --unguarded",
        "leak 99",
    ],
)
def test_no_line_is_wider_than_the_terminal(emu: Emu, monkeypatch: pytest.MonkeyPatch, columns: int, line: str) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run_own(emu, line).out.splitlines()
    assert max(len(text) for text in lines) <= min(columns, 140)
    assert not any(text.endswith(" ") for text in lines)


def test_json(emu: Emu) -> None:
    data = data_of(emu, "sum_bytes user:64 64 kernel:80 --fault none@arg0+37 --profile nehalem")
    assert data["routine"] == "sum_bytes"
    assert [argument["argument"] for argument in data["arguments"]] == ["user:64", "64", "kernel:80"]
    assert [argument["buffer"] for argument in data["arguments"]] == ["arg0", None, "arg2"]
    assert data["arguments"][0]["value"] == data["buffers"][0]["address"]
    assert data["settings"]["faults"] == ["none@arg0+37"]
    assert data["settings"]["stubs"] == [{"name": "ZwThing", "value": -5}]
    assert data["settings"]["guarded"] is True
    assert data["outcome"]["kind"] == "returned"
    assert data["outcome"]["text"].endswith("handled in the __except of run!sum_bytes")
    source, target = data["buffers"]
    assert (source["memory"], source["changed"], target["memory"]) == ("user", [], "kernel")
    assert target["changed"] == [{"first": 0, "length": 37}]
    assert target["after"][:74] == source["before"][:74]
    assert data["events"][0]["byte"] == {"buffer": "arg0", "offset": 37}
    assert [row["buffer"] for row in data["pages"]] == ["arg0", "arg0", "arg2"]
    assert data["debug_output"] == "caught after 4840\x1b[2J\n"
    assert data["pool"] == []


def test_json_of_pool_and_of_a_bugcheck(emu: Emu) -> None:
    (block,) = data_of(emu, "leak 24")["pool"]
    assert (block["size"], block["tag"], block["paged"]) == (24, "Leak", False)
    assert block["allocated_from"].startswith("run!leak+")
    data = data_of(emu, "divide 1 --unguarded")
    assert (data["outcome"]["kind"], data["outcome"]["code"], data["settings"]["guarded"]) == (
        "bugchecked",
        "0x1e",
        False,
    )


MISTAKES = [
    ("", "Missing argument 'ROUTINE'"),
    ("identit 1", "has a routine 'identit'; nearest: identity; exported: "),
    ("identity one", "argument 'one': give an integer"),
    ("identity --irl 3", "No such option '--irl'"),
    ("identity user:@no_such_file", "no_such_file: No such file"),
    ("identity user:@.", "directory"),
    ("identity user:60000000 kernel:60000000", "guest RAM"),
    ("identity 1 --fault none@arg0+1", "there is no buffer 'arg0'; no argument is memory, as user:64 is"),
    ("identity 1 user:9 --fault none@arg0+1", "there is no buffer 'arg0'; memory arguments: arg1"),
    (
        "identity user:9 --fault none@arg0+9",
        "byte 9 lies behind the last one of arg0, which has 9; choose a byte below 9",
    ),
    ("identity user:9 --fault nune@arg0+1", "unknown kind 'nune'"),
    ("identity --fault none@0x123", "0x123 is not allocated"),
    ("identity --irql 16", "irql 16 does not exist"),
    ("identity --budget 0", "a budget of 0 blocks"),
    ("identity --profile i486", "unknown CPU model 'i486'"),
    ("identity --stub ZwClose", "--stub 'ZwClose': give NAME=VALUE"),
    ("identity --stub ZwThing=1", "--stub ZwThing is there twice"),
    ("identity " + "1 " * 33, "33 arguments; a call takes at most 32"),
]


@pytest.mark.parametrize(("line", "says"), MISTAKES)
def test_a_mistake_is_one_line_and_status_2(emu: Emu, line: str, says: str) -> None:
    ran = run_own(emu, line)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("emu: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("CopyFromUsr",), "there is no routine 'CopyFromUsr'; nearest: CopyFromUser, "),
        (("",), "the routine has no name"),
        (("f", "--image", "no_such.S"), "no_such.S: no such file"),
        (
            ("call_thing", "--image", str(GUEST / "run.c")),
            "imports what the kernel does not export: ZwThing; --stub NAME=VALUE provides one",
        ),
        (("memcpy", *(f"--stub=Zw{number}=0" for number in range(2000))), "no stub is left"),
    ],
)
def test_mistakes_about_the_routine(emu: Emu, arguments: tuple[str, ...], says: str) -> None:
    ran = emu("run", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err
    assert ran.err.count("\n") == 1


def test_changed_runs() -> None:
    before = bytes(1000)
    after = bytearray(before)
    after[3:5] = b"ab"
    after[255:258] = b"cde"
    after[999] = 1
    assert changed_runs(before, bytes(after)) == [(3, 2), (255, 3), (999, 1)]
    assert changed_runs(before, before) == []


DRIVER = """
#include <ntddk.h>
#include <usermode_accessors.h>
NTSTATUS Capture(void *user, ULONG *kernel)
{
    __try {
        CopyFromUser(kernel, user, sizeof *kernel);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
NTSTATUS DriverEntry(DRIVER_OBJECT *driver, UNICODE_STRING *path) { return driver || path; }
"""


def test_a_driver_that_includes_the_header_is_linked_with_the_library(emu: Emu, tmp_path: Path) -> None:
    source = tmp_path / "driver.c"
    source.write_text(DRIVER)
    for profile in ("nehalem", "skylake-server", "skylake-server,primitives=kernel"):
        ran = emu("run", "Capture", "user:=abcd", "kernel:4", "--image", str(source), "--profile", profile)
        assert (ran.status, ran.err) == (0, "")
        assert "4 of 4 bytes changed" in ran.out
        assert ("SMAP enforced, the kernel's primitives · IRQL 0" in ran.out) == profile.endswith("=kernel")
    # What the library asks the kernel at its first use is one line.
    asked = re.findall(r"call +ntoskrnl!MmGetSystemRoutineAddress +from driver!UmaInitialize\+\w+ ×\d+", ran.out)
    assert len(asked) == 1
    refused = emu("run", "Capture", "user:4", "kernel:4", "--image", str(source), "--fault", "none@arg0+2")
    assert "driver!CopyFromUser+0x" in refused.out
    assert "returned 0xc0000005 after STATUS_ACCESS_VIOLATION" in refused.out
    assert re.search(r"^ +> +\d+ +\S", refused.out, re.MULTILINE), "the library's source line is quoted"
