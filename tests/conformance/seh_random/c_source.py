# SPDX-License-Identifier: GPL-2.0-or-later
"""The C source of programs: a function `program_N` for each, all in one file, so that the compiler starts once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tests.conformance.seh_random.model import CONTINUED, noted_flags
from tests.conformance.seh_random.statements import (
    CALLS,
    RAISES,
    Block,
    Break,
    Call,
    Continue,
    Filter,
    Goto,
    How,
    If,
    Leave,
    Loop,
    Program,
    Raise,
    Rethrow,
    Return,
    Statement,
    Step,
    TryExcept,
    TryFinally,
    walk,
)

PREAMBLE = """\
/* SPDX-License-Identifier: MIT */
#include "program.h"

/* So that every program ends. */
static long volatile raises_left, calls_left;

static long spend(long volatile *left)
{
    return *left > 0 ? (*left)-- : 0;
}

/* A jump out of a __try with a __finally is written as if it might not be made: see generate.py. */
static long volatile always = 1;

static long volatile zero, quotient = 1;

static __attribute__((noinline, unused)) void divide_by_zero(void)
{
    quotient = quotient / zero;
}

static __attribute__((noinline, unused)) void break_here(void)
{
    __debugbreak();
}

/* In every __try that calls nothing else: see generate.py. */
static __attribute__((noinline, unused)) void nothing(void)
{
}

