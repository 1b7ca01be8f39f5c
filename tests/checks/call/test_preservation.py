# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers that are saved first and restored last are settled by accesses alone; all else is left to be compared."""

from __future__ import annotations

from typing import NamedTuple

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
from emu.checks.call.preservation import Preservation
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


def suspected(call: CheckedCall, *, unwound: bool = False) -> list[str]:
    """Return the registers that are to be compared for the function that the host called."""
    assert call.callee is not None
    landings = [call.callee.begin + 1] if unwound else []
    preservation = Preservation(call.instructions, call.native_tables, len(call.tree.table), landings)
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


def test_every_general_register_is_compared_behind_an_unwind(captured: Captured) -> None:
    assert suspected(called(captured, "Restores"), unwound=True) == [
        "rbx",
        "rbp",
        "rsi",
        "rdi",
        "r12",
        "r13",
        "r14",
        "r15",
    ]


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

    def preservation(self, landings: list[int]) -> Preservation:
        return Preservation(self.instructions, self.tables, len(self.activations), landings)

    def moves(self) -> list[int]:
        """Return the instructions that count: the first and the last iteration of a `rep` stand for all."""
        names = [step.name for step in self.steps]
        ends = [at for at, name in enumerate(names) if names[max(at - 1, 0) : at + 2] != [name] * 3]
        return [at for at in ends if not self.steps[at].trapped]

    def is_suspect(self, number: int, register: int, landings: list[int]) -> bool:
        begin, end = (int(self.activations[number][edge]) for edge in ("begin", "end"))
        mine = [(at, MOVES[self.steps[at].name]) for at in self.moves() if begin <= at < end]
        changes = [at for at, move in mine if register in move.changes]
        if not self.activations[number]["returned"]:
            return False
        if any(begin < landing < end for landing in landings):
            return register < VECTORS or bool(changes)
        if not changes:
            return False
        saves = [at for at, move in mine if move.saves == register and at < changes[0]]
        if not saves or MOVES[self.steps[changes[-1]].name].restores != register:
            return True
        saved, restored = self.steps[saves[0]].values[:1], self.steps[changes[-1]].values[:1]
        return not saved or saved != restored


@given(STEPS, st.lists(st.integers(0, 30), max_size=2).map(sorted))
def test_suspects_of_what_is_made_up(steps: list[Step], landings: list[int]) -> None:
    made = MadeUp(steps)
    preservation = made.preservation(landings)
    expected = {
        name: [which for which in range(len(made.activations)) if made.is_suspect(which, number, landings)]
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
    assert MadeUp(steps).preservation([]).changed_last(number, before) == (changes[-1] if changes else None)


def test_loads_of_mxcsr() -> None:
    made = MadeUp(steps_of("nop=1 ldmxcsr=8064 nop !ldmxcsr=5"))
    at, values = made.preservation([]).mxcsr_loads(made.accesses)
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
    found = MadeUp(steps_of(text)).preservation([]).suspects()
    assert [name for name, _, which in found if 0 in which] == suspects
