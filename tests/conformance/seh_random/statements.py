# SPDX-License-Identifier: GPL-2.0-or-later
"""What a random program is made of: functions that call each other, and in them everything that C says about
structured exceptions.

Statements are numbered through the whole program; a number is how the program's notes, its C source and the model name
the same `__try`, step or loop.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Final

from emu.nt.status import NtStatus

RAISES: Final = 10
"""How many statements of one run may raise; behind that, raising statements do nothing. So every run ends."""

CALLS: Final = 16
"""How many calls one run may make."""

SOFTWARE_CODES: Final = (0xE000_0001, 0xE000_0002, 0xE000_0003)


class How(enum.Enum):
    """How a statement raises. The value is the code of a hardware fault, None where the statement names its own."""

    SOFTWARE = "RtlRaiseException", None
    NONCONTINUABLE = "RtlRaiseException, EXCEPTION_NONCONTINUABLE", None
    STATUS = "RtlRaiseStatus", None
    READ_IN_CALLEE = "a callee reads where nothing is", NtStatus.ACCESS_VIOLATION
    DIVIDE_IN_CALLEE = "a callee divides by zero", NtStatus.INTEGER_DIVIDE_BY_ZERO
    BREAK_IN_CALLEE = "a callee executes int 3", NtStatus.BREAKPOINT
    READ = "the statement itself reads where nothing is", NtStatus.ACCESS_VIOLATION
    DIVIDE = "the statement itself divides by zero", NtStatus.INTEGER_DIVIDE_BY_ZERO

    @property
    def code(self) -> int | None:
        """The code of a hardware fault."""
        code = self.value[1]
        return None if code is None else int(code)


SOFTWARE: Final = (How.SOFTWARE, How.NONCONTINUABLE, How.STATUS)
FAULTS_IN_CALLEES: Final = (How.READ_IN_CALLEE, How.DIVIDE_IN_CALLEE, How.BREAK_IN_CALLEE)
FAULTS_IN_BODY: Final = (How.READ, How.DIVIDE)


@dataclass(frozen=True)
class Step:
    """Say that it was reached."""

    number: int


@dataclass(frozen=True)
class Raise:
    """Raise an exception, as long as the run may raise."""

    how: How
    code: int


@dataclass(frozen=True)
class Rethrow:
    """Raise, as software, the code that the `__except` block of a `__try` was entered with."""

    of: int


@dataclass(frozen=True)
class Call:
    """Call a function of the program one level deeper, as long as the run may call; say what it returned."""

    function: int


@dataclass(frozen=True)
class Loop:
    """Run a block a few times."""

    number: int
    times: int
    body: Block


@dataclass(frozen=True)
class If:
    """Run a block at one depth of calls (`loop` None) or in one turn of a loop around it."""

    loop: int | None
    equals: int
    body: Block


@dataclass(frozen=True)
class Break:
    """Leave the innermost loop."""


@dataclass(frozen=True)
class Continue:
    """Go on with the innermost loop's next turn."""


@dataclass(frozen=True)
class Leave:
    """`__leave`: go to the end of the innermost `__try` block around it."""


@dataclass(frozen=True)
class Goto:
    """Go to the statement behind a `__try` around it."""

    past: int


@dataclass(frozen=True)
class Return:
    """Return from the function; in a filter, the value is the answer."""

    value: int


@dataclass(frozen=True)
class Rule:
    """What a filter does when asked of a code (None: of any other): a block, and an answer."""

    code: int | None
    body: Block
    answer: int


