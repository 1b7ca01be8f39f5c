# SPDX-License-Identifier: GPL-2.0-or-later
"""Which comments of a file are directives, and what belongs where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.profile import Profile
from emu.testing.assembly_file.grammar import MEMORY_FORMS, RULES
from emu.testing.assembly_file.model import AssemblyFile, Call, ExpectedBytes, Holds, Returns, SetIrql
from emu.testing.assembly_file.parser import parse_assembly_file
from emu.testing.assembly_file.scanner import DirectiveError

FILE = """\
// SPDX-License-Identifier: MIT
// What it does, in prose: returns 3.

// every test:
// source other.S
// define SIZE=8
// kernel dst = poison 8

    // test: the first
    // # a remark
    //
    // irql 2

    // call f(dst, 1)
    // returns 0
f:  mov al, [rdx]       // bytes: 8a 02
    ret                 // returns to whoever called
    .ascii "// bytes: zz"
// test: the second
// profile nehalem,epyc
// call f(dst)
// dst = poison
"""


def test_a_file() -> None:
    parsed = parse_assembly_file(FILE)
    first, second = parsed.tests
    assert (first.name, first.line, second.name, second.line) == ("the first", 9, "the second", 19)
    assert [directive.line for directive in first.directives] == [5, 6, 7, 12, 14, 15]
    assert [type(each.statement) for each in first.directives[3:]] == [SetIrql, Call, Returns]
    assert first.directives[4].text == "call f(dst, 1)"
    assert isinstance(second.directives[-1].statement, Holds)
    assert first.profiles == ()
    assert second.profiles == (Profile("nehalem"), Profile("epyc"))
    assert parsed.bytes == (ExpectedBytes(16, "f:  mov al, [rdx]", (0x8A, 0x02)),)
    assert (parsed.sources, parsed.defines) == (("other.S",), ("SIZE=8",))


def test_bytes_alone_are_a_test() -> None:
    parsed = parse_assembly_file('  call g # "//" // bytes: E8 ?? ?? ??   00\n')
    assert parsed.tests == ()
    assert parsed.bytes == (ExpectedBytes(1, 'call g # "//"', (0xE8, None, None, None, 0)),)


TEST = "// test: a\n"
CALL = "// call f()\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "there is no test in this file; `// test: NAME` begins one"),
        ("f: ret // returns 3\n", 1, "there is no test in this file"),
        ("\n// Test: a\n" + CALL, 2, "`Test: a`: `test: NAME` or `every test:` begins a test"),
        ("// tests: a\n" + CALL, 1, "`test: NAME` or `every test:` begins a test"),
        ("// test:\n" + CALL, 1, "a name without `::` belongs behind `test:`"),
        ("// test: a::b\n" + CALL, 1, "a name without `::`"),
        ("// every test: a\n", 1, "`every test:` has no name"),
        (TEST + CALL + TEST + CALL, 3, "line 1 has a test of that name"),
        ("// test: bytes\n" + CALL + "ret // bytes: c3\n", 1, "that is what the `bytes:` comments are; rename it"),
        (TEST + CALL + "f: ret\n// raises STATUS_ACCESS_VIOLATION\n", 4, "this is in no test; `// test:"),
        ("// user src = poison 5\n" + TEST + CALL, 1, "this is in no test"),
        (TEST, 1, "the test calls nothing"),
        (TEST + "// irql 2\n", 1, "the test calls nothing"),
        (TEST + "// returns 0\n" + CALL, 2, "nothing is called before it"),
        (TEST + "// user a = poison 4\n// a = poison\n" + CALL, 3, "nothing is called before it"),
        (TEST + CALL + "// irql 2\n", 3, "`irql 2`: nothing is called behind it"),
        (TEST + CALL + "// irql 2\n// returns 0\n" + CALL, 4, "it stands behind line 3, which prepares the next call"),
        (TEST + CALL + "// returns 0\n// raises 0xC0000005\n", 4, "line 3 says already how the call of line 2 ends"),
        (TEST + CALL + "// bugchecks 0x50\n" + CALL, 4, "nothing can be called after the bugcheck of line 3"),
        (TEST + "// source a.S\n" + CALL, 2, "this is about the whole file; put it under `every test:`"),
        ("// every test:\n// call f()\n" + TEST + CALL, 2, "under `every test:` there can be memory, faults, settings"),
        ("// every test:\n// irql 16\n", 1, "there is no test in this file"),
        ("// every test:\n// irql 16\n" + TEST + CALL, 2, "an IRQL lies between 0 and 15"),
        (TEST + "// Calls it twice.\n" + CALL, 2, "there is no directive 'Calls'; nearest: calls, call, never "),
        (TEST + "// call f(g)\nf: ret\n", 2, "no symbol 'g' in this file; known: f"),
        ("ret\n// bytes: c3\n", 2, "`bytes:` belongs beside code, in the same line"),
        ("ret // bytes: c\n", 1, "two digits each, or `??` for any"),
        ("ret // bytes: c3 c34\n", 1, "two digits each"),
        ("ret // bytes:\n", 1, "bytes in hexadecimal belong behind `bytes:`"),
    ],
)  # fmt: skip
def test_mistakes(text: str, line: int, message: str) -> None:
    with pytest.raises(DirectiveError) as refused:
        parse_assembly_file(text)
    assert message in refused.value.message
    assert refused.value.line == line


@pytest.mark.parametrize(
    "more", ['#include "macros.inc"', '    .include "macros.inc"', "// every test:\n// source g.S"]
)
def test_symbols_of_other_files_are_left_to_the_run(more: str) -> None:
    (test,) = parse_assembly_file(f"{TEST}// call f(g)\n{more}\n").tests
    assert test.name == "a"


@pytest.mark.parametrize("code", ["g: ret", "  .globl f, g", ".set g, 5", "1: g: ret", "framed g, DbgPrint // x"])
def test_symbols_of_the_file(code: str) -> None:
    assert parse_assembly_file(f"{TEST}// call f(g)\n{code}\n").tests


def test_a_word_in_a_comment_is_no_symbol() -> None:
    with pytest.raises(DirectiveError, match="no symbol 'g' in this file; known: f"):
        parse_assembly_file(f"{TEST}// call h(g)\n// g\nf: ret // g\n")


def test_lines_are_those_of_the_compiler() -> None:
    """A form feed and the separators of Unicode end no line."""
    (test,) = parse_assembly_file("// \f \x85 \u2028\r\n// test: a\r\n// call f()\r\n").tests
    assert (test.name, test.line, test.directives[0].line) == ("a", 2, 3)


def test_what_is_for_every_test_is_of_each_anew() -> None:
    parsed = parse_assembly_file(
        f"// every test:\n// user a = poison 4\n{TEST}// call f(a)\n// test: b\n// call f(a)\n"
    )
    assert [len(test.directives) for test in parsed.tests] == [2, 2]


EXAMPLES = [rule.example for rule in RULES] + [example for _, _, example in MEMORY_FORMS]


def _read(text: str) -> AssemblyFile | DirectiveError:
    try:
        return parse_assembly_file(text)
    except DirectiveError as refused:
        return refused


def _changed(text: str, at: int, more: str) -> str:
    return text[:at] + more + text[at:]


LINES = st.one_of(
    st.sampled_from(EXAMPLES),
    st.text(max_size=30),
    st.builds(_changed, st.sampled_from(EXAMPLES), st.integers(0, 30), st.text(max_size=4)),
)


@given(st.lists(LINES, max_size=8), st.booleans())
def test_any_text_is_read_or_refused_with_its_line(lines: list[str], every: bool) -> None:
    head = "// every test:" if every else TEST.strip()
    text = "\n".join((head, *(f"// {line}" for line in lines), *((TEST.strip(), CALL) if every else ())))
    shown = text.split("\n")
    found = _read(text)
    if isinstance(found, DirectiveError):
        assert 1 <= found.line <= len(shown)
        assert "\n" not in found.message
    else:
        for test in found.tests:
            assert all(directive.text in shown[directive.line - 1] for directive in test.directives)


@given(st.text())
def test_any_file_is_read_or_refused(text: str) -> None:
    found = _read(text)
    assert found.line >= 1 if isinstance(found, DirectiveError) else found.tests or found.bytes
