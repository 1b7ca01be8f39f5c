# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean runs: the accesses of a routine as it makes them, counted byte by byte."""

from collections.abc import Iterator

import pytest

from emu.campaign.plan import clean_run
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.clean_run import CleanRuns
from emu.campaign.plan.measure import Access
from emu.faults import parse_fault
from emu.profile import Profile
from emu.testing.guest import Guest

OVERLAPPING = """
    .intel_syntax noprefix
    .text
    .globl overlapping
overlapping:
    test r8, r8
    jz 1f
    mov rax, [rdx]
    mov r9, [rdx + 4]
    mov [rcx], rax
    mov [rcx + 4], r9
    mov al, [rcx + 4]
    mov r10, [rdx - 6]
    mov al, [rdx + r8]
1:  ret
"""

NEHALEM = Profile("nehalem")


def copy(length: int, source: int = 0, target: int = 0, profile: Profile = NEHALEM) -> CopyCase:
    return CopyCase(length, source, target, (), profile)


@pytest.fixture
def runs(guest: Guest) -> Iterator[CleanRuns]:
    runs = CleanRuns("overlapping", (str(guest.build_text(OVERLAPPING)),))
    yield runs
    runs.close()


def test_each_access_has_its_number_at_its_first_byte(runs: CleanRuns) -> None:
    assert runs.accesses(copy(12, 100, 50)) == (
        Access("src", 0, 1, 1),
        Access("src", 4, 2, 2),
        Access("dst", 0, 1),
        Access("dst", 4, 2),
        # The third access to the byte, and the first read of it.
        Access("dst", 4, 3, 1),
        # From before the source into it.
        Access("src", 0, 2, 2),
    )


def test_instructions_are_counted_from_the_call(runs: CleanRuns) -> None:
    assert runs.instructions(copy(0)) == 4
    assert runs.instructions(copy(12, 100)) == 11
    assert runs.accesses(copy(0)) == ()


def test_a_run_is_run_once_and_its_faults_are_left_out(runs: CleanRuns) -> None:
    first = runs.accesses(copy(12))
    assert runs.accesses(copy(12)) is first
    assert runs.accesses(copy(12)._replace(faults=(parse_fault("none@src+0"),))) is first
    assert runs.accesses(copy(12, 1)) is not first


def test_only_so_many_are_kept(runs: CleanRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean_run, "_KEPT", 14)
    first, second = runs.accesses(copy(12)), runs.accesses(copy(13))
    assert runs.accesses(copy(12)) is first
    runs.accesses(copy(14))
    assert runs.accesses(copy(12)) is first, "asked for last"
    again = runs.accesses(copy(13))
    assert again is not second
    assert again == second


@pytest.mark.parametrize("profile", [NEHALEM, Profile(), Profile("epyc", "permit")])
def test_a_copy_reads_and_writes_each_byte_once(profile: Profile) -> None:
    runs = CleanRuns()
    accesses = runs.accesses(copy(70, 5, 9, profile))
    runs.close()
    assert all(access.number == 1 for access in accesses)
    assert [access.buffer for access in accesses].count("src") == [access.buffer for access in accesses].count("dst")
    assert all((access.read_number == 1) == (access.buffer == "src") for access in accesses)
    assert {access.buffer: access.offset for access in reversed(accesses)} == {"src": 0, "dst": 0}
