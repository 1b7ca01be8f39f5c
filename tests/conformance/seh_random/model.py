# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program does, by the rules of two-phase exception handling alone.

Nothing of the emulator's dispatcher is used, nor anything like it: no addresses, contexts or tables. The stack is a
list of what is active, from the outermost on. An exception searches it from the end, runs the filters it meets, then
runs the `__finally` blocks up to the scope that took it (Microsoft Learn, "x64 exception handling"). Both run on top of
the stack as it is, behind a mark of the dispatcher that called them, which a further exception inside them meets:

* a search's mark makes that search's exception a nested one, and is passed by;
* an unwind's mark leads to the frame being unwound, behind the scope whose `__finally` was running.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from emu.nt.status import NtStatus
from tests.conformance.seh_random.statements import (
    CALLS,
    RAISES,
    Block,
    Break,
    Call,
    Continue,
    Filter,
    Function,
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
    tries_inside_finally,
)

NONCONTINUABLE: Final = 0x01
NESTED_CALL: Final = 0x10

CONTINUED: Final = "continued"

MOST_LINES: Final = 250
MOST_STACK: Final = 0x5800
"""Of the kernel stack's 24 KiB."""


class Run(NamedTuple):
    """What a program does."""

    lines: tuple[str, ...]
    met: Counter[str]
    """How often each rule of the model was used, by name."""
    deepest: int
    """The most bytes of stack that were in use at once, by a generous estimate."""

    @property
    def is_bounded(self) -> bool:
        """Whether the program is short enough to be read, and fits the kernel's stack."""
        return self.deepest <= MOST_STACK and len(self.lines) <= MOST_LINES


def run(program: Program) -> Run:
    """Run a program."""
    return _Execution(program).run()


def noted_flags(program: Program) -> int:
    """Return the exception flags that a program's filters note.

    A compiler may write a `__finally` block into its function where it is not run by an unwind. Scopes in it then
    belong to the function's frame, up to the end of which an exception counts as nested.
    """
    return NONCONTINUABLE if tries_inside_finally(program) else NONCONTINUABLE | NESTED_CALL


class _Scope(NamedTuple):
    """A `__try` whose body is running; with no statement, the one around the whole program."""

    statement: TryExcept | TryFinally | None


@dataclass(eq=False)
class _Frame:
    """The frame of a function, of a `__finally` block or of a filter, and its scopes, innermost last."""

    depth: int
    turns: dict[int, int] = field(default_factory=dict)
    codes: dict[int, int] = field(default_factory=dict)
    scopes: list[_Scope] = field(default_factory=list)


class _Searching(NamedTuple):
    """The dispatcher is running a filter of a frame."""

    frame: _Frame


class _Unwinding(NamedTuple):
    """The dispatcher is running a `__finally` block of a frame; so many of the frame's scopes are still to come."""

    frame: _Frame
    left: int


class _Landing(Exception):
    """The stack is cut to a frame, which goes on in the `__except` block of one of its scopes."""

    def __init__(self, frame: _Frame, scope: _Scope, code: int) -> None:
        super().__init__()
        self.frame, self.scope, self.code = frame, scope, code


class _Jump(Exception):
    """A statement leads out of its block."""

    def __init__(self, statement: Break | Continue | Leave | Goto | Return) -> None:
        super().__init__()
        self.statement = statement


# What each entry of the stack takes from it on the emulated kernel, rounded up: -O0 frames; the trap's or export's own
# frame, records and a thunk for a search; the same again for an unwind.
_FRAME_SIZE: Final = 0x200
_DISPATCH_SIZE: Final = 0x1000


