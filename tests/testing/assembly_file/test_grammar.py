# SPDX-License-Identifier: GPL-2.0-or-later
"""Every directive: its example reads as what it is, and what it refuses."""

from __future__ import annotations

import pytest

from emu.faults import parse_fault
from emu.profile import Profile
from emu.testing.assembly_file import model
from emu.testing.assembly_file.grammar import MEMORY_FORMS, RULES, Rule, scan_statement
from emu.testing.assembly_file.model import (
    Allocate,
    Bugchecks,
    Call,
    Define,
    Exports,
    Filled,
    Holds,
    Inject,
    LeaksNothing,
    Literally,
    NeverCalls,
    Number,
    Place,
    Prints,
    Raises,
    Returns,
    SetBudget,
    SetGuarded,
    SetIrql,
    SetPreviousMode,
    Slice,
    Source,
    Statement,
    Stub,
    TimesOut,
    Unchanged,
    UseProfiles,
)
from emu.testing.assembly_file.scanner import DirectiveError, Scanner
from emu.testing.assembly_file.scope import Scope


def read(text: str) -> Statement:
    """Read a directive where there are a source, a target of 64 bytes each, and a symbol."""
    scope = Scope(frozenset({"my_copy"}))
    for name in ("src", "dst"):
        scope.buffers[name] = Allocate("user", name, (), 64, None)
    return scan_statement(Scanner(3, text), scope)


STATEMENTS: dict[str, Statement] = {
    'user a = "hello" then pattern 59 at end': Allocate(
        "user", "a", (Literally(b"hello"), Filled("pattern", 59, 7)), 64, 4032
    ),
    "kernel a = poison 64 at +5": Allocate("kernel", "a", (Filled("poison", 64, 7),), 64, 5),
    "kernel a = poison 64": Allocate("kernel", "a", (Filled("poison", 64, 7),), 64, None),
    "fault none@src+37,access=2": Inject(parse_fault("none@src+37,access=2")),
    "fault flip=1@my_copy+2": Inject(parse_fault("flip=1@my_copy+2")),
    "fault no-memory@pool,access=1": Inject(parse_fault("no-memory@pool,access=1")),
    "irql 15": SetIrql(15),
    "budget 5000": SetBudget(5000),
    "unguarded": SetGuarded(False),
    "guarded": SetGuarded(True),
    "previous mode kernel": SetPreviousMode(0),
    "previous mode user": SetPreviousMode(1),
    "profile nehalem,broadwell,smap=off": UseProfiles((Profile("nehalem"), Profile("broadwell", "off"))),
    "export ZwClose = -1": Stub("ZwClose", -1),
    "source ../a file.S": Source("../a file.S"),
    "define CHECKED=1": Define("CHECKED=1"),
    "call f()": Call("f", ()),
    "call f(dst, src+3, -0x10, my_copy)": Call("f", (Place("dst"), Place("src", 3), Number(-16), Place("my_copy"))),
    "returns": Returns(None),
    "returns 0x40": Returns(Number(0x40)),
    "returns dst+64": Returns(Place("dst", 64)),
    "returns 1 in al": Returns(Number(1), 1),
    "returns -1 in eax": Returns(Number(-1), 4),
    "returns STATUS_ACCESS_VIOLATION": Returns(Number(0xC0000005), 4),
    "raises STATUS_ACCESS_VIOLATION": Raises(0xC0000005),
    "raises 0xC0000006 writing dst because STATUS_DEVICE_DATA_ERROR at my_copy-1": Raises(
        0xC0000006, "write", Place("dst"), 0xC000009C, Place("my_copy", -1)
    ),
    "bugchecks 0x50": Bugchecks(0x50),
    "bugchecks PAGE_FAULT_IN_NONPAGED_AREA (dst, _, 0)": Bugchecks(0x50, (Place("dst"), None, Number(0))),
    "times out": TimesOut(),
    "calls ExAllocatePool2": Exports("ExAllocatePool2"),
    "never calls ExAllocatePool2": NeverCalls("ExAllocatePool2"),
    'prints "a\\n"': Prints("a\n"),
    "leaks nothing": LeaksNothing(),
    'dst = "a" then poison': Holds(Slice("dst", 0, 64), (Literally(b"a"), Filled("poison", 63, 7))),
    "dst[2:5] = src[:3]": Holds(Slice("dst", 2, 5), (Slice("src", 0, 3),)),
    "src unchanged": Unchanged(Slice("src", 0, 64)),
    "src[8:] unchanged": Unchanged(Slice("src", 8, 64)),
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_statements(text: str) -> None:
    assert read(text) == STATEMENTS[text]


def test_every_kind_of_statement_is_tested() -> None:
    kinds = {type(statement) for statement in STATEMENTS.values()}
    assert kinds == set(model.Statement.__args__)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.begins)