static long answered(long number, long answer)
{
    note("filter %ld answers %ld", number, answer);
    return answer;
}
"""

CALLING = (Step, Raise, Rethrow, Call, TryExcept, TryFinally)

_RAISE = {
    How.SOFTWARE: "raise(0x{code:08X}, 0, 0)",
    How.NONCONTINUABLE: "raise(0x{code:08X}, EXCEPTION_NONCONTINUABLE, 0)",
    How.STATUS: "RtlRaiseStatus(0x{code:08X})",
    How.READ_IN_CALLEE: "read_nowhere()",
    How.DIVIDE_IN_CALLEE: "divide_by_zero()",
    How.BREAK_IN_CALLEE: "break_here()",
    How.READ: "(void)*NOWHERE",
    How.DIVIDE: "quotient = quotient / zero",
}


def c_source(programs: Mapping[int, Program]) -> str:
    """Return a file with every program, each as the function `program_N` of its key."""
    return "\n".join([PREAMBLE, *(program_source(number, program) for number, program in programs.items())])


def program_source(number: int, program: Program) -> str:
    """Return one program without what all share."""
    return "\n".join(_Writer(number, program).lines()) + "\n"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (line if line.endswith(":;") else f"    {line}" for line in lines)


class _Writer:
    """Writes one program."""

    def __init__(self, number: int, program: Program) -> None:
        self._number, self._program = number, program
        self._prefix = f"p{number}_"
        self._flags = noted_flags(program)
        self._goto_targets = {node.past for node in walk(program) if isinstance(node, Goto)}
        self._finallys = 0  # around the statement being written
        self._rethrown = {node.of for node in walk(program) if isinstance(node, Rethrow)}

    def lines(self) -> Iterator[str]:
        filters = {
            node.number: node.filter for node in walk(self._program) if isinstance(node, TryExcept) and node.filter
        }
        for index in range(len(self._program.functions)):
            yield f"static long {self._prefix}f{index}(long depth);"
        for number in filters:
            yield f"static long {self._prefix}filter{number}(EXCEPTION_POINTERS *pointers, long depth);"
        for number, filter in filters.items():
            yield from self._filter(number, filter)
        for index, function in enumerate(self._program.functions):
            yield ""
            yield f"static __attribute__((noinline)) long {self._prefix}f{index}(long depth)"
            yield "{"
            yield from _indented(self._block(function.body))
            yield f"    return {function.value};"
            yield "}"
        yield ""
        yield f"long program_{self._number}(void)"
        yield "{"
        yield f"    raises_left = {RAISES};"
        yield f"    calls_left = {CALLS};"
        yield f"    return {self._prefix}f0(0);"
        yield "}"

    def _filter(self, number: int, filter: Filter) -> Iterator[str]:
        yield ""
        yield (
            f"static __attribute__((noinline)) long {self._prefix}filter{number}"
            "(EXCEPTION_POINTERS *pointers, long depth)"
        )
        yield "{"
        yield "    unsigned long code = pointers->ExceptionRecord->ExceptionCode;"
        yield (
            f'    note("filter {number}: %08lX, flags %02lX, depth %ld", code,'
            f" pointers->ExceptionRecord->ExceptionFlags & 0x{self._flags:X}, depth);"
        )
        for rule in filter.rules:
            lines = [*self._block(rule.body), f"return {rule.answer};"]
            if rule.code is None:
                yield from _indented(lines)
            else:
                yield f"    if (code == 0x{rule.code:08X}) {{"
                yield from _indented(_indented(lines))
                yield "    }"
        yield "}"

    def _block(self, block: Block) -> Iterator[str]:
        for statement in block:
            yield from self._statement(statement)

    def _statement(self, statement: Statement) -> Iterator[str]:
        match statement:
            case Step(number):
                yield f'note("step {number}, depth %ld", depth);'
            case Raise(how, code):
                yield from self._raise(_RAISE[how].format(code=code))
            case Rethrow(of):
                yield from self._raise(f"raise(code_{of}, 0, 0)")
            case Call(index):
                yield "if (spend(&calls_left))"
                yield f'    note("f{index} returned %ld", {self._prefix}f{index}(depth + 1));'
            case Loop(number, times, body):
                turn = f"turn_{number}"
                yield f"for (long volatile {turn} = 0; {turn} < {times}; ++{turn}) {{"
                yield from _indented(self._block(body))
                yield "}"
            case If(loop, equals, body):
                yield f"if ({'depth' if loop is None else f'turn_{loop}'} == {equals}) {{"
                yield from _indented(self._block(body))
                yield "}"
            case Break():
                yield from self._jump("break")
            case Continue():
                yield from self._jump("continue")
            case Leave():
                yield "__leave;"
            case Goto(past):
                yield from self._jump(f"goto past_{past}")
            case Return(value):
                yield from self._jump(f"return {value}")
            case TryExcept() | TryFinally():
                yield from self._try(statement)

    def _jump(self, jump: str) -> Iterator[str]:
        if self._finallys:
            yield "if (always)"
            yield f"    {jump};"
        else:
            yield f"{jump};"

    def _raise(self, expression: str) -> Iterator[str]:
        yield "if (spend(&raises_left)) {"
        yield f"    {expression};"
        yield f'    note("{CONTINUED}");'
        yield "}"

    def _try(self, statement: TryExcept | TryFinally) -> Iterator[str]:
        number = statement.number
        yield "__try {"
        if not any(isinstance(node, CALLING) for each in statement.body for node in walk(each)):
            yield "    nothing();"
        self._finallys += isinstance(statement, TryFinally)
        yield from _indented(self._block(statement.body))
        self._finallys -= isinstance(statement, TryFinally)
        if isinstance(statement, TryFinally):
            yield "} __finally {"
            yield f'    note("finally {number}: abnormal %d, depth %ld", AbnormalTermination(), depth);'
            yield from _indented(self._block(statement.final))
        else:
            if statement.filter is None:
                yield "} __except (EXCEPTION_EXECUTE_HANDLER) {"
            else:
                call = f"{self._prefix}filter{number}(GetExceptionInformation(), depth)"
                yield f"}} __except (answered({number}, {call})) {{"
            code = "GetExceptionCode()"
            if number in self._rethrown:
                yield f"    unsigned long code_{number} = GetExceptionCode();"
                code = f"code_{number}"
            yield f'    note("except {number}: %08lX", {code});'
            yield from _indented(self._block(statement.handler))
        yield "}"
        if number in self._goto_targets:
            yield f"past_{number}:;"