class _Execution:
    """One run of a program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._flags = noted_flags(program)
        self._stack: list[_Frame | _Searching | _Unwinding] = []
        self._raises, self._calls = RAISES, CALLS
        self._lines: list[str] = []
        self._met: Counter[str] = Counter()
        self._deepest = 0

    def run(self) -> Run:
        guard = _Frame(0, scopes=[_Scope(None)])
        self._stack.append(guard)
        try:
            self._note(f"returned {self._call(self._program.functions[0], 0):X}")
        except _Landing as landing:
            self._met["unhandled"] += 1
            self._note(f"raised {landing.code:08X}")
        return Run(tuple(self._lines), self._met, self._deepest)

    def _note(self, line: str) -> None:
        self._lines.append(line)

    def _push(self, entry: _Frame | _Searching | _Unwinding) -> int:
        """Put an entry on the stack and return the length to cut it back to."""
        self._stack.append(entry)
        if not isinstance(entry, _Frame):
            frames = sum(isinstance(each, _Frame) for each in self._stack)
            dispatches = len(self._stack) - frames
            self._deepest = max(self._deepest, frames * _FRAME_SIZE + (dispatches + 1) * _DISPATCH_SIZE)
        return len(self._stack) - 1

    # Statements

    def _call(self, function: Function, depth: int) -> int:
        return self._returned(_Frame(depth), function.body, function.value)

    def _returned(self, frame: _Frame, block: Block, otherwise: int) -> int:
        length = self._push(frame)
        try:
            self._block(block, frame)
        except _Jump as jump:
            if not isinstance(jump.statement, Return):
                raise
            return jump.statement.value
        finally:
            del self._stack[length:]
        return otherwise

    def _block(self, block: Block, frame: _Frame) -> None:
        for statement in block:
            self._statement(statement, frame)

    def _statement(self, statement: Statement, frame: _Frame) -> None:
        match statement:
            case Step(number):
                self._note(f"step {number}, depth {frame.depth}")
            case Raise(how, code):
                self._raise(how, code)
            case Rethrow(of):
                self._met["rethrow"] += 1
                self._raise(How.SOFTWARE, frame.codes[of])
            case Call(index):
                if self._calls:
                    self._calls -= 1
                    value = self._call(self._program.functions[index], frame.depth + 1)
                    self._note(f"f{index} returned {value}")
            case Loop(number, times, body):
                for turn in range(times):
                    frame.turns[number] = turn
                    try:
                        self._block(body, frame)
                    except _Jump as jump:
                        if isinstance(jump.statement, Break):
                            break
                        if not isinstance(jump.statement, Continue):
                            raise
            case If(loop, equals, body):
                if (frame.depth if loop is None else frame.turns[loop]) == equals:
                    self._block(body, frame)
            case Break() | Continue() | Leave() | Goto() | Return():
                raise _Jump(statement)
            case TryExcept(number) | TryFinally(number):
                try:
                    if isinstance(statement, TryExcept):
                        self._try_except(statement, frame)
                    else:
                        self._try_finally(statement, frame)
                except _Jump as jump:
                    if jump.statement != Goto(number):
                        raise

    def _try_except(self, statement: TryExcept, frame: _Frame) -> None:
        scope = _Scope(statement)
        outer = len(frame.scopes)
        length = len(self._stack)
        frame.scopes.append(scope)
        try:
            self._block(statement.body, frame)
            return
        except _Jump as jump:
            if not isinstance(jump.statement, Leave):
                raise
            return
        except _Landing as landing:
            if landing.frame is not frame or landing.scope is not scope:
                raise
            frame.codes[statement.number] = landing.code
        finally:
            del frame.scopes[outer:]
            del self._stack[length:]
        self._note(f"except {statement.number}: {frame.codes[statement.number]:08X}")
        self._block(statement.handler, frame)

    def _try_finally(self, statement: TryFinally, frame: _Frame) -> None:
        outer = len(frame.scopes)
        frame.scopes.append(_Scope(statement))
        left_by: _Jump | None = None
        try:
            self._block(statement.body, frame)
        except _Jump as jump:
            left_by = jump
        finally:
            del frame.scopes[outer:]
        abnormal = left_by is not None and not isinstance(left_by.statement, Leave)
        if abnormal:
            self._met["jump out of __finally's __try"] += 1
        self._final(statement, frame, abnormal)
        if abnormal and left_by is not None:
            raise left_by

    def _final(self, statement: TryFinally, frame: _Frame, abnormal: bool) -> None:
        own = _Frame(frame.depth, frame.turns, frame.codes)
        length = self._push(own)
        try:
            self._note(f"finally {statement.number}: abnormal {abnormal:d}, depth {frame.depth}")
            self._block(statement.final, own)
        finally:
            del self._stack[length:]

    # Exceptions

    def _raise(self, how: How, code: int) -> None:
        if not self._raises:
            return
        self._raises -= 1
        self._met[how.name] += 1
        flags = NONCONTINUABLE if how in (How.NONCONTINUABLE, How.STATUS) else 0
        self._dispatch(code, flags)
        self._note(CONTINUED)

    def _dispatch(self, code: int, flags: int) -> None:
        """Search for a handler. Comes back where a filter continues execution."""
        nested: _Frame | None = None
        index = len(self._stack) - 1
        while True:
            entry = self._stack[index]
            if isinstance(entry, _Searching):
                self._met["nested exception"] += 1
                flags |= NESTED_CALL
                if nested is None or self._stack.index(entry.frame) < self._stack.index(nested):
                    nested = entry.frame
                index -= 1
                continue
            frame, left = self._place(entry)
            if isinstance(entry, _Unwinding):
                self._met["search meets an unwind"] += 1
                index = self._stack.index(frame)
            for position in reversed(range(left)):
                if self._asks(frame, position, code, flags):
                    return
            if nested is frame:
                flags &= ~NESTED_CALL
                nested = None
            index -= 1

    @staticmethod
    def _place(entry: _Frame | _Unwinding) -> tuple[_Frame, int]:
        """Return the frame that a walk looks at next, and how many of its scopes the walk is still inside."""
        return (entry.frame, entry.left) if isinstance(entry, _Unwinding) else (entry, len(entry.scopes))

    def _asks(self, frame: _Frame, position: int, code: int, flags: int) -> bool:
        """Ask one scope; true where its filter continues execution."""
        scope = frame.scopes[position]
        if isinstance(scope.statement, TryFinally):
            return False
        length = self._push(_Searching(frame))
        if scope.statement is None or scope.statement.filter is None:
            answer = 1
        else:
            answer = self._answer(scope.statement.number, scope.statement.filter, frame, code, flags)
        if answer > 0:
            self._unwind(frame, position)
            raise _Landing(frame, scope, code)
        del self._stack[length:]
        if answer < 0 and flags & NONCONTINUABLE:
            self._met["noncontinuable continued"] += 1
            self._dispatch(NtStatus.NONCONTINUABLE_EXCEPTION, NONCONTINUABLE)
        return answer < 0

    def _answer(self, number: int, filter: Filter, frame: _Frame, code: int, flags: int) -> int:
        self._note(f"filter {number}: {code:08X}, flags {flags & self._flags:02X}, depth {frame.depth}")
        rule = next(rule for rule in filter.rules if rule.code in (code, None))
        answer = self._returned(_Frame(frame.depth), rule.body, rule.answer)
        self._note(f"filter {number} answers {answer}")
        return answer

    def _unwind(self, target: _Frame, target_position: int) -> None:
        """Run every `__finally` block between the exception and the scope that takes it."""
        index = len(self._stack) - 1
        while True:
            entry = self._stack[index]
            if isinstance(entry, _Searching):
                index -= 1
                continue
            frame, left = self._place(entry)
            if isinstance(entry, _Unwinding):
                self._met["unwind meets an unwind"] += 1
                index = self._stack.index(frame)
            for position in reversed(range(target_position + 1 if frame is target else 0, left)):
                statement = frame.scopes[position].statement
                if isinstance(statement, TryFinally):
                    self._met["__finally run by an unwind"] += 1
                    length = self._push(_Unwinding(frame, position))
                    self._final(statement, frame, abnormal=True)
                    del self._stack[length:]
            if frame is target:
                return
            index -= 1
