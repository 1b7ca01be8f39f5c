# SPDX-License-Identifier: GPL-2.0-or-later
"""The model says what the documentation and the project's decisions say, in numbers written down here by hand."""

from __future__ import annotations

import pytest

from emu.accessors import FAMILY
from tests.conformance.accessors.arenas import (
    KERNEL_SOURCE,
    KERNEL_TARGET,
    LIMIT,
    UNPATCHED,
    USER_SOURCE,
    USER_TARGET,
    Memory,
    Patch,
)
from tests.conformance.accessors.contract import expect, interlocked
from tests.conformance.accessors.terms import (
    KERNEL_MODE,
    NO_PAGE,
    Bugchecks,
    Circumstances,
    Ending,
    Given,
    Landed,
    Page,
    Raises,
    Returns,
    arguments,
)

ACCESS_VIOLATION = 0xC000_0005
MISALIGNMENT = 0x8000_0002
SOURCE, TARGET = USER_SOURCE.boundary, USER_TARGET.boundary
KERNEL = KERNEL_TARGET.base
PLAIN = Circumstances()


def ending(name: str, given: Given, page: Page = NO_PAGE, now: Circumstances = PLAIN) -> Ending:
    return expect(FAMILY[name], given, UNPATCHED, page, now).ending


def refused(operation: int, address: int) -> Raises:
    """An access violation by a check, at exactly one address."""
    return Raises(ACCESS_VIOLATION, operation, address, address)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("ReadULongFromUser", Given(LIMIT - 4), None),
        ("ReadULongFromUser", Given(LIMIT - 3), refused(0, LIMIT)),
        ("ReadULongFromUser", Given(LIMIT), refused(0, LIMIT)),
        ("ReadULongFromUser", Given((1 << 64) - 1), refused(0, (1 << 64) - 1)),
        ("WriteULong64ToUser", Given(target=LIMIT - 7), refused(1, LIMIT)),
        ("CopyFromUser", Given(LIMIT - 10, KERNEL, 11), refused(0, LIMIT)),
        ("CopyFromUser", Given(0x1000, KERNEL, (1 << 64) - 1), refused(0, LIMIT)),
        ("CopyFromUser", Given((1 << 64) - 4, KERNEL, 8), refused(0, (1 << 64) - 4)),
        ("CopyToUserFromUser", Given(KERNEL, LIMIT, 1), refused(0, KERNEL)),
        ("CopyToUserFromUser", Given(SOURCE, LIMIT, 1), refused(1, LIMIT)),
        ("InterlockedAndToUser", Given(target=TARGET + 2), Raises(MISALIGNMENT)),
        ("InterlockedAndToUser", Given(target=LIMIT - 2), refused(1, LIMIT)),
        ("CopyFromUserAligned", Given(KERNEL + 1, KERNEL, 8, alignment=8), Raises(MISALIGNMENT)),
        ("CopyFromModeAligned", Given(KERNEL_SOURCE.base + 1, KERNEL, 8, mode=KERNEL_MODE, alignment=8), Returns()),
        ("StringLengthFromUser", Given(LIMIT + 5), refused(0, LIMIT + 5)),
        ("StringLengthFromUser", Given(LIMIT - 5), refused(0, LIMIT)),
        ("CopyFromUser", Given(KERNEL, 0, 0), Returns()),
        ("UmaExceptionFilter", Given(mode=1), Returns(1, 4)),
        ("UmaExceptionFilter", Given(mode=0x100), Returns(0, 4)),
        ("RtlFastFailIfUserPointer", Given(LIMIT), Returns()),
        ("RtlFastFailIfUserPointer", Given(LIMIT - 1), Bugchecks(0x139, (77, None, None, None))),
    ],
)
def test_checks(name: str, given: Given, expected: Ending | None) -> None:
    found = ending(name, given)
    assert isinstance(found, Returns) if expected is None else found == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("ro", Returns()),
        ("paged-out", Returns()),
        ("none", Raises(ACCESS_VIOLATION, 0, SOURCE, SOURCE, trapped=True)),
        ("unmapped", Raises(ACCESS_VIOLATION, 0, SOURCE, SOURCE, trapped=True)),
        ("guard", Raises(0x8000_0001, 0, SOURCE, SOURCE, trapped=True)),
        ("in-page-error", Raises(0xC000_0006, 0, SOURCE, SOURCE, (0xC000_0185,), trapped=True)),
    ],
)
def test_states_of_a_page_that_is_read(state: str, expected: Ending) -> None:
    assert ending("CopyFromUser", Given(SOURCE - 100, KERNEL, 200), Page(SOURCE, state)) == expected


