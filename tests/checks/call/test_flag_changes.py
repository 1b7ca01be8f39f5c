# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a flag changed and who did not leave it as it was: the native core against a model that goes step by step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.columns import CodeTable, Instructions
from emu.checks.call.flag_changes import AC, DF, FlagChanges, FlagKinds, Suspect, Suspicion, first_at_each_place
from emu.checks.call.native_passes import ACTIVATION
from emu.checks.call.native_tables import NativeTables
from emu.cpu import registers as r
from emu.trace.layout import ACCESS, INSTRUCTION, InstructionFlag
from emu.trace.run_log import Run
from emu.trace.source import Table

NOP, STAC, CLAC, STD, CLD, POPFQ, CALL, RET = (
    bytes.fromhex(code) for code in ("90", "0f01cb", "0f01ca", "fd", "fc", "9d", "e800000000", "c3")
)
ENCODINGS = (NOP, STAC, CLAC, STD, CLD, POPFQ, CALL, RET)
BY_CALL, BY_JUMP = 0, 1
FIRST = 1000
USER, KERNEL = 0x5000, 0xFFFF_8000_0000_5000


class Made(NamedTuple):
    """A call made by hand."""

    codes: list[int]
    trapped: list[bool]
    touched: list[tuple[int, int, int]]
    """Instruction, address and value of each access."""
    runs: list[tuple[int, int]]
    """Where each begins, and RFLAGS."""
    activations: list[tuple[int, int, int, bool, int]]
    """Begin, end, parent, whether it returned, what began it."""
    owner: list[int]

    @property
    def encodings(self) -> list[bytes]:
        return [ENCODINGS[code] for code in self.codes]


@st.composite
def made_calls(draw: st.DrawFn) -> Made:
    count = draw(st.integers(1, 24))
    codes = draw(st.lists(st.integers(0, len(ENCODINGS) - 1), min_size=count, max_size=count))
    trapped = draw(st.lists(st.sampled_from([False, False, False, True]), min_size=count, max_size=count))
    at = sorted(draw(st.lists(st.integers(0, count - 1), max_size=12)))
    flags = st.sampled_from([0, r.FLAG_AC, r.FLAG_DF, r.FLAG_AC | r.FLAG_DF])
    touched = [(place, draw(st.sampled_from([USER, KERNEL])), draw(flags)) for place in at]
    begins = [0, *sorted(draw(st.lists(st.integers(0, count), max_size=4)))]
    runs = [(begin, draw(flags)) for begin in begins]
    activations = []
    for number in range(draw(st.integers(1, 5))):
        begin = draw(st.integers(0, count - 1))
        end = draw(st.integers(begin + 1, count))
        parent = draw(st.integers(-1, number - 1))
        activations.append((begin, end, parent, draw(st.booleans()), draw(st.sampled_from([BY_CALL, BY_JUMP]))))
    owner = draw(st.lists(st.integers(-1, len(activations) - 1), min_size=count, max_size=count))
    return Made(codes, trapped, touched, runs, activations, owner)


def instructions_of(made: Made) -> Instructions:
    table = np.zeros(len(made.codes), INSTRUCTION)
    table["code"], table["rip"] = made.codes, 0x1000 + np.array(made.codes)
    table["flags"] = np.where(made.trapped, int(InstructionFlag.TRAPPED), 0)
    return Instructions(table, CodeTable([(Gva(0x1000 + number), code) for number, code in enumerate(ENCODINGS)]))


def accesses_of(made: Made) -> Table:
    table = np.zeros(len(made.touched), ACCESS)
    for row, (place, address, value) in zip(table, made.touched, strict=True):
        row["instruction"], row["address"], row["low"], row["size"] = FIRST + place, address, value, 8
    return table


def state_block(flags: int) -> bytes:
    return bytes(r.RFLAGS * 8) + flags.to_bytes(8, "little")


def found_in(made: Made, kinds: FlagKinds) -> FlagChanges:
    instructions = instructions_of(made)
    code_kinds = np.array([instructions.kind_of_code(number) for number in range(len(ENCODINGS))], np.int64)
    activations = np.zeros(len(made.activations), ACTIVATION)
    for row, (begin, end, parent, returned, by) in zip(activations, made.activations, strict=True):
        row["begin"], row["end"], row["parent"], row["returned"], row["by"] = begin, end, parent, returned, by
    owner = np.array(made.owner, np.int64)
    tables = NativeTables(instructions.table, accesses_of(made), FIRST, code_kinds, activations, owner)
    runs = [Run(state_block(flags), b"", (), None, None, 0, 0) for _, flags in made.runs]
    ends = [*(begin for begin, _ in made.runs[1:]), len(made.codes)]
    return FlagChanges(kinds, tables, len(activations), instructions, runs, ends)


