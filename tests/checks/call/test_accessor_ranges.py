# SPDX-License-Identifier: GPL-2.0-or-later
"""What accessors may touch, and what of it they did: strings, results, structures, and whose accesses they are.

Of tables that are made up, a model says it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.accessors import FAMILY
from emu.address import ADDRESS_MASK, PAGE_SIZE
from emu.checks import CheckedCall
from emu.checks.call.accessor_calls import AccessorCall, DeclaredRange
from emu.checks.call.accessor_ranges import NEAR, AccessorRanges, accesses_beside
from emu.checks.call.columns import USER_END, Accesses, CodeTable, Instructions
from emu.checks.call.frames import HOME_SPACE
from emu.checks.call.native_passes import ACTIVATION
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.tree import CallTree
from emu.memory.buffer import Buffer
from emu.trace.layout import ACCESS, INSTRUCTION, READ, WRITE, AccessFlag
from tests.checks.captured import Captured

SOURCE = """
#include <ntddk.h>
#include <usermode_accessors.h>

ULONG Reads(UCHAR *user, UCHAR *kernel)
{
    CopyFromUser(kernel, user, 24);
    kernel[30] = 1;
    return ReadULongFromUser((ULONG *)(user + 4));
}
USHORT Descriptor(UNICODE_STRING *user)
{
    UNICODE_STRING name = ReadUnicodeStringFromUser(user);
    return name.Length;
}
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    made = Captured()
    made.load(tmp_path_factory.mktemp("ranges"), SOURCE, ".c")
    made.machine.checkpoint()
    return made


def string_call(captured: Captured, routine: str, content: bytes, offset: int) -> tuple[CheckedCall, Buffer]:
    captured.machine.reset()
    buffer = captured.machine.user.alloc(content, offset=offset, name="string")
    return captured.call(routine, buffer), buffer


@pytest.mark.parametrize(
    ("routine", "content", "size"),
    [
        ("StringLengthFromUser", b"text\0more", 5),
        ("StringLengthFromUser", b"\0", 1),
        ("StringLengthFromUser", b"a" * 100 + b"\0" + b"b" * 40, 101),
        ("WideStringLengthFromUser", "text\0more".encode("utf-16-le"), 10),
        ("WideStringLengthFromUser", b"\0a\0b\0\0\0\0", 6),
    ],
)
@pytest.mark.parametrize("offset", [0, 1, 13, 4095])
def test_a_string_is_what_the_scan_came_to(
    captured: Captured, routine: str, content: bytes, size: int, offset: int
) -> None:
    found, buffer = string_call(captured, routine, content, offset)
    ranges = found.accessor_ranges
    (string,) = [ranges.strings[index] for index in ranges.outermost]
    assert (string.address, string.size, string.is_user) == (int(buffer), size, True)
    (pages,) = ranges.of_call[ranges.outermost[0]]
    assert pages.address == int(buffer) // 4096 * 4096
    assert pages.end % 4096 == 0
    assert pages.end - 4096 < string.end <= pages.end


def test_a_string_that_faults_ends_with_the_first_character_that_was_not_read(captured: Captured) -> None:
    found, buffer = string_call(captured, "StringLengthFromUser", b"x" * 40, 4056)
    (string,) = found.accessor_ranges.strings.values()
    assert string.size == 41
    assert found.accessor_ranges.of_call[0][0].end == int(buffer) + 40 + 4096


def test_whose_accesses_they_are(captured: Captured) -> None:
    captured.machine.reset()
    user = captured.machine.user.alloc(bytes(64), name="user")
    kernel = captured.machine.kernel.alloc(64, name="kernel")
    found = captured.call("Reads", user, kernel)
    ranges = found.accessor_ranges
    copy, read = ranges.outermost
    names = [found.accessor_calls[index].name for index in (copy, read)]
    assert names == ["CopyFromUser", "ReadULongFromUser"]
    accesses = found.accesses
    inside = ranges.inside & (ranges.running == copy)
    assert int(accesses.size[inside & accesses.is_read].sum()) == 24
    assert int(accesses.size[inside & accesses.is_write].sum()) == 24
    own = accesses.touching(int(kernel) + 30, 1)
    assert ranges.running[own].tolist() == [-1]
    assert not ranges.inside[own].any()
    assert accesses.address[ranges.inside & (ranges.running == read)].tolist() == [int(user) + 4]


