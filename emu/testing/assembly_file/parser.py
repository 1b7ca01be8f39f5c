# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the tests of an assembly file from its comments.

    // test: copies five bytes            begins a test; what is commented behind it, up to the first line of code or
    // user src = "hello"                 to the next test, is its directives
    // kernel dst = poison 8
    // call my_copy(dst, src, 5)
    // returns 0
    // dst = "hello" then poison

`// every test:` begins the directives that each test of the file has first. A line that begins with `//` and a `#` is a
remark. `// bytes: 48 8b ??` at the end of a line of code is what the line assembles to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

from emu.testing.assembly_file.grammar import EVERY_TEST, WHOLE_FILE, scan_statement
from emu.testing.assembly_file.model import (
    Allocate,
    AssemblyFile,
    AssemblyTest,
    Bugchecks,
    Call,
    Define,
    Directive,
    ExpectedBytes,
    Exports,
    Holds,
    Inject,
    LeaksNothing,
    NeverCalls,
    Prints,
    Raises,
    Returns,
    Source,
    TimesOut,
    Unchanged,
)
from emu.testing.assembly_file.scanner import HEX_BYTE, SYMBOL, DirectiveError, Scanner
from emu.testing.assembly_file.scope import Scope

ENDINGS: Final = (Returns, Raises, Bugchecks, TimesOut)
EXPECTATIONS: Final = (*ENDINGS, Holds, Unchanged, Exports, NeverCalls, Prints, LeaksNothing)

BYTES_TEST: Final = "bytes"
"""The name of the test that a file's `bytes:` comments are together."""

_HEAD: Final = re.compile(r"(test|every test)\s*:\s*(.*)")
_LIKE_A_HEAD: Final = re.compile(r"\s*(every\s+)?tests?\s*:", re.IGNORECASE)
_CODE_WITH_COMMENT: Final = re.compile(r'((?:[^"/]|"(?:[^"\\]|\\.)*"|/(?!/))*)//(.*)')
_BYTES: Final = re.compile(r"\s*bytes\s*:\s*(.*)", re.IGNORECASE)
_LABEL: Final = re.compile(r"\s*([A-Za-z_?@$.][A-Za-z0-9_?@$.]*)\s*:")


class _Block(NamedTuple):
    """The lines of a test, or of `every test:` where `name` is empty."""

    name: str
    line: int
    lines: list[tuple[int, str]]


def parse_assembly_file(text: str) -> AssemblyFile:
    """Read a file. Raises `DirectiveError` for the first mistake in it."""
    every: list[tuple[int, str]] = []
    blocks: list[_Block] = []
    for block in _blocks(text):
        if block.name:
            blocks.append(block)
        else:
            every += block.lines
    expected = tuple(_expected_bytes(text))
    if not blocks and not expected:
        raise DirectiveError(1, "there is no test in this file; `// test: NAME` begins one")
    _check_names(blocks, bool(expected))
    anything = Scope(None)
    common = [_directive(line, written, anything) for line, written in every]
    sources, defines = _whole_file(common)
    symbols = None if sources or "#include" in text or ".include" in text else frozenset(_symbols(text))
    labels = tuple(dict.fromkeys(_labels(text)))
    tests = tuple(_test(block, every, Scope(symbols, labels)) for block in blocks)
    return AssemblyFile(tests, expected, sources, defines)


def _blocks(text: str) -> Iterator[_Block]:
    block: _Block | None = None
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped.startswith("//"):
            if stripped and block is not None:
                yield block
                block = None
            continue
        comment = stripped.removeprefix("//").strip()
        head = _HEAD.fullmatch(comment)
        if head is not None:
            if block is not None:
                yield block
            block = _Block(_name(number, comment, head), number, [])
        elif _LIKE_A_HEAD.match(comment):
            raise DirectiveError(number, f"`{comment}`: `test: NAME` or `every test:` begins a test")
        elif block is None:
            _refuse_lost(number, comment)
        elif comment and not comment.startswith("#"):
            block.lines.append((number, comment))
    if block is not None:
        yield block


def _refuse_lost(line: int, comment: str) -> None:
    """Refuse a directive in no test, which nobody would miss, where it can hardly be anything else."""
    try:
        statement = scan_statement(Scanner(line, comment), Scope(None))
    except DirectiveError:
        return
    if isinstance(statement, Allocate | Inject | Raises | Bugchecks):
        raise DirectiveError(line, f"`{comment}`: this is in no test; `// test: NAME` begins one, and code ends it")


def _name(line: int, comment: str, head: re.Match[str]) -> str:
    kind, name = head[1], head[2].strip()
    if kind == "every test":
        if name:
            raise DirectiveError(
                line, f"`{comment}`: `every test:` has no name; its directives stand in the next lines"
            )
        return ""
    if not name or "::" in name:
        raise DirectiveError(line, f"`{comment}`: a name without `::` belongs behind `test:`")
    return name


