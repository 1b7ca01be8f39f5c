# SPDX-License-Identifier: GPL-2.0-or-later
"""Random programs: the same seed and target, the same program.

Only what clang compiles as C means it is generated; what that leaves out:

* a jump or a return out of a `__finally` block (clang refuses goto, and miscompiles the others during an unwind);
* a `__try` with a `__finally` that ends in nothing but a jump out. Where that jump also ends the life of a variable
  (`for (long i = 0; …) __try { break; } __finally {…}`), AbnormalTermination() is 0 from -O1 on and 1 at -O0 (clang 22,
  both targets; Microsoft Learn, "AbnormalTermination macro": nonzero). The C source makes such a jump conditional;
* a `__try` whose body calls nothing. Where that is the only one that can be reached in its function, clang does not
  compile it for the `gnu` target at -O0 ("assembler label '.Lf$parent_frame_offset' can not be undefined"). The source
  calls a function that does nothing;
* for the `gnu` target, a fault in the body of a `__try` itself, which only asynchronous exceptions cover;
* for the `gnu` target, an exception that leaves a `__finally` block whose `__try` has an `__except` inside. From -O1,
  where the block is run by a call and code of the `__except` lies behind that call, the call is within the scope of
  its own `__try`, because C functions of this target count as ones that do not throw: the block is then run twice.
"""

from __future__ import annotations

from random import Random
from typing import Final

from emu.nt.status import NtStatus
from tests.conformance.seh_random.model import run
from tests.conformance.seh_random.statements import (
    FAULTS_IN_BODY,
    FAULTS_IN_CALLEES,
    IN_FILTER,
    IN_FUNCTION,
    SOFTWARE,
    SOFTWARE_CODES,
    Block,
    Break,
    Call,
    Continue,
    Filter,
    Function,
    Goto,
    If,
    Leave,
    Loop,
    Place,
    Program,
    Raise,
    Rethrow,
    Return,
    Rule,
    Statement,
    Step,
    TryExcept,
    TryFinally,
    walk,
)

FUNCTIONS: Final = (2, 3)
STATEMENTS_OF_A_FUNCTION: Final = (6, 18)
"""Steps not counted, filters counted."""
DEEPEST_TRY: Final = 5
BODY: Final = 0.6
"""The share of the statements left that the body of a `__try` or loop may take."""
IN_RULE: Final = 0.25
AFTER: Final = 0.5
LEAVES: Final[dict[type[Statement], int]] = {
    Raise: 9,
    Step: 6,
    Rethrow: 6,
    Leave: 2,
    Goto: 2,
    Break: 1,
    Continue: 1,
    Return: 2,
}
"""What a block is where no statement is left for it."""
STEP: Final = 0.35
"""How often a statement is followed by a step."""

WEIGHTS: Final[dict[type[Statement], tuple[int, int, int]]] = {
    TryExcept: (8, 6, 6),
    TryFinally: (0, 6, 6),
    Raise: (0, 1, 8),
    Call: (0, 2, 5),
    Loop: (2, 2, 2),
    If: (0, 1, 2),
    Rethrow: (0, 6, 12),
    Break: (0, 1, 2),
    Continue: (0, 1, 2),
    Leave: (0, 1, 3),
    Goto: (0, 1, 2),
    Return: (0, 1, 2),
}
"""How often each statement outside every `__try` of the first function, of another function, and inside one. What
would end most programs before they began is rare outside."""
UNLESS_LAST: Final = 0.3
"""How much rarer a raise is where statements come behind it."""
LAST: Final = (Rethrow, Break, Continue, Leave, Goto, Return)
RECURSION: Final = 0.2
CONSTANT_FILTER: Final = (0.2, 0.6)
"""How often an `__except` has the constant filter, and how often one outside everything has."""
RULES_OF_A_FILTER: Final = (0, 4)
BLOCK_IN_A_RULE: Final = (0.8, 0.2)
"""How often a filter does something when asked of a code it has a rule for, and of any other: what raises in answer to
everything is asked again at once, of its own exception."""
ANSWERS: Final = {1: 3, 0: 4, -1: 6}
LAST_ANSWERS: Final = {1: 20, 0: 1}
"""Of a filter outside everything, for what it has no rule for: most programs go on."""

_CODES: Final = (
    *SOFTWARE_CODES,
    NtStatus.ACCESS_VIOLATION,
    NtStatus.INTEGER_DIVIDE_BY_ZERO,
    NtStatus.BREAKPOINT,
    NtStatus.NONCONTINUABLE_EXCEPTION,
)


def generate(seed: int, target: str = "msvc") -> Program:
    """Return the program of a seed for a compiler target.

    It fits the kernel's stack and ends within a few hundred lines: a draft that does not is drawn again.
    """
    for attempt in range(100):
        program = _Generator(Random(f"{target} {seed} {attempt}"), asynchronous=target == "msvc").program()
        if run(program).is_bounded:
            return program
    raise AssertionError(f"seed {seed} gives no program of bounded size")


def _fits(kind: type[Statement], place: Place, tries: int) -> bool:
    """Tell whether a kind of statement can stand in a place."""
    if kind in (TryExcept, TryFinally):
        return tries < DEEPEST_TRY
    if kind is Rethrow:
        return bool(place.caught)
    if kind in (Break, Continue):
        return place.in_loop
    if kind is Leave:
        return place.in_try
    if kind is Goto:
        return bool(place.inside)
    return kind is not Return or bool(place.returns)