def test_a_result_by_address_is_a_range(captured: Captured) -> None:
    captured.machine.reset()
    user = captured.machine.user.alloc(bytes(16), name="user")
    found = captured.call("Descriptor", user)
    ranges = found.accessor_ranges
    declared = ranges.of_call[ranges.outermost[0]]
    assert [(each.name, each.size, each.writes) for each in declared] == [
        ("Source", 16, False),
        ("the result", 16, True),
    ]
    assert int(found.accesses.size[ranges.inside & found.accesses.is_write].sum()) == 16


def test_a_length_that_wraps_reaches_the_last_address(captured: Captured) -> None:
    captured.machine.reset()
    user = captured.machine.user.alloc(bytes(16), name="user")
    found = captured.call("SetUserMemory", user, 1, (1 << 64) - 1)
    ranges = found.accessor_ranges
    ((index, declared),) = ranges.out_of_order()
    assert (index, declared.end) == (ranges.outermost[0], int(user) + (1 << 64) - 1)
    assert ranges.inside[ranges.running == index].all(), "the kernel's stack is in it"


FIRST = 1000
"""Index in the trace of the first instruction of what is made up."""
BASES = (0, 0x1_0FF0, 0x1_1008, USER_END - 16, 0xFFFF_8000_0000_2000, 0xFFFF_8000_0000_5FF8, (1 << 64) - 40)
ADDRESSES = st.builds(lambda base, offset: (base + offset) & ADDRESS_MASK, st.sampled_from(BASES), st.integers(-40, 40))
SIZES = st.sampled_from([1, 2, 4, 8, 10, 16])
ACCESSORS = ("CopyFromUser", "SetUserMemory", "ReadULongFromUser", "WriteUnicodeStringToUser", "CopyFromMode")


class MadeActivation(NamedTuple):
    above: int
    """The parent counts from it, -1 for none."""
    by: int
    slot: int
    accessor: str | None
    arguments: tuple[int, int, int]


class MadeAccess(NamedTuple):
    address: int
    size: int
    kind: int
    performed: bool

    @property
    def end(self) -> int:
        return self.address + self.size


class MadeInstruction(NamedTuple):
    owner: int
    accesses: tuple[MadeAccess, ...]


def whole(address: int, size: int, kind: int, performed: bool) -> MadeAccess:
    return MadeAccess(min(address, (1 << 64) - size), size, kind, performed)


MADE_ACTIVATIONS = st.builds(
    MadeActivation,
    st.integers(-1, 5),
    st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
    st.sampled_from([0, 0xFFFF_8000_0000_2000, 0xFFFF_8000_0001_2020, 0xFFFF_8000_0000_5000]),
    st.sampled_from([None, *ACCESSORS]),
    st.tuples(ADDRESSES, ADDRESSES, st.just(0) | st.integers(0, 24)),
)


class Case(NamedTuple):
    activations: list[MadeActivation]
    instructions: list[MadeInstruction]


def edges(made: MadeActivation) -> list[int]:
    """Return where something else begins for the accesses of an accessor."""
    first, second, size = made.arguments
    near = [edge for at in (first, second) for edge in limits(around(range(at, at + size)))]
    return [first, first + size, second, second + size, *near, made.slot + 8 + HOME_SPACE, made.slot - (1 << 16)]


def limits(bytes_: range) -> tuple[int, int]:
    return bytes_.start, bytes_.stop


