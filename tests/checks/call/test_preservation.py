# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers that are saved first and restored last are settled by accesses alone; all else is left to be compared."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Accesses, CodeTable, Instructions
from emu.checks.call.data_flow import VECTORS
from emu.checks.call.native_passes import ACTIVATION
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.preservation import Landings, Preservation
from emu.checks.call.register_moves import NONVOLATILE, register_move
from emu.trace.layout import ACCESS, INSTRUCTION, READ, AccessFlag, InstructionFlag
from tests.checks.captured import Captured

SOURCE = """
    .intel_syntax noprefix
    .text

    .macro  LEAF name
    .globl  \\name
    .balign 16, 0xCC
    .seh_proc \\name
    .seh_endprologue
\\name:
    .endm

    LEAF    Restores
    push    rbx
    mov     [rsp + 0x18], rsi
    mov     rbx, rcx
    mov     esi, ecx
    mov     rsi, [rsp + 0x18]
    pop     rbx
    ret
    .seh_endproc

    LEAF    Keeps
    mov     r10, rbx
    mov     rbx, rcx
    mov     rbx, r10
    ret
    .seh_endproc

    LEAF    RestoresAnother
    push    rdi
    mov     rdi, rcx
    mov     [rsp], rcx
    pop     rdi
    ret
    .seh_endproc

    LEAF    Repeats
    push    rdi
    lea     rdi, [rsp - 0x40]
    mov     ecx, 16
    xor     eax, eax
    rep     stosb
    pop     rdi
    ret
    .seh_endproc
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    made = Captured()
    made.load(tmp_path_factory.mktemp("preservation"), SOURCE)
    made.machine.checkpoint()
    return made


def suspected(call: CheckedCall) -> list[str]:
    """Return the registers that are to be compared for the function that the host called."""
    assert call.callee is not None
    preservation = Preservation(call.instructions, call.native_tables, len(call.tree.table))
    return [name for name, _, which in preservation.suspects() if call.callee.number in which]


def called(captured: Captured, function: str) -> CheckedCall:
    captured.machine.reset()
    return captured.call(function, 0x1234)


@pytest.mark.parametrize("function", ["Restores", "Repeats"])
def test_what_is_put_back_is_settled(captured: Captured, function: str) -> None:
    assert suspected(called(captured, function)) == []


def test_what_is_kept_elsewhere_is_compared(captured: Captured) -> None:
    assert suspected(called(captured, "Keeps")) == ["rbx"]


def test_another_value_is_compared(captured: Captured) -> None:
    assert suspected(called(captured, "RestoresAnother")) == ["rdi"]


@pytest.mark.parametrize("length", [3, 100, 4000])
def test_the_copies_of_the_library_are_settled(captured: Captured, length: int) -> None:
    captured.machine.reset()
    user, kernel = captured.machine.user.alloc(4096), captured.machine.kernel.alloc(4096)
    call = captured.call("CopyFromUser", kernel, user, length)
    assert suspected(call) == []


ENCODINGS = {
    name: bytes.fromhex(encoding)
    for name, encoding in (
        ("nop", "90"),
        ("stosb", "f3aa"),
        ("ldmxcsr", "0fae1424"),
        ("push-rbx", "53"),
        ("pop-rbx", "5b"),
        ("mov-rbx", "488bd9"),
        ("push-rdi", "57"),
        ("pop-rdi", "5f"),
        ("save-xmm15", "440f297c2420"),
        ("load-xmm15", "440f287c2420"),
        ("fxrstor", "0fae0c24"),
        ("leave", "c9"),
    )
}
MOVES = {name: register_move(encoding) for name, encoding in ENCODINGS.items()}
FIRST = 100
GENERAL = [name for name, number in NONVOLATILE.items() if number < VECTORS]


class Step(NamedTuple):
    """An instruction that was made up, and what happens to activations before it."""

    ends: int
    """So many of those under way do."""
    begins: tuple[bool, ...]
    """Of each that does whether it returns."""
    name: str
    trapped: bool
    values: tuple[tuple[int, int], ...]
    """What it reads or writes."""


HALVES = st.tuples(st.integers(0, 1), st.integers(0, 1))
STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, 2),
        st.lists(st.booleans(), max_size=2).map(tuple),
        st.sampled_from(["push-rbx", "mov-rbx", "pop-rbx", *ENCODINGS]),
        st.sampled_from([False, False, False, True]),
        st.lists(HALVES, max_size=2).map(tuple),
    ),
    max_size=30,
)


def steps_of(text: str) -> list[Step]:
    """Return the steps of a text: `(` an activation begins that returns, `)` one ends, `name=value`, `!name` traps."""
    steps: list[Step] = []
    ends, begins = 0, 0
    for word in text.split():
        if word == ")":
            ends += 1
        elif word == "(":
            begins += 1
        else:
            name, _, value = word.lstrip("!").partition("=")
            values = ((int(value), 0),) if value else ()
            steps.append(Step(ends, (True,) * begins, name, word.startswith("!"), values))
            ends, begins = 0, 0
    return steps


class Known(NamedTuple):
    """What is known of a register in an activation."""

    is_changed: bool
    is_saved: bool
    """Before it was changed."""
    before: tuple[int, int] | None
    after: tuple[int, int] | None
    """What it was put to by the last change, if that was a load or the host."""


class MadeUp:
    """A call of which everything is made up."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self.activations = np.zeros(sum(len(step.begins) for step in steps), ACTIVATION)
        self.activations["end"] = len(steps)
        under_way: list[int] = []
        count = 0
        for at, step in enumerate(steps):
            for _ in range(min(step.ends, len(under_way))):
                self.activations[under_way.pop()]["end"] = at
            for returned in step.begins:
                row = self.activations[count]
                row["begin"], row["parent"] = at, under_way[-1] if under_way else -1
                row["returned"] = returned
                under_way.append(count)
                count += 1
        self.code = CodeTable([(Gva(0x1000 + number), each) for number, each in enumerate(ENCODINGS.values())])
        table = np.zeros(len(steps), INSTRUCTION)
        table["code"] = [list(ENCODINGS).index(step.name) for step in steps]
        table["flags"] = [InstructionFlag.TRAPPED if step.trapped else 0 for step in steps]
        self.instructions = Instructions(table, self.code)
        made = [(FIRST + at, half, step.trapped) for at, step in enumerate(steps) for half in step.values]
        accesses = np.zeros(len(made), ACCESS)
        for row, (at, (low, high), trapped) in zip(accesses, made, strict=True):
            row["instruction"], row["low"], row["high"], row["kind"] = at, low, high, READ
            row["flags"] = AccessFlag.NOT_PERFORMED if trapped else 0
        self.accesses = Accesses(accesses, FIRST, self.instructions)
        owner = np.full(len(steps), -1, np.int64)
        for number, row in enumerate(self.activations):
            owner[row["begin"] : row["end"]] = number
        self.tables = NativeTables(table, accesses, FIRST, self.code.kinds, self.activations, owner)

    def preservation(self, landings: Landings | None = None) -> Preservation:
        return Preservation(self.instructions, self.tables, len(self.activations), landings)

    def moves(self) -> list[int]:
        """Return the instructions that count: the first and the last iteration of a `rep` stand for all."""
        names = [step.name for step in self.steps]
        ends = [at for at, name in enumerate(names) if names[max(at - 1, 0) : at + 2] != [name] * 3]
        return [at for at in ends if not self.steps[at].trapped]

    def innermost(self, landing: int) -> int | None:
        """Return the activation that a landing is in."""
        rows = enumerate(self.activations)
        return max((number for number, row in rows if row["begin"] < landing < row["end"]), default=None)

    def is_suspect(self, number: int, register: int, landings: Landings) -> bool:
        known = self.known(number, register, landings, int(self.activations[number]["end"]))
        is_put_back = known.is_saved and known.before is not None and known.before == known.after
        return bool(self.activations[number]["returned"]) and known.is_changed and not is_put_back

    def known(self, number: int, register: int, landings: Landings, until: int) -> Known:
        """Return what is known of a register in an activation, up to an instruction."""
        begin = int(self.activations[number]["begin"])
        known = Known(False, False, None, None)
        moves = [(at, 1) for at in self.moves() if begin <= at < until]
        for at, is_move in sorted([*moves, *((at, 0) for at in set(landings.places) if begin < at < until)]):
            if not is_move:
                known = self.landed(known, register, landings, at)
                continue
            move, value = MOVES[self.steps[at].name], next(iter(self.steps[at].values), None)
            if register in move.changes:
                known = known._replace(is_changed=True, after=value if move.restores == register else None)
            elif move.saves == register and not known.is_changed and not known.is_saved:
                known = known._replace(is_saved=True, before=value)
        return known

    def landed(self, known: Known, register: int, landings: Landings, at: int) -> Known:
        """Return what is known behind a landing, in the activation where it was or in a caller."""
        inside = self.innermost(at)
        assert inside is not None
        there = self.known(inside, register, landings, at)
        if register >= VECTORS:
            return known._replace(after=None) if there.is_changed else known
        begins = [0, *landings.run_ends[:-1]]
        if begins.count(at) != 1:
            return known._replace(is_changed=True, after=None)
        if not (there.is_changed or there.is_saved or known.is_changed or known.is_saved):
            first = [index for index, begin in enumerate(begins) if begin <= self.activations[inside]["begin"]][-1]
            known = known._replace(is_saved=True, before=general(landings.runs[first].end, register))
        return known._replace(is_changed=True, after=general(landings.runs[begins.index(at)].begin, register))


