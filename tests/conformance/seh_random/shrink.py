# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that are one thing smaller than a program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.conformance.seh_random.model import run
from tests.conformance.seh_random.statements import (
    Block,
    Filter,
    If,
    Loop,
    Program,
    Statement,
    TryExcept,
    TryFinally,
    is_well_formed,
)


def smaller(program: Program) -> Iterator[Program]:
    """Yield what leaving out one thing makes of a program, the largest first: a function's body, a statement, a rule of
    a filter; or putting a block in place of the statement it belongs to."""
    for index, function in enumerate(program.functions):
        for body in _blocks(function.body):
            functions = list(program.functions)
            functions[index] = replace(function, body=body)
            candidate = Program(tuple(functions))
            if is_well_formed(candidate) and run(candidate).is_bounded:
                yield candidate


def _blocks(block: Block) -> Iterator[Block]:
    if len(block) > 1:
        yield ()
    for index, statement in enumerate(block):
        before, after = block[:index], block[index + 1 :]
        yield before + after
        for inner in _inner_blocks(statement):
            yield before + inner + after
        for other in _statements(statement):
            yield (*before, other, *after)


def _inner_blocks(statement: Statement) -> Iterator[Block]:
    match statement:
        case Loop(body=body) | If(body=body):
            yield body
        case TryExcept(body=body, handler=second) | TryFinally(body=body, final=second):
            yield body
            yield second


def _statements(statement: Statement) -> Iterator[Statement]:
    match statement:
        case Loop() | If():
            yield from (replace(statement, body=body) for body in _blocks(statement.body))
        case TryFinally():
            yield from (replace(statement, body=body) for body in _blocks(statement.body))
            yield from (replace(statement, final=final) for final in _blocks(statement.final))
        case TryExcept():
            yield from (replace(statement, body=body) for body in _blocks(statement.body))
            yield from (replace(statement, handler=handler) for handler in _blocks(statement.handler))
            if statement.filter is not None:
                yield replace(statement, filter=None)
                yield from (replace(statement, filter=filter) for filter in _filters(statement.filter))


def _filters(filter: Filter) -> Iterator[Filter]:
    for index, rule in enumerate(filter.rules):
        before, after = filter.rules[:index], filter.rules[index + 1 :]
        if rule.code is not None:
            yield Filter(before + after)
        for body in _blocks(rule.body):
            yield Filter((*before, replace(rule, body=body), *after))