def accesses_at(places: list[int]) -> st.SearchStrategy[MadeAccess]:
    """Give accesses, most of them at some places or right before or behind."""
    at = st.builds(
        lambda place, offset: (place + offset) & ADDRESS_MASK, st.sampled_from(places), st.sampled_from([-1, 0, 1, -8])
    )
    return st.builds(whole, at | at | ADDRESSES, SIZES, st.sampled_from([READ, WRITE]), st.integers(0, 5).map(bool))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Give made-up tables. Some accessors go through a range of theirs, with a mistake or without."""
    activations = draw(st.lists(MADE_ACTIVATIONS, min_size=1, max_size=6))
    activations = [each._replace(above=-1 if each.above >= at else each.above) for at, each in enumerate(activations)]
    owners = st.integers(-1, len(activations) - 1)
    accesses = accesses_at([edge for each in activations for edge in edges(each)])
    others = st.builds(MadeInstruction, owners, st.lists(accesses, max_size=2).map(tuple))
    instructions = draw(st.lists(others, max_size=12))
    for number, each in enumerate(activations):
        if each.accessor is None or draw(st.booleans()):
            continue
        for position, kind in ((0, WRITE), (1, READ), (0, READ)):
            at, end = each.arguments[position], min(each.arguments[position] + each.arguments[2], 1 << 64)
            while at < end and draw(st.integers(0, 15)):
                size = draw(st.sampled_from([size for size in (1, 2, 4, 8, 16) if at + size <= end]))
                instructions.append(MadeInstruction(number, (MadeAccess(at, size, kind, True),)))
                at += size
    return Case(activations, instructions)


class MadeUp:
    """The tables of a case, and what a model says of them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        table = np.zeros(len(case.activations), ACTIVATION)
        for row, each in zip(table, case.activations, strict=True):
            row["end"], row["parent"] = len(case.instructions), each.above
            row["by"], row["slot"] = each.by, each.slot
        rows = [(FIRST + at, each) for at, made in enumerate(case.instructions) for each in made.accesses]
        accesses = np.zeros(len(rows), ACCESS)
        for row, (at, access) in zip(accesses, rows, strict=True):
            row["instruction"], row["address"], row["size"], row["kind"] = at, *access[:3]
            row["flags"] = 0 if access.performed else AccessFlag.NOT_PERFORMED
        instructions = np.zeros(len(case.instructions), INSTRUCTION)
        owner = np.array([made.owner for made in case.instructions], np.int64)
        self.tree = CallTree(table, owner)
        self.tables = NativeTables(instructions, accesses, FIRST, np.zeros(0, np.int64), table, owner)
        self.accesses = Accesses(accesses, FIRST, Instructions(instructions, CodeTable([])))
        self.calls = [
            AccessorCall(
                FAMILY[each.accessor],
                each.accessor,
                activation,
                dict(zip([*self.names(each.accessor), "Mode"], (*each.arguments, each.slot), strict=False)),
                None,
            )
            for each, activation in zip(case.activations, self.tree.activations, strict=True)
            if each.accessor is not None
        ]
        self.made = [(self.running(at - FIRST), each) for at, each in rows]

    def names(self, accessor: str) -> list[str]:
        return [parameter.name for parameter in FAMILY[accessor].parameters][:3]

    def running(self, instruction: int) -> int:
        """Return the accessor call that an instruction is in."""
        entered = {made.activation.number: index for index, made in enumerate(self.calls)}
        found, at = -1, self.case.instructions[instruction].owner
        while at >= 0:
            found = entered.get(at, found)
            at = self.case.activations[at].above if self.case.activations[at].by in (0, 1) else -1
        return found

    def ranges(self, index: int) -> list[range]:
        made = self.calls[index]
        return [bytes_of(each) for each in (*made.ranges, *made.ranges_by_address)]

    def is_outside(self, index: int, access: MadeAccess) -> bool:
        if index < 0 or any(is_within(access, each) for each in self.ranges(index)):
            return False
        slot = self.case.activations[self.calls[index].activation.number].slot
        if access.address < USER_END:
            return True
        if (slot - (1 << 16)) & ADDRESS_MASK <= access.address < (slot + 8 + HOME_SPACE) & ADDRESS_MASK:
            return False
        return any(len(each) and touches(access, around(each)) for each in self.ranges(index))

    def its(self, index: int, declared: range, kind: int) -> list[MadeAccess]:
        """Return the performed accesses of a kind that touch a range of an accessor call."""
        return [
            each
            for number, each in self.made
            if number == index and each.performed and each.kind == kind and touches(each, declared)
        ]

    def is_in_order(self, index: int, declared: DeclaredRange) -> bool:
        wanted = bytes_of(declared)
        kinds = [kind for kind, is_wanted in ((READ, declared.reads), (WRITE, declared.writes)) if is_wanted]
        return all(
            [byte for each in self.its(index, wanted, kind) for byte in range(each.address, each.end)] == [*wanted]
            for kind in kinds
        )


