# SPDX-License-Identifier: GPL-2.0-or-later
"""The table finds what it is for: routines with one mistake each (guest/mistaken.S), by the clause that is about it."""

from __future__ import annotations

import pytest

from emu import build_guest
from emu.address import Gva
from tests.conformance.accessors.bench import GUEST, Routines
from tests.conformance.accessors.cases import cases_of
from tests.conformance.accessors.suite import fresh_bench

PROFILE = "nehalem"

MISTAKES = {
    "ReadsTooLittle": ("ReadULongFromUser", "success"),
    "ReadsTooMuch": ("ReadULongFromUser", "limit"),
    "WritesTooMuch": ("WriteUShortToUser", "success"),
    "KeepsUpperBits": ("FillUserMemory", "upper bits"),
    "CopiesOneLess": ("CopyFromUser", "success"),
    "CopiesWholeWords": ("CopyFromUser", "success"),
    "ChangesRegister": ("CopyFromUser", "success"),
    "ChangesVector": ("CopyFromUser", "success"),
    "LeavesDirection": ("CopyFromUser", "success"),
    "LeavesWindow": ("CopyFromUser", "success"),
    "ClosesCallersWindow": ("CopyFromUser", "flags"),
    "ChecksNothing": ("CopyFromUser", "kernel address"),
    "ChecksTheBegin": ("CopyFromUser", "wrap"),
    "TouchesFirst": ("CopyFromUser", "limit"),
    "ChecksEmptyRanges": ("CopyFromUser", "length 0"),
    "CopiesDownwards": ("CopyFromUser", "last byte"),
    "CopiesForMoves": ("MoveToUserFromUser", "success"),
    "RaisesAsRead": ("WriteULongToUser", "kernel address"),
    "TakesWideMode": ("ReadULongFromMode", "upper bits"),
    "TakesOneUserMode": ("ReadULongFromMode", "upper bits"),
    "IgnoresMode": ("ReadULongFromMode", "kernel mode"),
    "MisalignsFreely": ("InterlockedAndToUser", "misaligned"),
    "ReturnsTheNewValue": ("InterlockedOrToUser", "success"),
    "LooksAhead": ("StringLengthFromUser", "last byte"),
    "StopsAtHalf": ("WideStringLengthFromUser", "success"),
}


class _Anywhere(Routines):
    """Routines whose places do not matter: only what they do is to be found."""

    def symbols_at(self, address: Gva) -> set[str]:
        return set(self.addresses)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_by_its_clause(mistake: str) -> None:
    name, clause = MISTAKES[mistake]
    machine = fresh_bench(PROFILE)
    module = machine.machine.load(build_guest(GUEST / "mistaken.S"))
    machine.checkpoint()
    routines = _Anywhere({name: module[mistake]}, (module,))
    found = {case.clause for case in cases_of(name) if machine.check(case, routines)}
    assert clause in found, f"{mistake} is found by {found or 'nothing'}"


def test_the_right_routines_pass_in_the_same_way() -> None:
    """It is the mistakes that are found, and nothing else."""
    machine = fresh_bench(PROFILE)
    names = sorted({name for name, _ in MISTAKES.values()})
    module = machine.machine.load(build_guest(GUEST / "mistaken.S", export=names))
    machine.checkpoint()
    for name in names:
        routines = _Anywhere({name: module[name]}, (module,))
        assert not [wrong for case in cases_of(name) if (wrong := machine.check(case, routines))]