def test_examples(rule: Rule) -> None:
    assert rule.example.startswith(rule.begins)
    assert rule.form.startswith(rule.begins)
    scope = Scope(None)
    for name in {"src", "dst"} - set(rule.example.split()[1:2]):
        scope.buffers[name] = Allocate("user", name, (), 64, None)
    assert type(scan_statement(Scanner(1, rule.example), scope)) in {type(each) for each in STATEMENTS.values()}


@pytest.mark.parametrize(("form", "meaning", "example"), MEMORY_FORMS)
def test_examples_about_memory(form: str, meaning: str, example: str) -> None:
    assert isinstance(read(example), Holds if "=" in form else Unchanged)
    assert meaning


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cal f()", "there is no directive 'cal'; nearest: call"),
        ("xyzzy", "(a remark begins with #)"),
        ("user src = poison 5", "the test has a buffer 'src' already"),
        ("user then = poison 5", "'then' is a word of the directives; choose another name"),
        ("user pattern = poison 5", "'pattern' is a word of the directives"),
        ("user = poison 5", "the buffer's name belongs here"),
        ("user a poison 5", "`=` belongs here"),
        ("user a = poison 5 at 6", "`+` and an offset in a page, or `end`, belongs here"),
        ("user a = poison 5 at +4096", "an offset in a page lies between 0 and 4095"),
        ("user a = poison 5 5", "`then`, `at` or the end is allowed here"),
        ("fault none@scr+3", "there is no buffer 'scr' in this test, and no symbol 'scr' in this file; nearest: src"),
        ("fault nome@src+3", "unknown kind 'nome'"),
        ("fault", "a fault, as none@src+37, belongs here"),
        ("irql 16", "an IRQL lies between 0 and 15"),
        ("irql 2 3", "at '3': nothing is allowed here"),
        ("budget 0", "a number of blocks lies between 1 and"),
        ("previous mode kernal", "a mode belongs here: kernel, user"),
        ("profile i486", "unknown CPU model 'i486'"),
        ("profile nehalem,nehalem", "a profile is given twice"),
        ("profile", "belongs here"),
        ("export ZwClose = x", "the form is export NAME = INTEGER"),
        ("call f", "`(` belongs here"),
        ("call f(dst src)", "`,` or `)` is allowed here"),
        ("call f(dst,)", "a number, or a buffer or symbol with its offset (src+37), belongs here"),
        ("call f(scr)", "nearest: src"),
        ("call f(" + ",".join("1" * 33) + ")", "33 arguments; at most "),
        ("call f(0x10000000000000000)", "a number has 64 bits at most"),
        ("returns 256 in al", "the register has 8 bits"),
        ("returns 1 in rbx", "a register belongs here: rax, eax, ax, al"),
        ("returns STATUS_NONE", "unknown status"),
        ("returns 1 or 2", "`in` or the end is allowed here"),
        ("raises STATUS_ACCESS_VIOLATION reading", "belongs here"),
        ("raises STATUS_ACCESS_VIOLATION of src", "`reading`, `writing`, `executing`, `because`, `at` or the end"),
        ("raises", "an NTSTATUS, as STATUS_ACCESS_VIOLATION or 0xC0000005, belongs here"),
        ("bugchecks PAGE_FAULT", "unknown bugcheck; nearest: "),
        ("bugchecks 0x50 (1, 2, 3, 4, 5)", "a bugcheck has four parameters"),
        ("bugchecks 0x50 (1", "`,` or `)` is allowed here"),
        ("bugchecks 0x50 1", "`(` or the end is allowed here"),
        ("prints done", "a text in quotes belongs here"),
        ('prints ""', "a text in quotes belongs here"),
        ("dst", "`=` or `unchanged` belongs here"),
        ("dts = poison", "there is no buffer 'dts' in this test; nearest: dst"),
        ("dts unchanged", "there is no buffer 'dts'"),
        ("dst[0:65] = poison", "the byte of dst behind the last or `]` lies between 0 and 64"),
        ("dst = poison 5", "5 bytes for the 64 that are asked about"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(DirectiveError) as refused:
        read(text)
    assert message in str(refused.value)
    assert str(refused.value).startswith(f"line 3: `{text}`: ")
    assert "\n" not in str(refused.value)