def before_each(made: Made, kinds: FlagKinds) -> list[bool]:
    """Return what the flag is before each instruction, going through them."""
    sets, clears = (STAC, CLAC) if kinds is AC else (STD, CLD)
    values, value = [], False
    for index in range(len(made.codes)):
        before = made.encodings[index - 1] if index and not made.trapped[index - 1] else NOP
        if before == POPFQ:
            popped = [loaded for place, _, loaded in made.touched if place == index - 1]
            value = bool(popped and popped[2 if len(popped) > 2 else 0] & kinds.flag)
        elif before in (sets, clears):
            value = before == sets
        for begin, flags in made.runs:
            if begin == index:
                value = bool(flags & kinds.flag)
        values.append(value)
    return values


def suspected(made: Made, kinds: FlagKinds) -> list[Suspect]:
    """Return whom the rules suspect."""
    changing = (STAC, CLAC, POPFQ) if kinds is AC else (STD, CLD, POPFQ)
    values, codes, count = before_each(made, kinds), made.encodings, len(made.codes)
    edges = [index for index in range(1, count) if values[index] != values[index - 1]]
    changes = [index - 1 for index in edges if codes[index - 1] in changing]
    if not changes:
        return []

    def at_begin(number: int) -> bool:
        return number >= 0 and values[made.activations[number][0]]

    found = []
    for number, (_, end, _, returned, _) in enumerate(made.activations):
        last = end - 1
        mine = [change for change in changes if change < last][-1:]
        if returned and values[last] != at_begin(number) and not (values[last] and made.owner[last] != number):
            found += [
                Suspect(Suspicion.RETURNED_CHANGED, number, change) for change in mine if made.owner[change] == number
            ]
    for index in range(count):
        if codes[index] == CALL and not made.trapped[index] and values[index] and not at_begin(made.owner[index]):
            found.append(Suspect(Suspicion.CALLED_WHILE_SET, index, -1))
    for number, (_, _, parent, _, by) in enumerate(made.activations):
        if by == BY_JUMP and parent >= 0 and at_begin(number) and not at_begin(parent):
            found.append(Suspect(Suspicion.JUMPED_WHILE_SET, number, -1))
    windows = {}
    for opening in changes:
        if not values[opening]:
            end = min((edge for edge in edges if edge > opening + 1), default=count)
            windows[opening] = any(opening <= place < end and address == USER for place, address, _ in made.touched)
    for opening in windows:
        owner = made.owner[opening]
        others = [touches for other, touches in windows.items() if made.owner[other] == owner]
        if owner >= 0 and made.activations[owner][3] and not any(others):
            found.append(Suspect(Suspicion.TOUCHED_NOTHING, opening, -1))
    return found


@given(made=made_calls(), kinds=st.sampled_from([AC, DF]))
def test_changes_and_suspects(made: Made, kinds: FlagKinds) -> None:
    values = before_each(made, kinds)
    found = found_in(made, kinds)
    assert found.column.tolist() == values
    assert found.before(np.arange(len(values))).tolist() == values
    assert [bool(found.before(index)) for index in range(len(values))] == values
    edges = [index for index in range(1, len(values)) if values[index] != values[index - 1]]
    assert found.edges.tolist() == edges
    changing = (STAC, CLAC, POPFQ) if kinds is AC else (STD, CLD, POPFQ)
    changes = [index - 1 for index in edges if made.encodings[index - 1] in changing]
    assert found.changes.tolist() == changes
    for index in range(len(values)):
        assert found.changed_last(index) == max((change for change in changes if change < index), default=None)
    assert found.suspects == suspected(made, kinds)


def test_once_for_each_instruction() -> None:
    """Activations are told apart by themselves, and one place may be suspected of two things."""
    instructions = instructions_of(Made([6, 0, 6, 1], [False] * 4, [], [(0, 0)], [], [-1] * 4))
    given_ = [
        Suspect(Suspicion.RETURNED_CHANGED, 0, 1),
        Suspect(Suspicion.RETURNED_CHANGED, 2, 1),
        Suspect(Suspicion.CALLED_WHILE_SET, 0, -1),
        Suspect(Suspicion.CALLED_WHILE_SET, 2, -1),
        Suspect(Suspicion.TOUCHED_NOTHING, 2, -1),
    ]
    assert list(first_at_each_place(given_, instructions)) == [given_[0], given_[1], given_[2], given_[4]]


def test_the_kinds_that_change_it() -> None:
    assert CodeKind(AC.changing) == CodeKind.STAC | CodeKind.CLAC | CodeKind.LOADS_FLAGS
    assert CodeKind(DF.changing) == CodeKind.STD | CodeKind.CLD | CodeKind.LOADS_FLAGS