def general(state: bytes, register: int) -> tuple[int, int]:
    return int.from_bytes(state[register * 8 : register * 8 + 8], "little"), 0


@st.composite
def landings_anywhere(draw: st.DrawFn) -> Landings | None:
    places = sorted(draw(st.lists(st.integers(0, 30), max_size=3)))
    if not places:
        return None
    others = draw(st.lists(st.integers(0, 30), max_size=2))
    begins = sorted([0, *draw(st.lists(st.sampled_from([*places, *others]), max_size=4))])
    states = st.lists(st.integers(0, 1), min_size=16, max_size=16).map(lambda row: np.array(row, "<u8").tobytes())
    runs = [made_run(draw(states), draw(states)) for _ in begins]
    return Landings(places, runs, [*begins[1:], 31])


def made_run(begin: bytes, end: bytes) -> Any:
    return SimpleNamespace(begin=begin, end=end)


@given(STEPS, landings_anywhere())
def test_suspects_of_what_is_made_up(steps: list[Step], landings: Landings | None) -> None:
    made = MadeUp(steps)
    preservation = made.preservation(landings)
    landed = landings or Landings([], [], [])
    expected = {
        name: [which for which in range(len(made.activations)) if made.is_suspect(which, number, landed)]
        for name, number in NONVOLATILE.items()
    }
    found = {name: which.tolist() for name, _, which in preservation.suspects()}
    assert found == {name: which for name, which in expected.items() if which}
    loads = any(MOVES[steps[at].name].loads_mxcsr for at in made.moves())
    assert preservation.loads_mxcsr == loads
    assert preservation.is_plain == (not found and not loads)


