# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu accessors`: the list, its filters, one of each kind, JSON, mistakes."""

import json
import re

import pytest

from emu.accessors import CLAUSES, FAMILIES, FAMILY
from tests.cli.command_line import Emu


def names_of(emu: Emu, *arguments: str) -> list[str]:
    ran = emu("accessors", *arguments, "--json")
    assert (ran.status, ran.err) == (0, "")
    return [row["name"] for row in json.loads(ran.out)["accessors"]]


def test_every_accessor_is_listed_with_what_there_is_to_know(emu: Emu) -> None:
    ran = emu("accessors")
    assert (ran.status, ran.err) == (0, "")
    shown = " ".join(ran.out.split())
    for accessor in FAMILY.values():
        assert f"{accessor.signature} library: " in shown
    for family, what in FAMILIES.items():
        assert re.search(rf"^{family.capitalize()}  \d+ · {re.escape(what)}$", ran.out, re.MULTILINE)
    assert "MISSING" not in ran.out


def test_a_row_has_the_status_on_each_kernel_and_its_own_clauses(emu: Emu) -> None:
    shown = " ".join(emu("accessors", "--family", "copy").out.split())
    assert "SIZE_T Length) library: own copy kernel: RtlCopyFromUserNonTemporal unaligned non-temporal" in shown
    assert "library: header macro kernel: header macro alignment-probed" in shown
    assert "all: copies volatile relaxed" in shown


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--family", "string-length"), 4),
        (("--family", "string length"), 4),
        (("--kind", "macro"), 10),
        (("--mode", "kernel"), 1),
        (("--family", "fill", "--mode", "mode"), 3),
        (("Read*Acquire",), 29),
        (("rtl*",), 32),
        (("*Struct*", "--kind", "function"), 4),
    ],
)
def test_filters(emu: Emu, arguments: tuple[str, ...], expected: int) -> None:
    assert len(names_of(emu, *arguments)) == expected


def test_the_same_as_data(emu: Emu) -> None:
    (row,) = json.loads(emu("accessors", "ReadHandleFromMod*", "--json").out)["accessors"]
    assert row["signature"] == "HANDLE ReadHandleFromMode(const volatile HANDLE *Source, KPROCESSOR_MODE Mode)"
    assert row["parameters"][0] == {
        "name": "Source",
        "type": "const volatile HANDLE*",
        "direction": "in",
        "side": "mode",
    }
    assert (row["width"], row["primitive"], row["user_form"]) == (8, "RtlReadULong64FromUser", "ReadHandleFromUser")
    assert row["status"] == {"library": "own", "kernel": "kernel"}
    assert names_of(emu) == list(FAMILY)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("CopyFromUser", "VOID CopyFromUser(VOID *Destination, const volatile VOID *Source, SIZE_T Length) Copies"),
        ("CopyFromUser", "Source const volatile VOID* in user memory"),
        ("CopyFromUser", "primitives=kernel the kernel's RtlCopyFromUser Clauses"),
        ("CopyFromUser", "Decisions where the documentation is silent"),
        ("CopyFromUserToMode", "the kernel's RtlCopyToUserFromUser, RtlCopyFromUser with KernelMode"),
        ("ReadULongFromMode", "the kernel's RtlReadULongFromUser; own copy with KernelMode"),
        ("ReadULongFromMode", "access ULONG, 4 bytes User form ReadULongFromUser"),
        ("ReadUnicodeStringFromUser", "access UNICODE_STRING, 16 bytes in several"),
        ("RtlCopyToUser", "IRQL <= APC_LEVEL, as of those that stand on it"),
        ("UmaExceptionFilter", "EXCEPTION_CONTINUE_SEARCH (0). It looks at nothing else."),
        ("CopyFromUserAligned", "Expansion usermode_accessors.h:"),
        ("WriteStructToUser", "Calls WriteStructToUserHelper"),
    ],
)
def test_one_accessor(emu: Emu, name: str, says: str) -> None:
    ran = emu("accessors", name)
    assert (ran.status, ran.err) == (0, "")
    assert says in " ".join(ran.out.split())
    assert max(map(len, ran.out.splitlines())) <= 100
    for clause in FAMILY[name].clauses:
        assert re.search(rf"^  {clause} +{re.escape(CLAUSES[clause].text[:20])}", ran.out, re.MULTILINE)


def test_the_code_of_one(emu: Emu) -> None:
    out = emu("accessors", "ReadULongFromUser").out
    assert re.search(r"^Routine  umaccess!ReadULongFromUser, \d+ bytes$", out, re.MULTILINE)
    assert re.search(r"^  \+0x0 +mov r10, qword ptr \[UmaKernel\w+\] +typed\.S:\d+  READ ", out, re.MULTILINE)
    assert re.search(r"^  \+0x\w+ +mov eax, dword ptr \[rcx\]$", out, re.MULTILINE)
    assert re.search(r"^Macro READ  typed\.inc:\d+$", out, re.MULTILINE)


def test_one_as_data(emu: Emu) -> None:
    data = json.loads(emu("accessors", "CopyFromUser", "--json").out)
    assert [clause["name"] for clause in data["clauses"]] == list(FAMILY["CopyFromUser"].clauses)
    assert data["routine"]["instructions"][0]["offset"] == 0
    assert {macro["name"] for macro in data["macros"]} >= {"BEGIN"}
    macro = json.loads(emu("accessors", "ReadStructFromUser", "--json").out)
    assert (macro["routine"], macro["calls"]) == (None, ["ReadStructFromUserHelper"])
    assert macro["macros"][0]["text"].startswith("#define ReadStructFromUser(Destination, Source)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CopyFromUsr",), "there is no accessor 'CopyFromUsr'; nearest: CopyFromUser, "),
        (("copyfromuser",), "there is no accessor 'copyfromuser'; nearest: CopyFromUser, "),
        (("zzzzzzzz",), "there is no accessor 'zzzzzzzz'; `emu accessors` lists all 266"),
        (("--family", "typd"), "there is no family 'typd'; there are typed, aggregate, "),
        (("--mode", "both"), "there is no mode 'both'; there are user, mode, kernel"),
        (("--kind", "x"), "there is no kind 'x'; there are function, macro"),
        (("Zero*", "--kind", "macro"), "no accessor is all of that; leave out a filter, or widen the pattern"),
        (("CopyFromUser", "--mode", "user"), "--mode filters the list; CopyFromUser is one accessor"),
    ],
)
def test_mistakes(emu: Emu, arguments: tuple[str, ...], message: str) -> None:
    ran = emu("accessors", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"emu: {message}")
    assert ran.err.count("\n") == 1
