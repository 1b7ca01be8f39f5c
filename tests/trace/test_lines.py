# SPDX-License-Identifier: GPL-2.0-or-later
"""What single lines of a listing look like."""

from __future__ import annotations

import re

import pytest

from emu.trace import EventKind, InstructionFlag, TracedCall
from emu.trace.lines import FAULT, KERNEL, USER, Lines, describe_value
from emu.trace.ranges import BufferNames
from tests.trace.made import SOURCE, TARGET, copied, loop_code
from tests.trace.made_reading import BUFFERS


@pytest.mark.parametrize(
    ("value", "size", "text"),
    [
        (0x41, 1, "0x41 'A'"),
        (0x7F, 1, "0x7f"),
        (0xFF, 1, "0xff"),
        (0x4142, 2, "0x4142 'BA'"),
        (0x12, 4, "0x00000012"),
        (int.from_bytes(b"hello wo", "little"), 8, "0x6f77206f6c6c6568 'hello wo'"),
        (int.from_bytes(b"hello from user!", "little"), 16, "'hello from user!'"),
        (1 << 127, 16, "0x80000000000000000000000000000000"),
        (1, 10, "0x00000000000000000001"),
    ],
)
def test_a_value_has_the_digits_of_its_size(value: int, size: int, text: str) -> None:
    assert describe_value(value, size) == text


def lines(*, color: bool) -> Lines:
    made = Lines(loop_code(), color=color)
    made.names = BufferNames(BUFFERS)
    return made


def test_the_file_is_said_once_and_the_columns_stay() -> None:
    made = lines(color=False)
    first = list(made.instruction(0, 0, 0, [(SOURCE, 0x41, 0, 1, 0, 2)]))
    second = list(made.instruction(1, 1, 0, [(TARGET, 0x41, 0, 1, 1, 0)]))
    assert first[0].strip() == "copy.S"
    assert [len(first), len(second)] == [2, 1]
    assert first[1].index("read source+0 = 0x41 'A'") == second[0].index("write target+0 = 0x41 'A'")


def test_a_long_place_makes_the_columns_wider_from_there_on() -> None:
    short, long = loop_code()[:2]
    made = Lines([short, long._replace(symbol="a_function_with_a_name")], color=False)
    width = [list(made.instruction(0, code, 0, [(SOURCE, 0, 0, 1, 0, 2)]))[-1].index("read") for code in (0, 1, 0)]
    assert width[0] < width[1] == width[2]


def test_colours_tell_user_from_kernel_and_faults_from_all() -> None:
    made = lines(color=True)
    read, write = (SOURCE, 0x41, 0, 1, 0, 2), (TARGET, 0x41, 0, 1, 1, 0)
    told = list(made.instruction(0, 0, 0, [read, write]))[-1]
    assert f"\x1b[{USER}mread source+0 = 0x41 'A'\x1b[0m, \x1b[{KERNEL}mwrite target+0 = 0x41 'A'\x1b[0m" in told
    trapped = list(made.instruction(0, 0, InstructionFlag.TRAPPED, [(TARGET, 0x41, 0, 1, 1, 1)]))[-1]
    assert f"\x1b[{FAULT}mtrapped\x1b[0m; \x1b[{FAULT}mnot performed\x1b[0m: \x1b[{KERNEL}mwrite" in trapped
    assert made.event(EventKind.TrapTaken, "x").startswith(f"\x1b[{FAULT}m!")
    assert not made.event(EventKind.PagedIn, "x").startswith(f"\x1b[{FAULT}m")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join([told, trapped]))
    again = lines(color=False)
    assert plain.split("\n") == [
        list(again.instruction(0, 0, 0, [read, write]))[-1],
        list(again.instruction(0, 0, InstructionFlag.TRAPPED, [(TARGET, 0x41, 0, 1, 1, 1)]))[-1],
    ]


def test_a_call_names_the_buffers_that_it_is_given() -> None:
    call = TracedCall("m!f", (TARGET, SOURCE + 5, 16), "returned 0x0", 3, 4)
    made = lines(color=False)
    assert made.call(call) == "── call m!f(target, source+5, 0x10)"
    assert made.outcome(call) == "── returned 0x0, 1 instruction"


def test_an_instruction_with_many_accesses_says_which_bytes() -> None:
    trace = copied(b"hello")
    told = list(lines(color=False).many_accesses(0, 0, 0, trace.accesses[:10]))[-1]
    assert told.endswith("10 accesses: reads source+0..4, writes target+0..4")
    told = list(lines(color=False).many_accesses(0, 0, InstructionFlag.TRAPPED, trace.accesses[:10]))[-1]
    assert told.startswith("!")
    assert told.endswith("trapped; not performed: 10 accesses: reads source+0..4, writes target+0..4")