def bytes_of(declared: DeclaredRange) -> range:
    return range(declared.address, min(declared.end, 1 << 64))


def touches(access: MadeAccess, bytes_: range) -> bool:
    return max(access.address, bytes_.start) < min(access.end, bytes_.stop)


def is_within(access: MadeAccess, bytes_: range) -> bool:
    return bytes_.start <= access.address and access.end <= bytes_.stop


def around(bytes_: range) -> range:
    """Return the pages of a range, and what is near them."""
    last = max(bytes_.stop - 1, bytes_.start)
    return range(bytes_.start // PAGE_SIZE * PAGE_SIZE - NEAR, (last // PAGE_SIZE + 1) * PAGE_SIZE + NEAR)


def accesses_are_where_the_model_says(case: Case) -> None:
    made = MadeUp(case)
    found = AccessorRanges(made.calls, made.tree, made.tables, made.accesses)
    assert found.running.tolist() == [index for index, _ in made.made]
    within = [index >= 0 and any(is_within(each, of) for of in made.ranges(index)) for index, each in made.made]
    assert found.inside.tolist() == within
    touched = [index >= 0 and any(touches(each, of) for of in made.ranges(index)) for index, each in made.made]
    assert found.touching.tolist() == touched
    outside = [number for number, (index, each) in enumerate(made.made) if made.is_outside(index, each)]
    assert found.outside.tolist() == outside
    for index in found.outermost:
        assert found.of(index).tolist() == [number for number, (its, _) in enumerate(made.made) if its == index]


@given(cases())
def test_accesses_are_where_the_model_says(case: Case) -> None:
    accesses_are_where_the_model_says(case)


@pytest.mark.parametrize("target", BASES)
@pytest.mark.parametrize("slot", [0, 0xFFFF_8000_0000_2020, 0xFFFF_8000_0001_2020])
def test_the_edges_of_all_that_counts(target: int, slot: int) -> None:
    copy = MadeActivation(-1, 0, slot, "CopyFromUser", (target, 0x1_1008, 16))
    addresses = {(edge + offset) & ADDRESS_MASK for edge in edges(copy) for offset in (-2, -1, 0, 1)}
    accesses = [whole(address, size, READ, True) for address in sorted(addresses) for size in (1, 2)]
    accesses_are_where_the_model_says(Case([copy], [MadeInstruction(0, (each,)) for each in accesses]))


@given(cases())
def test_ranges_are_gone_through_as_the_model_says(case: Case) -> None:
    made = MadeUp(case)
    found = AccessorRanges(made.calls, made.tree, made.tables, made.accesses)
    declared = [
        (index, position, each) for index in found.outermost for position, each in enumerate(made.calls[index].ranges)
    ]
    assert list(found.out_of_order()) == [
        (index, each) for index, _, each in declared if not made.is_in_order(index, each)
    ]
    for index, position, each in declared:
        its = made.its(index, bytes_of(each), READ if each.reads else WRITE)
        assert found.is_in_parts(index, position) == (sum(one.size < len(bytes_of(each)) for one in its) > 1)


@given(cases(), st.lists(st.tuples(ADDRESSES, st.integers(0, 24)), max_size=3))
def test_accesses_beside_buffers_are_those_of_the_model(case: Case, buffers: list[tuple[int, int]]) -> None:
    made = MadeUp(case)
    declared = [DeclaredRange("", address, size, True, True, True) for address, size in buffers]
    ranges = [bytes_of(each) for each in declared]
    assert accesses_beside(made.tables, made.accesses, declared).tolist() == [
        number
        for number, (_, each) in enumerate(made.made)
        if any(touches(each, around(of)) for of in ranges) and not any(is_within(each, of) for of in ranges)
    ]
