# SPDX-License-Identifier: GPL-2.0-or-later
"""The directives: how each begins, what follows, and what it says. The manual's page is made of this table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from emu.address import PAGE_SIZE
from emu.campaign.experiment.argument import parse_stub
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.faults import BufferPlace, FaultError, parse_fault
from emu.kernel.call import MAXIMUM_ARGUMENTS
from emu.profile import ProfileError, parse_profiles
from emu.testing.assembly_file.content import FILLINGS, INTEGERS, scan_content
from emu.testing.assembly_file.endings import scan_bugchecks, scan_raises, scan_returns
from emu.testing.assembly_file.model import (
    Allocate,
    Call,
    Define,
    Exports,
    HalfName,
    Holds,
    Inject,
    LeaksNothing,
    NeverCalls,
    Prints,
    SetBudget,
    SetGuarded,
    SetIrql,
    SetPreviousMode,
    Source,
    Statement,
    Stub,
    TimesOut,
    Unchanged,
    UseProfiles,
    Value,
)
from emu.testing.assembly_file.scanner import NAME, Scanner, nearest
from emu.testing.assembly_file.scope import KEYWORDS, Scope

MOST_BLOCKS: Final = 1 << 40

MODES: Final = ("kernel", "user")
"""Previous modes, by their number."""


class Rule(NamedTuple):
    """One directive."""

    begins: str
    form: str
    meaning: str
    example: str
    scan: Callable[[Scanner, Scope], Statement]


def _buffer(half: HalfName) -> Callable[[Scanner, Scope], Allocate]:
    def scan(scanner: Scanner, scope: Scope) -> Allocate:
        name = scanner.name("the buffer's name")
        if name in scope.buffers:
            scanner.fail_whole(f"the test has a buffer {name!r} already")
        if name in RESERVED:
            scanner.fail_whole(f"{name!r} is a word of the directives; choose another name")
        scanner.require("=")
        content, size = scan_content(scanner, scope)
        offset = None
        if scanner.skip("at"):
            if scanner.skip("end"):
                offset = -size % PAGE_SIZE
            elif scanner.skip("+"):
                offset = scanner.number("an offset in a page", 0, PAGE_SIZE - 1)
            else:
                scanner.fail("`+` and an offset in a page, or `end`, belongs here")
        scanner.end("`then`" if offset is not None else "`then`, `at`")
        scope.buffers[name] = found = Allocate(half, name, content, size, offset)
        return found

    return scan


def _fault(scanner: Scanner, scope: Scope) -> Inject:
    text = scanner.rest("a fault, as none@src+37,")
    try:
        fault = parse_fault(text)
    except FaultError as error:
        scanner.fail_whole(str(error).removeprefix(f"fault {text!r}: "))
    if isinstance(fault.place, BufferPlace):
        scope.require(scanner, fault.place.buffer)
    return Inject(fault)


def _irql(scanner: Scanner, _: Scope) -> SetIrql:
    return SetIrql(scanner.number("an IRQL", 0, 15))


def _budget(scanner: Scanner, _: Scope) -> SetBudget:
    return SetBudget(scanner.number("a number of blocks", 1, MOST_BLOCKS))


def _previous_mode(scanner: Scanner, _: Scope) -> SetPreviousMode:
    return SetPreviousMode(MODES.index(scanner.choice("a mode", MODES)))


def _profile(scanner: Scanner, _: Scope) -> UseProfiles:
    try:
        profiles = parse_profiles(scanner.rest("a profile, as nehalem or broadwell,smap=off,"))
    except ProfileError as error:
        scanner.fail_whole(str(error))
    if len(set(profiles)) != len(profiles):
        scanner.fail_whole("a profile is given twice")
    return UseProfiles(profiles)


def _export(scanner: Scanner, _: Scope) -> Stub:
    name = scanner.symbol("the export's name")
    scanner.require("=")
    value = scanner.rest("the integer that it returns")
    try:
        stub = parse_stub(f"{name}={value}")
    except ExperimentError:
        scanner.fail_whole("the form is export NAME = INTEGER, as in export ZwClose = 0")
    return Stub(stub.name, stub.value)


def _call(scanner: Scanner, scope: Scope) -> Call:
    function = scanner.symbol("the function's name")
    scope.called(function)
    scanner.require("(")
    arguments: list[Value] = []
    if not scanner.skip(")"):
        arguments.append(scope.value(scanner))
        while scanner.skip(","):
            arguments.append(scope.value(scanner))
        if not scanner.skip(")"):
            scanner.fail("`,` or `)` is allowed here")
    if len(arguments) > MAXIMUM_ARGUMENTS:
        scanner.fail_whole(f"{len(arguments)} arguments; at most {MAXIMUM_ARGUMENTS} are passed")
    return Call(function, tuple(arguments))


def _prints(scanner: Scanner, _: Scope) -> Prints:
    text = scanner.try_string()
    if not text:
        scanner.fail('a text in quotes belongs here, as in prints "done"')
    return Prints(text.decode("utf-8", "replace"))


RULES: Final = (
    Rule(
        "user",
        "user NAME = CONTENT [at +N | at end]",
        "a buffer in user memory, on pages of its own: N bytes into its first page, or with its end at a page's. "
        "Without `at` a page begins with the first byte that a `fault` puts a page state on, or with the buffer",
        'user src = "hello" then pattern 59 at end',
        _buffer("user"),
    ),
    Rule(
        "kernel",
        "kernel NAME = CONTENT [at +N | at end]",
        "the same in kernel memory",
        "kernel dst = poison 64",
        _buffer("kernel"),
    ),
    Rule(
        "fault",
        "fault FAULT",
        "arm a [fault](text-forms.md#faults); accesses and instructions are counted from the next call on",
        "fault none@src+37,access=2",
        _fault,
    ),
    Rule("irql", "irql N", "call at this IRQL from here on; 0 at first", "irql 2", _irql),
    Rule("budget", "budget N", "blocks that a call may run from here on; 1000000 at first", "budget 5000", _budget),
    Rule(
        "unguarded",
        "unguarded",
        "call without an `__except` around it from here on: an exception that nobody handles bugchecks",
        "unguarded",
        lambda _, __: SetGuarded(False),
    ),
    Rule(
        "guarded",
        "guarded",
        "with an `__except` again, as at first",
        "guarded",
        lambda _, __: SetGuarded(True),
    ),
    Rule(
        "previous mode",
        "previous mode MODE",
        f"what ExGetPreviousMode answers from here on: {' or '.join(MODES)}; user at first",
        "previous mode kernel",
        _previous_mode,
    ),
    Rule(
        "profile",
        "profile PROFILE,…",
        "run the test on each of these [profiles](text-forms.md#profiles), instead of the default one or those of "
        "`--emu-profiles`",
        "profile nehalem,broadwell,smap=off",
        _profile,
    ),
    Rule(
        "export",
        "export NAME = INTEGER",
        "a kernel export that only returns this value, for the whole test",
        "export ZwClose = 0",
        _export,
    ),
    Rule(
        "source",
        "source FILE",
        "build this file into the image, too; it lies relative to the test file",
        "source ../memcpy.S",
        lambda scanner, _: Source(scanner.rest("a file")),
    ),
    Rule(
        "define",
        "define NAME=VALUE",
        "a macro of the preprocessor",
        "define CHECKED=1",
        lambda scanner, _: Define(scanner.rest("NAME or NAME=VALUE")),
    ),
    Rule(
        "call",
        "call NAME(VALUE, …)",
        "call a function of the image or of any other module; what stands behind it is about this call, up to the next",
        "call my_copy(dst, src, 64)",
        _call,
    ),
    Rule(
        "returns",
        "returns [STATUS | VALUE [in REGISTER]]",
        "the call returned this in RAX, or in the part of it that REGISTER is (rax, eax, ax, al); a STATUS in EAX; "
        "without a value, anything. It is what is expected where nothing is said",
        "returns 0x40",
        scan_returns,
    ),
    Rule(
        "raises",
        "raises STATUS [reading|writing|executing VALUE] [because STATUS] [at VALUE]",
        "an exception left the call: which access failed and where, the reason of an in-page error, the instruction",
        "raises STATUS_ACCESS_VIOLATION reading src+37 at my_copy+4",
        scan_raises,
    ),
    Rule(
        "bugchecks",
        "bugchecks CODE [(VALUE, …)]",
        "the machine stopped, with a code by its number or name, and parameters as far as they are given; `_` is any",
        "bugchecks PAGE_FAULT_IN_NONPAGED_AREA (0xFFFF800000000000, 2)",
        scan_bugchecks,
    ),
    Rule("times out", "times out", "the call used up its budget", "times out", lambda _, __: TimesOut()),
    Rule(
        "calls",
        "calls NAME",
        "the call called this kernel export; several in this order, whatever is between them",
        "calls ExAllocatePool2",
        lambda scanner, _: Exports(scanner.symbol("the export's name")),
    ),
    Rule(
        "never calls",
        "never calls NAME",
        "it did not call this kernel export",
        "never calls ExRaiseStatus",
        lambda scanner, _: NeverCalls(scanner.symbol("the export's name")),
    ),
    Rule(
        "prints",
        'prints "TEXT"',
        "a line that it printed with DbgPrint or a relative has this text in it; several in this order",
        'prints "copied 64"',
        _prints,
    ),
    Rule(
        "leaks nothing",
        "leaks nothing",
        "every pool block that it allocated is freed",
        "leaks nothing",
        lambda _, __: LeaksNothing(),
    ),
)
"""Every directive that begins with a word."""

MEMORY_FORMS: Final = (
    (
        "NAME = CONTENT, NAME[A:B] = CONTENT",
        "behind the call the buffer, or bytes A up to B of it, hold this; the last piece may leave out its size and "
        "takes what is left",
        'dst = "hello" then poison',
    ),
    ("NAME unchanged, NAME[A:B] unchanged", "the call left them as they were before it", "src unchanged"),
)
"""And those that begin with the name of a buffer: form, meaning, example."""

RESERVED: Final = frozenset(
    (
        *(rule.begins.split()[0] for rule in RULES),
        *KEYWORDS,
        *FILLINGS,
        *INTEGERS,
        "hex",
        "seed",
        "every",
        "test",
        "self",
    )
)
"""What no buffer can be called."""

EVERY_TEST: Final = (Allocate, Inject, SetIrql, SetBudget, SetGuarded, SetPreviousMode, UseProfiles, Stub)
"""What `every test:` can hold, besides what is the whole file's."""
WHOLE_FILE: Final = (Source, Define)


def scan_memory(scanner: Scanner, scope: Scope) -> Holds | Unchanged:
    """Read a directive that begins with the name of a buffer."""
    where = scope.try_slice(scanner)
    if where is None:
        found = scanner.match(NAME)
        if found is not None and (scanner.skip("=") or scanner.skip("[") or scanner.skip("unchanged")):
            scanner.fail_whole(f"there is no buffer {found[0]!r} in this test{nearest(found[0], scope.buffers)}")
        word = found[0] if found else scanner.text
        words = [rule.begins for rule in RULES]
        scanner.fail_whole(f"there is no directive {word!r}{nearest(word, words)} (a remark begins with #)")
    if scanner.skip("unchanged"):
        return Unchanged(where)
    if not scanner.skip("="):
        scanner.fail("`=` or `unchanged` belongs here")
    content, _ = scan_content(scanner, scope, where.size)
    return Holds(where, content)


def scan_statement(scanner: Scanner, scope: Scope) -> Statement:
    """Read one directive. Raises `DirectiveError`."""
    for rule in RULES:
        if scanner.skip(rule.begins):
            statement = rule.scan(scanner, scope)
            break
    else:
        statement = scan_memory(scanner, scope)
    scanner.end()
    return statement
