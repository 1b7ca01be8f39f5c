# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs one test of an assembly file on a machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from emu.faults import FaultError
from emu.image import UnknownSymbol
from emu.kernel.explanation import Explanation
from emu.kernel.pool import format_tag
from emu.machine import DEFAULT_BUDGET, Machine
from emu.memory.buffer import Buffer
from emu.memory.errors import OutOfMemory
from emu.testing.assembly_file.expectations import Happened, mistakes_in, out_of_order
from emu.testing.assembly_file.memory import BufferSet
from emu.testing.assembly_file.model import (
    Allocate,
    AssemblyTest,
    Call,
    Directive,
    Expectation,
    Exports,
    Inject,
    Number,
    Place,
    Prints,
    Returns,
    SetBudget,
    SetGuarded,
    SetIrql,
    SetPreviousMode,
    Stub,
    Value,
)
from emu.testing.assembly_file.parser import ENDINGS, EXPECTATIONS


class Failure(NamedTuple):
    """A directive that does not hold, or cannot be carried out."""

    line: int
    text: str
    lines: tuple[str, ...]
    """What was expected and what was found."""


@dataclass
class _Settings:
    """What is said about the calls to come."""

    irql: int = 0
    budget: int = DEFAULT_BUDGET
    guarded: bool = True


class _Step(NamedTuple):
    """A call, what stands before it, and what is expected of it."""

    preparation: list[Directive]
    call: Directive
    expectations: list[Directive]


def run_test(machine: Machine, test: AssemblyTest, image: Path | None) -> list[Failure]:
    """Run a test on a machine as it is after boot, and return what does not hold of the first call that goes wrong.

    Raises `ImageError` and `MissingImports` for an image that cannot be loaded.
    """
    return _Run(machine, test).run(image)


class _Run:
    def __init__(self, machine: Machine, test: AssemblyTest) -> None:
        self._machine = machine
        self._test = test
        self._memory = BufferSet(machine)
        self._settings = _Settings()
        self._faults = [each.statement.fault for each in test.directives if isinstance(each.statement, Inject)]

    def run(self, image: Path | None) -> list[Failure]:
        for directive in self._test.directives:
            if isinstance(directive.statement, Stub):
                self._machine.export(directive.statement.name)(_returning(directive.statement.value))
        if image is not None:
            self._machine.load(image)
        for step in _steps(self._test):
            current = step.call
            try:
                for current in step.preparation:
                    self._prepare(current)
                current = step.call
                failures = self._call(step)
            except (FaultError, OutOfMemory, UnknownSymbol) as error:
                return [_failure(current, str(error))]
            if failures:
                return failures
        return []

    def _address_of(self, value: Value) -> int:
        """Return a number, or where a place is. Raises `UnknownSymbol`."""
        if isinstance(value, Number):
            return value.value
        buffer = self._memory.buffers.get(value.name)
        return (self._machine.resolve(value.name) if buffer is None else buffer.address) + value.offset

    def _argument(self, value: Value) -> int | Buffer:
        """Return a buffer itself where one begins: a machine that keeps its calls knows then what they are about."""
        if isinstance(value, Place) and value.name in self._memory.buffers and not value.offset:
            return self._memory.buffers[value.name]
        return self._address_of(value)

    def _prepare(self, directive: Directive) -> None:
        match directive.statement:
            case Allocate() as wanted:
                self._memory.allocate(wanted, self._faults, self._address_of)
            case Inject(fault):
                self._machine.inject(fault, **self._memory.buffers)
            case SetIrql(level):
                self._settings.irql = level
            case SetBudget(blocks):
                self._settings.budget = blocks
            case SetGuarded(guarded):
                self._settings.guarded = guarded
            case SetPreviousMode(mode):
                self._machine.previous_mode = mode

    def _call(self, step: _Step) -> list[Failure]:
        call = step.call.statement
        assert isinstance(call, Call)
        machine, settings = self._machine, self._settings
        before, surroundings = self._memory.contents(), self._memory.surroundings()
        allocated = {block.address for block in machine.pool.outstanding}
        arguments = [self._argument(argument) for argument in call.arguments]
        outcome = machine.call(
            call.function, *arguments, guarded=settings.guarded, irql=settings.irql, budget=settings.budget
        )
        left = [block for block in machine.pool.outstanding if block.address not in allocated]
        explanation = Explanation(machine.system)
        happened = Happened(
            outcome,
            machine.events,
            before,
            self._memory.contents(),
            tuple(
                f"{block.size} bytes, tag {format_tag(block.tag)!r}, from {explanation.locate(block.caller)}"
                for block in left
            ),
            self._address_of,
            explanation.locate,
        )
        failures = list(_mistakes(step, happened))
        outside = tuple(self._memory.written_outside(surroundings))
        return [*failures, Failure(step.call.line, step.call.text, outside)] if outside else failures


def _returning(value: int) -> Callable[[], int]:
    return lambda: value


def _failure(directive: Directive, *lines: str) -> Failure:
    return Failure(directive.line, directive.text, lines)


def _steps(test: AssemblyTest) -> Iterator[_Step]:
    step: _Step | None = None
    preparation: list[Directive] = []
    for directive in test.directives:
        if isinstance(directive.statement, Call):
            if step is not None:
                yield step
            step, preparation = _Step(preparation, directive, []), []
        elif step is not None and isinstance(directive.statement, EXPECTATIONS):
            step.expectations.append(directive)
        else:
            preparation.append(directive)
    if step is not None:
        yield step


def _mistakes(step: _Step, happened: Happened) -> Iterator[Failure]:
    """Give what does not hold of a call, how it ended first: it explains the rest."""
    endings = [directive for directive in step.expectations if isinstance(directive.statement, ENDINGS)]
    if not endings:
        lines = mistakes_in(happened, Returns(None))
        if lines:
            yield _failure(step.call, *lines)
    others = [directive for directive in step.expectations if directive not in endings]
    ordered: dict[int, Directive] = {}
    for directive in (*endings, *others):
        statement = directive.statement
        if isinstance(statement, Exports | Prints):
            ordered[id(statement)] = directive
            continue
        lines = mistakes_in(happened, _expectation(directive))
        if lines:
            yield _failure(directive, *lines)
    wrong = out_of_order(happened, [_ordered(directive) for directive in ordered.values()])
    if wrong is not None:
        yield _failure(ordered[id(wrong[0])], *wrong[1])


def _expectation(directive: Directive) -> Expectation:
    assert isinstance(directive.statement, EXPECTATIONS)
    return directive.statement


def _ordered(directive: Directive) -> Exports | Prints:
    assert isinstance(directive.statement, Exports | Prints)
    return directive.statement