class _Generator:
    """Draws one program."""

    def __init__(self, random: Random, *, asynchronous: bool) -> None:
        self._random = random
        self._asynchronous = asynchronous
        self._hows = (*SOFTWARE, *FAULTS_IN_CALLEES, *(FAULTS_IN_BODY if asynchronous else ()))
        self._left = 0
        self._next = 0
        self._functions = random.randint(*FUNCTIONS)
        self._function = 0

    def program(self) -> Program:
        functions = []
        for function in range(self._functions):
            self._function = function
            self._left = self._random.randint(*STATEMENTS_OF_A_FUNCTION)
            body = self._block(IN_FUNCTION, 0, (3, 5))
            functions.append(Function(body, self._random.choice(IN_FUNCTION.returns)))
        return Program(tuple(functions))

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _part(self, share: float, place: Place, tries: int, lengths: tuple[int, int] = (1, 3)) -> Block:
        """Draw a block that takes at most a share of the statements left; the rest is for what comes behind."""
        kept = self._left - round(self._left * share)
        self._left -= kept
        block = self._block(place, tries, lengths)
        self._left += kept
        return block

    def _block(self, place: Place, tries: int, lengths: tuple[int, int] = (1, 3)) -> Block:
        statements: list[Statement] = []
        length = self._random.randint(*lengths)
        for index in range(length):
            if self._left <= 0:
                break
            self._left -= 1
            statement = self._statement(place, tries, last=index == length - 1)
            statements.append(statement)
            if self._random.random() < STEP and not isinstance(statement, LAST):
                statements.append(Step(self._number()))
        return tuple(statements) or (self._leaf(place, tries),)

    def _leaf(self, place: Place, tries: int) -> Statement:
        """Draw the only statement of a block for which none is left."""
        possible = [kind for kind in LEAVES if _fits(kind, place, tries) and (tries or kind is Step)]
        [kind] = self._random.choices(possible, [LEAVES[kind] for kind in possible])
        return self._of_kind(kind, place, tries)

    def _statement(self, place: Place, tries: int, *, last: bool) -> Statement:
        possible = [kind for kind in WEIGHTS if _fits(kind, place, tries) and (last or not issubclass(kind, LAST))]
        where = 2 if tries else 1 if self._function else 0
        weights = [WEIGHTS[kind][where] * (1 if last or kind is not Raise else UNLESS_LAST) for kind in possible]
        [kind] = self._random.choices(possible, weights)
        return self._of_kind(kind, place, tries)

    def _of_kind(self, kind: type[Statement], place: Place, tries: int) -> Statement:
        choice = self._random.choice
        if kind is Raise:
            how = choice(self._hows)
            return Raise(how, how.code or choice(SOFTWARE_CODES))
        if kind is Rethrow:
            return Rethrow(choice(place.caught))
        if kind is Call:
            deeper = range(self._function + 1, self._functions)
            recurse = not deeper or self._random.random() < RECURSION
            return Call(self._random.randrange(self._functions) if recurse else choice(deeper))
        if kind is Goto:
            return Goto(choice(place.inside))
        if kind is Return:
            return Return(choice(place.returns))
        if kind is If:
            return If(choice((None, *place.loops)), self._random.randrange(2), self._block(place, tries, (1, 1)))
        if kind is Loop:
            number = self._number()
            return Loop(number, self._random.randint(2, 3), self._part(BODY, place.of_loop(number), tries))
        if kind is TryExcept:
            return self._try_except(self._number(), place, tries)
        if kind is TryFinally:
            return self._try_finally(self._number(), place, tries)
        if kind is Step:
            return Step(self._number())
        return Break() if kind is Break else Continue() if kind is Continue else Leave()

    def _try_except(self, number: int, place: Place, tries: int) -> TryExcept:
        body = self._part(BODY, place.of_body(number), tries + 1, (2, 3))
        outermost = not self._function and not tries
        constant = self._random.random() < CONSTANT_FILTER[outermost]
        filter = None if constant else self._filter(likely=outermost)
        return TryExcept(number, body, filter, self._part(AFTER, place.of_handler(number), tries))

    def _try_finally(self, number: int, place: Place, tries: int) -> TryFinally:
        body = self._part(BODY, place.of_body(number), tries + 1, (2, 3))
        if not self._asynchronous and any(isinstance(node, TryExcept) for each in body for node in walk(each)):
            return TryFinally(number, body, (Step(self._number()),))
        return TryFinally(number, body, self._part(AFTER, place.of_final(), tries + 1))

    def _filter(self, *, likely: bool) -> Filter:
        """Draw a filter, `likely` one that takes what it has no rule for."""
        codes = self._random.sample(_CODES, self._random.randint(*RULES_OF_A_FILTER))
        rules = [self._rule(int(code), ANSWERS) for code in codes]
        return Filter((*rules, self._rule(None, LAST_ANSWERS if likely else ANSWERS)))

    def _rule(self, code: int | None, weights: dict[int, int]) -> Rule:
        # Only what is raised by a call can be continued: a fault would happen again, for ever.
        answers = {answer: weight for answer, weight in weights.items() if answer >= 0 or code in SOFTWARE_CODES}
        [answer] = self._random.choices(list(answers), list(answers.values()))
        acts = self._random.random() < BLOCK_IN_A_RULE[code is None]
        return Rule(code, self._part(IN_RULE, IN_FILTER, DEEPEST_TRY - 2) if acts else (), answer)