@given(STEPS, st.integers(0, 30), st.sampled_from(sorted(NONVOLATILE.values())))
def test_what_changed_a_register_last(steps: list[Step], before: int, number: int) -> None:
    retired = [at for at, step in enumerate(steps) if not step.trapped and at < before]
    changes = [at for at in retired if number in MOVES[steps[at].name].changes]
    assert MadeUp(steps).preservation().changed_last(number, before) == (changes[-1] if changes else None)


def test_loads_of_mxcsr() -> None:
    made = MadeUp(steps_of("nop=1 ldmxcsr=8064 nop !ldmxcsr=5"))
    at, values = made.preservation().mxcsr_loads(made.accesses)
    assert (at.tolist(), values.tolist()) == ([1], [8064])


@pytest.mark.parametrize(
    ("text", "suspects"),
    [
        pytest.param("( push-rbx=1 mov-rbx pop-rbx=1", [], id="put back"),
        pytest.param("( push-rbx=1 mov-rbx pop-rbx=0", ["rbx"], id="another value"),
        pytest.param("( push-rbx=1 mov-rbx pop-rbx=1 mov-rbx", ["rbx"], id="changed behind that"),
        pytest.param("( mov-rbx push-rbx=1 pop-rbx=1", ["rbx"], id="saved too late"),
        pytest.param("( !push-rbx=1 mov-rbx pop-rbx=1", ["rbx"], id="not saved, as that trapped"),
        pytest.param("( push-rbx=1 push-rbx=0 mov-rbx pop-rbx=1", [], id="saved again"),
        pytest.param("( push-rbx mov-rbx pop-rbx=1", ["rbx"], id="a value that is not known"),
        pytest.param("( push-rbx nop=1 mov-rbx pop-rbx=1", ["rbx"], id="a value of another instruction"),
        pytest.param("( push-rbx=1 mov-rbx pop-rbx nop=1", ["rbx"], id="another instruction's value at the end"),
        pytest.param("mov-rbx ( push-rbx=1 pop-rbx=1 ) mov-rbx", [], id="changed outside"),
        pytest.param("( ( push-rbx=1 ) mov-rbx pop-rbx=1", [], id="saved by what it calls"),
        pytest.param("( push-rbx=1 ( push-rbx=0 ) mov-rbx pop-rbx=1", [], id="saved by what it calls again"),
        pytest.param("( mov-rbx ( push-rbx=1 ) pop-rbx=1", ["rbx"], id="saved too late by what it calls"),
        pytest.param("( nop ( mov-rbx ) nop", ["rbx"], id="changed by what it calls"),
        pytest.param("( save-xmm15=1 fxrstor load-xmm15=1", [f"xmm{n}" for n in range(6, 15)], id="vectors"),
        pytest.param("stosb ( stosb ) stosb", [], id="amid a repetition"),
        pytest.param("stosb ( stosb ) nop", ["rdi"], id="the end of a repetition"),
        pytest.param("nop ( stosb ) stosb", ["rdi"], id="the begin of a repetition"),
    ],
)
def test_suspects_of_the_first_activation(text: str, suspects: list[str]) -> None:
    found = MadeUp(steps_of(text)).preservation().suspects()
    assert [name for name, _, which in found if 0 in which] == suspects