def test_a_write_of_a_read_only_page() -> None:
    found = ending("SetUserMemory", Given(target=TARGET - 1, length=2), Page(TARGET, "ro"))
    assert found == Raises(ACCESS_VIOLATION, 1, TARGET, TARGET, trapped=True)


@pytest.mark.parametrize(("byte", "least"), [(0, 0), (1, 0), (63, 0), (64, 1), (65, 2), (150, 87)])
def test_what_must_have_landed_before_a_fault(byte: int, least: int) -> None:
    """Fewer than 64 bytes before the faulting one may be missing; none at or behind it is written."""
    given = Given(SOURCE - byte, KERNEL, 200)
    landed = expect(FAMILY["CopyFromUser"], given, UNPATCHED, Page(SOURCE, "none"), PLAIN).landed
    assert landed == Landed(KERNEL, UNPATCHED.read(SOURCE - byte, 200), least, byte)


def test_what_a_typed_write_leaves() -> None:
    """One access: all of it, or nothing."""
    given = Given(target=TARGET - 3, value=0x1122_3344_5566_7788_99)
    whole = Landed(TARGET - 3, bytes.fromhex("9988776655443322"), 8, 8)
    write = FAMILY["WriteULong64ToUser"]
    assert expect(write, given, UNPATCHED, NO_PAGE, PLAIN).landed == whole
    landed = expect(write, given, UNPATCHED, Page(TARGET, "none"), PLAIN).landed
    assert landed == whole._replace(least=0, most=0)


@pytest.mark.parametrize("irql", [2, 15])
def test_above_apc_level(irql: int) -> None:
    now, given = Circumstances(irql=irql), Given(SOURCE, KERNEL, 8)
    assert ending("CopyFromUser", given, now=now) == Returns()
    assert ending("CopyFromUser", given, Page(SOURCE, "paged-out"), now) == Bugchecks(0xD1, (SOURCE, irql, 0, None))
    now = now._replace(faults_in_kernel_image=True)
    assert ending("CopyFromUser", given, Page(SOURCE, "none"), now) == Bugchecks(0xA, (SOURCE, irql, 0, None))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (PLAIN, Returns(int.from_bytes(UNPATCHED.read(SOURCE, 4), "little"), 4)),
        (Circumstances(smap_enforced=True), Bugchecks(0x50, (SOURCE, 0, None, 0xF))),
        (Circumstances(checks_kernel_pointers=True), Bugchecks(0x139, (77, None, None, None))),
    ],
)
def test_kernel_mode_with_a_user_pointer(now: Circumstances, expected: Ending) -> None:
    assert ending("ReadULongFromMode", Given(SOURCE, mode=KERNEL_MODE), now=now) == expected


def test_strings() -> None:
    memory = Memory((Patch(SOURCE - 7, b"abc\0"), Patch(SOURCE - 2, b"xy"), Patch(SOURCE, b"\0\0")))
    narrow, wide = FAMILY["StringLengthFromUser"], FAMILY["WideStringLengthFromUser"]

    def length(accessor: str, address: int, page: Page = NO_PAGE) -> Ending:
        return expect(FAMILY[accessor], Given(address), memory, page, PLAIN).ending

    assert length(narrow.name, SOURCE - 7, Page(SOURCE, "none")) == Returns(3, 8)
    assert length(narrow.name, SOURCE - 2) == Returns(2, 8)
    assert length(wide.name, SOURCE - 2) == Returns(1, 8)
    fault = length(narrow.name, SOURCE - 2, Page(SOURCE, "none"))
    assert fault == Raises(ACCESS_VIOLATION, 0, SOURCE, SOURCE, trapped=True)


def test_arguments() -> None:
    given = Given(1, 2, 3, 4, 5, 6, 7)
    for name, expected in {
        "CopyFromModeAligned": (2, 1, 3, 6, 7),
        "FillUserMemory": (2, 3, 4),
        "SetUserMemory": (2, 4, 3),
        "InterlockedCompareExchange64ToMode": (2, 4, 5, 6),
        "ReadUnicodeStringFromMode": (2, 1, 6),
        "WriteUnicodeStringToUser": (2, 1),
        "RtlReadUCharFromUser": (1,),
        "RtlWriteUCharToUserRelease": (2, 4),
        "WriteStructToModeHelper": (2, 1, 3, 6),
        "StringLengthFromMode": (1, 6),
    }.items():
        assert arguments(FAMILY[name], given) == expected, name


def test_interlocked_operations() -> None:
    assert interlocked("InterlockedAndToUser", 0b1100, 0b1010, 0) == 0b1000
    assert interlocked("InterlockedOrToUser", 0b1100, 0b1010, 0) == 0b1110
    assert interlocked("InterlockedCompareExchangeToUser", 5, 9, 5) == 9
    assert interlocked("InterlockedCompareExchangeToUser", 5, 9, 4) == 5