@dataclass(frozen=True)
class Filter:
    """A filter with a function of its own; the last rule is for codes that none before it names."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class TryExcept:
    """`__try`/`__except`; a filter of None is the constant EXCEPTION_EXECUTE_HANDLER."""

    number: int
    body: Block
    filter: Filter | None
    handler: Block


@dataclass(frozen=True)
class TryFinally:
    """`__try`/`__finally`; the `__finally` block says what AbnormalTermination() is there."""

    number: int
    body: Block
    final: Block


Statement = (
    Step | Raise | Rethrow | Call | Loop | If | Break | Continue | Leave | Goto | Return | TryExcept | TryFinally
)
Block = tuple[Statement, ...]


@dataclass(frozen=True)
class Function:
    """A function of the program: a block, and the value it returns at its end."""

    body: Block
    value: int


@dataclass(frozen=True)
class Program:
    """A whole program; its first function is called, at depth 0."""

    functions: tuple[Function, ...]


Node = Program | Function | Filter | Rule | Statement


def children(node: Node) -> Iterator[Node]:
    """The nodes directly in a node, in the order of the source."""
    for each in fields(node):
        value = getattr(node, each.name)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, Node):
                yield child


def walk(node: Node) -> Iterator[Node]:
    """A node and everything in it."""
    yield node
    for child in children(node):
        yield from walk(child)


def tries_inside_finally(program: Program) -> bool:
    """Tell whether a `__finally` block has a `__try` of its own."""
    return any(
        isinstance(inner, TryExcept | TryFinally)
        for node in walk(program)
        if isinstance(node, TryFinally)
        for statement in node.final
        for inner in walk(statement)
    )


@dataclass(frozen=True)
class Place:
    """What a statement may refer to where it stands: what is around it."""

    loops: tuple[int, ...] = ()
    """Loops whose turns can be asked for."""
    in_loop: bool = False
    in_try: bool = False
    inside: tuple[int, ...] = ()
    """The `__try`s that a goto may leave."""
    caught: tuple[int, ...] = ()
    """The `__try`s whose `__except` block this is."""
    returns: tuple[int, ...] = ()
    """What may be returned; nothing in a `__finally` block."""

    def of_loop(self, number: int) -> Place:
        """Where the body of a loop stands."""
        return replace(self, loops=(*self.loops, number), in_loop=True)

    def of_body(self, number: int) -> Place:
        """Where the body of a `__try` stands."""
        return replace(self, in_try=True, inside=(*self.inside, number))

    def of_handler(self, number: int) -> Place:
        """Where an `__except` block stands."""
        return replace(self, inside=(*self.inside, number), caught=(*self.caught, number))

    def of_final(self) -> Place:
        """Where a `__finally` block stands: nothing in it leads out of it."""
        return replace(self, in_loop=False, in_try=False, inside=(), returns=())


IN_FUNCTION: Final = Place(returns=(10, 11, 12))
IN_FILTER: Final = Place(returns=(0, 1))


def is_well_formed(program: Program) -> bool:
    """Tell whether all that a jump, a rethrow or the like refers to is around it, and every called function there."""
    return all(_fits(program, function.body, IN_FUNCTION) for function in program.functions)


def _fits(program: Program, block: Block, place: Place) -> bool:
    return all(_statement_fits(program, statement, place) for statement in block)


def _statement_fits(program: Program, statement: Statement, place: Place) -> bool:
    match statement:
        case Rethrow(of):
            return of in place.caught
        case Call(function):
            return function < len(program.functions)
        case Loop(number, _, body):
            return _fits(program, body, place.of_loop(number))
        case If(loop, _, body):
            return (loop is None or loop in place.loops) and _fits(program, body, place)
        case Break() | Continue():
            return place.in_loop
        case Leave():
            return place.in_try
        case Goto(past):
            return past in place.inside
        case Return(value):
            return value in place.returns
        case TryFinally(number, body, final):
            return _fits(program, body, place.of_body(number)) and _fits(program, final, place.of_final())
        case TryExcept(number, body, filter, handler):
            rules = filter.rules if filter else ()
            return (
                _fits(program, body, place.of_body(number))
                and _fits(program, handler, place.of_handler(number))
                and all(_fits(program, rule.body, IN_FILTER) for rule in rules)
            )
    return True