@pytest.mark.parametrize(
    ("text", "runs", "suspects"),
    [
        pytest.param("( nop nop", [(0, 5, 7), (1, 7, 9)], [], id="as it was"),
        pytest.param("( nop nop", [(0, 5, 7), (1, 8, 7)], ["rbx"], id="set to another value"),
        pytest.param("( push-rbx=7 mov-rbx nop", [(0, 0, 0), (2, 7, 0)], [], id="as it was saved"),
        pytest.param("( push-rbx=7 mov-rbx nop", [(0, 7, 7), (2, 8, 8)], ["rbx"], id="not as it was saved"),
        pytest.param("( ( push-rbx=7 mov-rbx ) nop", [(0, 0, 0), (2, 7, 0)], [], id="as what it called had saved it"),
        pytest.param("( mov-rbx nop", [(0, 7, 7), (1, 7, 7)], ["rbx"], id="changed before"),
        pytest.param("( nop nop mov-rbx", [(0, 7, 7), (1, 7, 7)], ["rbx"], id="changed behind it"),
        pytest.param("( push-rbx=7 nop nop pop-rbx=7", [(0, 7, 7), (2, 8, 8)], [], id="put back behind it"),
        pytest.param("( save-xmm15=1 load-xmm15=1 nop", [(0, 7, 7), (2, 7, 7)], ["xmm15"], id="vectors are set, too"),
        pytest.param("( nop nop", [(0, 7, 7), (1, 7, 7), (1, 7, 7)], GENERAL, id="nobody knows which run it was"),
    ],
)
def test_landings_of_unwinds(text: str, runs: list[tuple[int, int, int]], suspects: list[str]) -> None:
    """The last run begins with the landing; `runs` has where each begins, and RBX as it begins and ends."""
    states = [made_run(*(bytes(24) + value.to_bytes(8, "little") + bytes(96) for value in row[1:])) for row in runs]
    landings = Landings([runs[-1][0]], states, [*(row[0] for row in runs[1:]), 9])
    preservation = MadeUp(steps_of(text)).preservation(landings)
    assert [name for name, _, which in preservation.suspects() if 0 in which] == suspects
