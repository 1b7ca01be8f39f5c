# SPDX-License-Identifier: GPL-2.0-or-later
"""What accessors may touch, and what of it they did: strings, results, structures, and whose accesses they are."""

from __future__ import annotations

import pytest

from emu.checks import CheckedCall
from emu.memory.buffer import Buffer
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
    assert int(ranges.last[ranges.outermost[0], 0]) == (1 << 64) - 1
