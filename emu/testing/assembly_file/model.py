# SPDX-License-Identifier: GPL-2.0-or-later
"""What the directives of an assembly test file say, once they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from emu.faults import Fault
from emu.profile import Profile

HalfName: TypeAlias = Literal["user", "kernel"]


@dataclass(frozen=True, slots=True)
class Number:
    """An integer, 64 bits, signed or not."""

    value: int


@dataclass(frozen=True, slots=True)
class Place:
    """An address: so many bytes into a buffer or behind a symbol."""

    name: str
    offset: int = 0


Value: TypeAlias = Number | Place


@dataclass(frozen=True, slots=True)
class Literally:
    """The bytes themselves."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Filled:
    """`size` bytes of a kind: "pattern", "zeroes" or "poison"; None: as many as are left."""

    kind: str
    size: int | None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Integers:
    """Integers of `width` bytes each, little endian, as the assembler's directives put them."""

    width: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes `begin` up to `end` of a buffer."""

    buffer: str
    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes they are."""
        return self.end - self.begin


Piece: TypeAlias = Literally | Filled | Integers | Slice


@dataclass(frozen=True, slots=True)
class Allocate:
    """`user NAME = CONTENT`: memory, filled; `offset` is the buffer's in its page, None: where its fault strikes."""

    half: HalfName
    name: str
    content: tuple[Piece, ...]
    size: int
    offset: int | None


@dataclass(frozen=True, slots=True)
class Inject:
    """`fault …`: armed for what is called behind it."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class SetIrql:
    """`irql N`."""

    level: int


@dataclass(frozen=True, slots=True)
class SetBudget:
    """`budget N`, in blocks."""

    blocks: int


@dataclass(frozen=True, slots=True)
class SetGuarded:
    """`unguarded`, `guarded`: whether there is an `__except` around the calls."""

    guarded: bool


@dataclass(frozen=True, slots=True)
class SetPreviousMode:
    """`previous-mode kernel`: what ExGetPreviousMode answers, 0 or 1."""

    mode: int


@dataclass(frozen=True, slots=True)
class Call:
    """`call NAME(VALUE, …)`."""

    function: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Returns:
    """`returns VALUE in REGISTER`; without a value, anything. `width` is the register's, in bytes."""

    value: Value | None
    width: int = 8


@dataclass(frozen=True, slots=True)
class Raises:
    """`raises STATUS reading PLACE because STATUS at PLACE`."""

    code: int
    operation: str = ""
    fault_place: Value | None = None
    reason: int | None = None
    at: Value | None = None


@dataclass(frozen=True, slots=True)
class Bugchecks:
    """`bugchecks CODE (P1, _, …)`; None for a parameter that may be anything."""

    code: int
    parameters: tuple[Value | None, ...] = ()


@dataclass(frozen=True, slots=True)
class TimesOut:
    """`times-out`."""


Ending: TypeAlias = Returns | Raises | Bugchecks | TimesOut


@dataclass(frozen=True, slots=True)
class Holds:
    """`NAME[A:B] = CONTENT`."""

    where: Slice
    content: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """`NAME[A:B] unchanged`: as it was before the call."""

    where: Slice


@dataclass(frozen=True, slots=True)
class Exports:
    """`calls NAME`: the exports called, in this order; others may be called between."""

    name: str


@dataclass(frozen=True, slots=True)
class NeverCalls:
    """`never-calls NAME`."""

    name: str


@dataclass(frozen=True, slots=True)
class Prints:
    """`prints "TEXT"`: a part of what DbgPrint printed, in this order."""

    text: str


@dataclass(frozen=True, slots=True)
class LeaksNothing:
    """`leaks-nothing`: no pool block is left that was not there before the call."""


Expectation: TypeAlias = Ending | Holds | Unchanged | Exports | NeverCalls | Prints | LeaksNothing
Action: TypeAlias = Allocate | Inject | SetIrql | SetBudget | SetGuarded | SetPreviousMode


@dataclass(frozen=True, slots=True)
class Source:
    """`source FILE`: another file of the image."""

    path: str


@dataclass(frozen=True, slots=True)
class Define:
    """`define NAME=VALUE`: a macro of the preprocessor."""

    text: str


@dataclass(frozen=True, slots=True)
class UseProfiles:
    """`profile …`: the test is run on each."""

    profiles: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class Stub:
    """`export NAME = VALUE`: a kernel export that only returns a value."""

    name: str
    value: int


Statement: TypeAlias = Action | Expectation | Call | Source | Define | UseProfiles | Stub


@dataclass(frozen=True, slots=True)
class Directive:
    """A statement and the line that it stands in, as written."""

    line: int
    text: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class AssemblyTest:
    """One test: its directives in order, those of `every test:` first."""

    name: str
    line: int
    directives: tuple[Directive, ...]

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The profiles that it asks for; the last `profile` counts."""
        found: tuple[Profile, ...] = ()
        for directive in self.directives:
            if isinstance(directive.statement, UseProfiles):
                found = directive.statement.profiles
        return found


@dataclass(frozen=True, slots=True)
class ExpectedBytes:
    """`// bytes: 48 8b ??` beside code: what the line assembles to; None for a byte that may be any."""

    line: int
    code: str
    values: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class AssemblyFile:
    """All that a file says."""

    tests: tuple[AssemblyTest, ...]
    bytes: tuple[ExpectedBytes, ...]
    sources: tuple[str, ...]
    defines: tuple[str, ...]
