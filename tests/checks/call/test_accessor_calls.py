# SPDX-License-Identifier: GPL-2.0-or-later
"""Accessors' calls: names, arguments, ranges, whoever calls them."""

from __future__ import annotations

import pytest

from emu.accessors import FAMILY
from emu.checks.call.accessor_calls import DeclaredRange, accessors_of, argument_values
from tests.checks.captured import Captured

SOURCE = """
#include <ntddk.h>
#include <usermode_accessors.h>

void MyCopy(volatile UCHAR *to, volatile const UCHAR *from, SIZE_T size)
{
    while (size--)
        *to++ = *from++;
}

ULONG Several(UCHAR *user, UCHAR *kernel)
{
    UNICODE_STRING name;
    CopyFromUser(kernel, user, 24);
    CopyFromMode(kernel, kernel + 32, 8, KernelMode);
    SetUserMemory(user, 7, 3);
    name = ReadUnicodeStringFromUser((UNICODE_STRING *)user);
    WriteULongToUser((ULONG *)user, name.Length);
    MyCopy(kernel, user, 5);
    return (ULONG)StringLengthFromUser((char *)user);
}
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    made = Captured(accessors={"MyCopy": "CopyFromUser"})
    made.load(tmp_path_factory.mktemp("guest"), SOURCE, ".c", optimize="0")
    made.machine.checkpoint()
    return made


def test_calls_of_a_driver(captured: Captured) -> None:
    machine = captured.machine
    user, kernel = machine.user.alloc(b"abcd" * 16 + b"\0", name="user"), machine.kernel.alloc(64, name="kernel")
    call = captured.call("Several", user, kernel)
    made = [
        each
        for each in call.accessor_calls
        if not (each.activation.parent and call.is_accessor(each.activation.parent))
    ]
    assert [each.name for each in made] == [
        *("CopyFromUser", "CopyFromMode", "SetUserMemory", "ReadUnicodeStringFromUser", "WriteULongToUser"),
        *("MyCopy", "StringLengthFromUser"),
    ]  # fmt: skip
    copy, mode, fill, string, write, mine, length = made
    to, source = int(kernel), int(user)
    assert dict(copy.arguments) == {"Destination": to, "Source": source, "Length": 24}
    assert copy.ranges == (
        DeclaredRange("Destination", to, 24, False, False, True),
        DeclaredRange("Source", source, 24, True, True, False),
    )
    assert (copy.mode, mode.mode) == (None, 0)
    assert not mode.is_user_side("Source")
    assert copy.is_user_side("Source")
    assert not copy.is_user_side("Destination")
    assert (fill.arguments["Fill"], fill.length) == (7, 3)
    assert string.arguments["Source"] == source
    assert string.result_address is not None
    assert string.result_address != source
    assert string.ranges == (DeclaredRange("Source", source, 16, True, True, False),)
    assert write.arguments["Value"] == 0x0707, "what was filled"
    assert mine.accessor is FAMILY["CopyFromUser"]
    assert mine.arguments["Length"] == 5
    assert (length.length, length.ranges) == (None, ())


def test_in_accessor(captured: Captured) -> None:
    machine = captured.machine
    call = captured.call("Several", machine.user.alloc(b"abcd" * 16 + b"\0"), machine.kernel.alloc(64))
    begin = {int(machine.resolve(name)) for name in ("Several", "MyCopy")}
    for index, (rip, inside) in enumerate(zip(call.instructions.rip, call.in_accessor, strict=True)):
        if int(rip) in begin:
            assert inside == (int(rip) == machine.resolve("MyCopy")), index


def test_the_hosts_own_call_needs_no_registers() -> None:
    captured = Captured()
    machine = captured.machine
    target, source = machine.kernel.alloc(64), machine.user.alloc(64)
    call = captured.call("CopyFromUser", target, source, 64)
    (made,) = [each for each in call.accessor_calls if each.activation is call.callee]
    assert dict(made.arguments) == {"Destination": int(target), "Source": int(source), "Length": 64}


def test_arguments_with_a_hidden_one() -> None:
    assert argument_values(FAMILY["ReadUnicodeStringFromMode"], (1, 2, 3, 4)) == ({"Source": 2, "Mode": 3}, 1)
    assert argument_values(FAMILY["ReadLargeIntegerFromUser"], (1, 2, 3, 4)) == ({"Source": 1}, None)
    assert argument_values(FAMILY["WriteUnicodeStringToUser"], (1, 2, 3, 4)) == (
        {"Destination": 1, "Value": 2},
        None,
    )


def test_every_function_of_the_library_is_known() -> None:
    with Captured().machine as machine:
        known = {name for name, _ in accessors_of(machine.modules, ()).values()}
        assert known == {name for name, accessor in FAMILY.items() if accessor.kind == "function"}


def test_ranges_overlap() -> None:
    def made(address: int, size: int) -> DeclaredRange:
        return DeclaredRange("", address, size, True, True, False)

    assert made(0, 4).overlaps(made(3, 1))
    assert not made(0, 4).overlaps(made(4, 1))
    assert not made(0, 4).overlaps(made(2, 0))
    assert made(2, 1).overlaps(made(0, 8))
