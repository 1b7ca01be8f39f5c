# SPDX-License-Identifier: GPL-2.0-or-later
"""What is suspect on the stack, by the native core and by a model that looks at one thing at a time."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.checks.call.native_passes import ACTIVATION
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.stack_operands import StackUse
from emu.checks.call.stack_suspects import Suspect, Suspicion, stack_suspects
from emu.trace.layout import ACCESS, INSTRUCTION, READ, WRITE, InstructionFlag

STACK: Final = 0xFFFF_8000_0000_1000
FIRST: Final = 1000
BY_CALL, BY_JUMP, BY_FILTER = range(3)
JUMPS_BY_RETURNING: Final = 8

USES: Final = (
    0,
    StackUse.CALL,
    StackUse.RETURN,
    StackUse.RETURN | StackUse.POPS_MORE,
    StackUse.BELOW,
    StackUse.ABOVE,
    StackUse.CALL,
)


class Instruction(NamedTuple):
    code: int
    trapped: bool
    owner: int


class Access(NamedTuple):
    instruction: int
    address: int
    value: int
    kind: int


class Run(NamedTuple):
    """An activation."""

    parent: int
    call_site: int
    return_address: int
    slot: int
    by: int


class Tables(NamedTuple):
    uses: list[int]
    instructions: list[Instruction]
    accesses: list[Access]
    runs: list[Run]


addresses = st.integers(0, 12).map(lambda number: STACK + number * 8) | st.integers(STACK, STACK + 96)
return_addresses = st.integers(0, 3)


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    """Make up a call in which anything may be wrong, in a few places of the stack."""
    runs: list[Run] = []
    for number in range(draw(st.integers(3, 12))):
        by = draw(st.sampled_from((BY_CALL, BY_CALL, BY_CALL, BY_JUMP, BY_FILTER)))
        parent = draw(st.integers(max(number - 3, -1), number - 1))
        call_site = -1 if by == BY_FILTER else 0
        slot = 0 if call_site < 0 else draw(addresses)
        runs.append(Run(parent, call_site, draw(return_addresses), slot, by))
    codes, owners = st.integers(0, len(USES) - 1), st.integers(-1, len(runs) - 1)
    trapped = st.sampled_from((False, False, True))
    instructions = draw(st.lists(st.builds(Instruction, codes, trapped, owners), min_size=6, max_size=16))
    made = st.tuples(addresses, return_addresses, st.sampled_from((READ, WRITE)))
    accesses = [
        Access(number, *each) for number in range(len(instructions)) for each in draw(st.lists(made, max_size=2))
    ]
    return Tables(list(USES), instructions, accesses, runs)


def native(made: Tables) -> NativeTables:
    instructions = np.zeros(len(made.instructions), INSTRUCTION)
    instructions["code"] = [each.code for each in made.instructions]
    instructions["flags"] = [int(InstructionFlag.TRAPPED) * each.trapped for each in made.instructions]
    accesses = np.zeros(len(made.accesses), ACCESS)
    accesses["instruction"] = [each.instruction + FIRST for each in made.accesses]
    accesses["size"] = 8
    for name, values in {
        "address": [each.address for each in made.accesses],
        "low": [each.value for each in made.accesses],
        "kind": [each.kind for each in made.accesses],
    }.items():
        accesses[name] = np.array(values, np.uint64)
    runs = np.zeros(len(made.runs), ACTIVATION)
    for row, each in zip(runs, made.runs, strict=True):
        row["parent"], row["call_site"], row["by"] = each.parent, each.call_site, each.by
        row["return_address"], row["slot"] = each.return_address, each.slot
    owner = np.array([each.owner for each in made.instructions], np.int64)
    return NativeTables(instructions, accesses, FIRST, np.zeros(len(made.uses), np.int64), runs, owner)


def found(made: Tables) -> list[Suspect]:
    return list(stack_suspects(native(made), np.array(made.uses, np.int64)))


class Model:
    """The same, asked of each instruction and access by itself."""

    def __init__(self, made: Tables) -> None:
        self.made = made

    def all(self) -> list[Suspect]:
        made = self.made
        if not any(each.slot for each in made.runs):
            return []
        everything = [self.transfer(at) for at in range(len(made.instructions))]
        everything += [self.access(number) for number in range(len(made.accesses))]
        suspects: list[Suspect] = []
        seen: set[tuple[int, int]] = set()
        for each in (suspect for some in everything for suspect in some):
            is_call = each.reasons & (Suspicion.CALLS_OFF_ALIGNMENT | Suspicion.CALLS_WITHOUT_HOME)
            key = made.instructions[each.instruction].code, 0 if is_call else each.reasons
            if each.reasons == Suspicion.RETURNS_ELSEWHERE or key not in seen:
                suspects.append(each)
            seen.add(key)
        return suspects

    def slot(self, at: int) -> int:
        owner = self.made.instructions[at].owner
        return 0 if owner < 0 else self.made.runs[owner].slot

    def transfer(self, at: int) -> list[Suspect]:
        instruction, suspects = self.made.instructions[at], list[Suspect]()
        mine = [number for number, each in enumerate(self.made.accesses) if each.instruction == at]
        use, slot = self.made.uses[instruction.code], self.slot(at)
        if not mine:
            return []
        if use & StackUse.RETURN and slot:
            if not self.goes_back(instruction.owner, self.made.accesses[mine[0]]):
                suspects.append(Suspect(at, mine[0], Suspicion.RETURNS_ELSEWHERE))
            if use & StackUse.POPS_MORE:
                suspects.append(Suspect(at, mine[0], Suspicion.POPS_MORE))
        if use & StackUse.CALL and not instruction.trapped:
            pushed = self.made.accesses[mine[-1]].address
            is_off = (pushed + 8) % 16 != 0 and (not slot or (slot + 8) % 16 == 0)
            reasons = Suspicion.CALLS_OFF_ALIGNMENT * is_off
            reasons |= Suspicion.CALLS_WITHOUT_HOME * (pushed < slot < pushed + 40)
            if reasons:
                suspects.append(Suspect(at, mine[-1], reasons))
        return suspects

    def goes_back(self, owner: int, popped: Access) -> bool:
        callers = []
        while owner >= 0:
            callers.append(self.made.runs[owner])
            owner = self.made.runs[owner].parent
        expected = [(each.slot, each.return_address) for each in callers[: JUMPS_BY_RETURNING + 1]]
        return (popped.address, popped.value) in expected

    def access(self, number: int) -> list[Suspect]:
        access = self.made.accesses[number]
        at, address = access.instruction, access.address
        instruction = self.made.instructions[at]
        use, slot = self.made.uses[instruction.code], self.slot(at)
        suspects = []
        if access.kind == WRITE:
            if use & StackUse.BELOW:
                suspects.append(Suspect(at, number, Suspicion.WRITES_BELOW))
            if use & StackUse.ABOVE and slot and address >= slot + 40:
                suspects.append(Suspect(at, number, Suspicion.WRITES_ABOVE))
        else:
            called = [
                each.slot
                for each in self.made.runs
                if each.parent == instruction.owner >= 0 and each.call_site >= 0 and each.by != BY_JUMP
            ]
            if called and 8 <= address - min(called) < 40:
                suspects.append(Suspect(at, number, Suspicion.READS_HOME))
        return suspects


@given(tables())
def test_it_finds_what_the_model_finds(made: Tables) -> None:
    assert found(made) == Model(made).all()


CALLED: Final = Run(-1, 0, 1, STACK + 40, BY_CALL)


def one(use: int, access: Access, *runs: Run) -> int | None:
    """Return the reasons for the only instruction of a call; None where it is not suspect."""
    suspects = found(Tables([use], [Instruction(0, False, 0)], [access], [*(runs or (CALLED,))]))
    return suspects[0].reasons if suspects else None


def test_a_return_goes_back_to_where_its_activation_was_called_from() -> None:
    assert one(StackUse.RETURN, Access(0, STACK + 40, 1, READ)) is None
    assert one(StackUse.RETURN, Access(0, STACK + 40, 2, READ)) == Suspicion.RETURNS_ELSEWHERE
    assert one(StackUse.RETURN, Access(0, STACK + 32, 1, READ)) == Suspicion.RETURNS_ELSEWHERE


def test_a_return_may_go_back_for_a_caller_further_up_but_not_for_any() -> None:
    def chain(length: int) -> list[Run]:
        return [Run(number - 1, number, number, STACK - number * 48, BY_CALL) for number in range(length)]

    for length in (2, JUMPS_BY_RETURNING + 1, JUMPS_BY_RETURNING + 2):
        runs = chain(length)
        access = Access(0, STACK, 0, READ)
        suspects = found(Tables([StackUse.RETURN], [Instruction(0, False, length - 1)], [access], runs))
        assert bool(suspects) == (length > JUMPS_BY_RETURNING + 1)


def test_a_call_may_be_wrong_for_two_reasons_at_once() -> None:
    both = Suspicion.CALLS_OFF_ALIGNMENT | Suspicion.CALLS_WITHOUT_HOME
    assert one(StackUse.CALL, Access(0, STACK + 32, 0, WRITE), CALLED._replace(slot=STACK + 40)) == both
    assert one(StackUse.CALL, Access(0, STACK - 8, 0, WRITE), CALLED._replace(slot=STACK + 40)) is None


def test_a_function_has_its_home_space_and_what_it_called_has_its_own() -> None:
    assert one(StackUse.ABOVE, Access(0, CALLED.slot + 39, 0, WRITE)) is None
    assert one(StackUse.ABOVE, Access(0, CALLED.slot + 40, 0, WRITE)) == Suspicion.WRITES_ABOVE
    callee = Run(0, 0, 1, STACK, BY_CALL)
    for offset in (0, 7, 8, 39, 40):
        reasons = one(0, Access(0, STACK + offset, 0, READ), CALLED, callee)
        assert reasons == (Suspicion.READS_HOME if 8 <= offset < 40 else None)
        assert one(0, Access(0, STACK + offset, 0, READ), CALLED, callee._replace(by=BY_JUMP)) is None


def test_every_return_that_goes_wrong_is_given_and_of_all_else_the_first() -> None:
    made = Tables(
        [StackUse.RETURN | StackUse.POPS_MORE, StackUse.BELOW],
        [Instruction(0, False, 0)] * 3 + [Instruction(1, False, 0)] * 3,
        [*(Access(at, STACK, 2, READ) for at in range(3)), *(Access(at, STACK, 2, WRITE) for at in range(3, 6))],
        [CALLED],
    )
    assert found(made) == [
        Suspect(0, 0, Suspicion.RETURNS_ELSEWHERE),
        Suspect(0, 0, Suspicion.POPS_MORE),
        Suspect(1, 1, Suspicion.RETURNS_ELSEWHERE),
        Suspect(2, 2, Suspicion.RETURNS_ELSEWHERE),
        Suspect(3, 3, Suspicion.WRITES_BELOW),
    ]


def test_where_no_return_address_is_known_nothing_is_suspect() -> None:
    by_host = Run(-1, -1, 0, 0, BY_FILTER)
    assert one(StackUse.BELOW, Access(0, STACK, 0, WRITE), by_host) is None
    assert one(StackUse.BELOW, Access(0, STACK, 0, WRITE)) == Suspicion.WRITES_BELOW


def test_an_empty_call() -> None:
    assert found(Tables([0], [], [], [])) == []