def _check_names(blocks: list[_Block], has_bytes: bool) -> None:
    lines: dict[str, int] = {}
    for block in blocks:
        if block.name in lines:
            raise DirectiveError(block.line, f"`test: {block.name}`: line {lines[block.name]} has a test of that name")
        if has_bytes and block.name == BYTES_TEST:
            raise DirectiveError(block.line, f"`test: {BYTES_TEST}`: that is what the `bytes:` comments are; rename it")
        lines[block.name] = block.line


def _directive(line: int, text: str, scope: Scope) -> Directive:
    return Directive(line, text, scan_statement(Scanner(line, text), scope))


def _whole_file(common: list[Directive]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    sources: list[str] = []
    defines: list[str] = []
    for directive in common:
        match directive.statement:
            case Source(path):
                sources.append(path)
            case Define(text):
                defines.append(text)
            case statement if not isinstance(statement, EVERY_TEST):
                allowed = "memory, faults, settings of the calls, source and define"
                raise DirectiveError(
                    directive.line, f"`{directive.text}`: under `every test:` there can be {allowed}; give it to a test"
                )
    return tuple(sources), tuple(defines)


def _test(block: _Block, every: list[tuple[int, str]], scope: Scope) -> AssemblyTest:
    directives: list[Directive] = []
    for own, lines in ((False, every), (True, block.lines)):
        for line, text in lines:
            directive = _directive(line, text, scope)
            if own and isinstance(directive.statement, WHOLE_FILE):
                raise DirectiveError(line, f"`{text}`: this is about the whole file; put it under `every test:`")
            directives.append(directive)
    _check_order(block, directives)
    return AssemblyTest(block.name, block.line, tuple(directives))


def _check_order(block: _Block, directives: list[Directive]) -> None:
    called: Directive | None = None
    ending: Directive | None = None
    waiting: Directive | None = None
    for directive in directives:
        statement = directive.statement
        if isinstance(statement, Call):
            if ending is not None and isinstance(ending.statement, Bugchecks):
                _refuse(directive, f"nothing can be called after the bugcheck of line {ending.line}")
            called, ending, waiting = directive, None, None
        elif isinstance(statement, EXPECTATIONS):
            if called is None or waiting is not None:
                _refuse(directive, _why_too_early(waiting if called else None))
            if isinstance(statement, ENDINGS):
                if ending is not None:
                    _refuse(directive, f"line {ending.line} says already how the call of line {called.line} ends")
                ending = directive
        else:
            waiting = directive
    if called is None:
        raise DirectiveError(block.line, f"`test: {block.name}`: the test calls nothing; `call NAME(VALUE, …)` does")
    if waiting is not None:
        _refuse(waiting, "nothing is called behind it")


def _why_too_early(waiting: Directive | None) -> str:
    if waiting is None:
        return "nothing is called before it; `call NAME(VALUE, …)` belongs there"
    return f"it stands behind line {waiting.line}, which prepares the next call; put it directly behind its own call"


def _refuse(directive: Directive, why: str) -> NoReturn:
    raise DirectiveError(directive.line, f"`{directive.text}`: {why}")


def _code(text: str) -> Iterator[str]:
    return (line for line in text.split("\n") if not line.strip().startswith("//"))


def _symbols(text: str) -> Iterator[str]:
    """Give every word of the code: macros make symbols of what they are given."""
    for line in _code(text):
        yield from SYMBOL.findall(line.partition("//")[0])


def _labels(text: str) -> Iterator[str]:
    return (found[1] for line in _code(text) if (found := _LABEL.match(line)) is not None)


def _expected_bytes(text: str) -> Iterator[ExpectedBytes]:
    for number, line in enumerate(text.split("\n"), 1):
        found = _CODE_WITH_COMMENT.fullmatch(line)
        listed = _BYTES.fullmatch(found[2]) if found else None
        if found is None or listed is None:
            continue
        code = found[1].strip()
        if not code:
            raise DirectiveError(number, f"`{line.strip()}`: `bytes:` belongs beside code, in the same line")
        scanner = Scanner(number, listed[1].strip())
        values: list[int | None] = []
        while not scanner.at_end:
            byte = scanner.match(HEX_BYTE)
            if byte is None and not scanner.skip("??"):
                scanner.fail("bytes in hexadecimal belong here, two digits each, or `??` for any")
            values.append(None if byte is None else int(byte[0], 16))
        if not values:
            raise DirectiveError(number, f"`{line.strip()}`: bytes in hexadecimal belong behind `bytes:`")
        yield ExpectedBytes(number, code, tuple(values))
