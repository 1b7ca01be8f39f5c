# SPDX-License-Identifier: GPL-2.0-or-later
"""Minimisation: what is smaller, that the result still fails, and that nothing next to it does."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.campaign import CopyExperiment
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.minimise import PROFILES, minimise, smaller, weight
from emu.campaign.plan.sweep_placement import PlacedFault, follows_page, place
from emu.faults import BufferPlace, Fault, parse_fault
from emu.profile import Profile

TEXTS = (
    "none@src+{}", "guard@dst+{}", "paged-out@src+{},times=2", "none@src+{},access=3", "flip=0x80@src+{},access=2",
    "none@src+{},insn=40", "none@src+{},probability=50,seed=3", "ro@dst+{},fail-nth=4", "skip@cpu,insn=1{}",
)  # fmt: skip


@st.composite
def cases(draw: st.DrawFn, most: int = 80) -> CopyCase:
    length = draw(st.integers(0, most))
    faults = [
        parse_fault(text.format(draw(st.integers(0, length))))
        for text in draw(st.lists(st.sampled_from(TEXTS), max_size=3))
    ]
    offsets = draw(st.tuples(*[st.integers(0, 15) | st.integers(0, 4095)] * 2))
    changed, source, target = place([PlacedFault.of(fault) for fault in faults], *offsets)
    return CopyCase(length, source, target, changed, draw(st.sampled_from(PROFILES)), draw(st.integers(0, 15)))


def begins_page(case: CopyCase, fault: Fault) -> bool:
    place = fault.place
    assert isinstance(place, BufferPlace)
    return not ((case.source_offset if place.buffer == "src" else case.target_offset) + place.offset) % 4096


@given(cases())
def test_a_smaller_case_is_smaller_can_be_run_and_its_page_states_still_begin_a_page(case: CopyCase) -> None:
    for candidate in smaller(case):
        assert weight(candidate) < weight(case)
        CopyExperiment(
            length=candidate.length,
            source_offset=candidate.source_offset,
            target_offset=candidate.target_offset,
            faults=candidate.faults,
            irql=candidate.irql,
        )
        if all(begins_page(case, fault) for fault in case.faults if follows_page(fault)):
            assert all(begins_page(candidate, fault) for fault in candidate.faults if follows_page(fault))


PREDICATES: list[Callable[[CopyCase], bool]] = [
    lambda case: True,
    lambda case: case.length >= 5,
    lambda case: case.length % 8 == 3 and case.source_offset % 16 == 5,
    lambda case: any(fault.access == 2 for fault in case.faults) and case.irql >= 2,
    lambda case: len(case.faults) >= 2,
    lambda case: case.profile.smap_enabled,
    lambda case: any(isinstance(fault.place, BufferPlace) and fault.place.offset % 16 == 15 for fault in case.faults),
    lambda case: case.target_offset + case.length > 4096,
]


@settings(deadline=None)
@given(
    cases(), st.sampled_from(PREDICATES) | st.integers(0, 1000).map(lambda seed: lambda case: hash((seed, case)) % 3)
)
def test_the_result_fails_and_nothing_smaller_by_a_step_does(case: CopyCase, fails: Callable[[CopyCase], bool]) -> None:
    tried: list[CopyCase] = []

    def counted(candidate: CopyCase) -> bool:
        tried.append(candidate)
        return bool(fails(candidate))

    if not fails(case):
        return
    result = minimise(case, counted, tries=100_000)
    assert fails(result)
    assert not any(fails(candidate) for candidate in smaller(result))
    assert weight(result) <= weight(case)
    assert len(set(tried)) == len(tried), "none is tried twice"


@pytest.mark.parametrize("tries", [0, 1, 7])
def test_tries_are_bounded(tries: int) -> None:
    tried: list[CopyCase] = []

    def fails(case: CopyCase) -> bool:
        tried.append(case)
        return case.length % 2 == 1

    result = minimise(CopyCase(1001, 7, 9, (), Profile("epyc"), 2), fails, tries=tries)
    assert len(tried) == tries
    assert result.length % 2


def case(length: int, source: int, target: int, *faults: str, profile: str = "epyc", irql: int = 0) -> CopyCase:
    return CopyCase(length, source, target, tuple(map(parse_fault, faults)), Profile.parse(profile), irql)


@pytest.mark.parametrize(
    ("given_case", "fails", "smallest"),
    [
        # Whatever is copied.
        (case(77, 9, 5, "none@src+3", "skip@cpu,insn=8", irql=2), lambda case: True, case(0, 0, 0, profile="nehalem")),
        # The last bytes of what is no multiple of eight, on a CPU with `rep movsb`.
        (
            case(77, 1033, 5, "none@src+76,access=1"),
            lambda case: (
                case.faults
                and case.length % 8
                and case.faults[0].place == BufferPlace("src", case.length - 1)
                and not case.profile.model.erms
                and case.profile.smap_enabled
            ),
            case(1, 0, 0, "none@src+0", profile="epyc"),
        ),
        # A byte that is fetched twice, behind the sixteenth.
        (
            case(60, 1033, 5, "paged-out@src+3,access=1", "flip=0x80@src+44,access=2", irql=1),
            lambda case: any(
                isinstance(fault.place, BufferPlace) and fault.place.offset > 16 and fault.access == 2
                for fault in case.faults
            ),
            case(17, 0, 0, "flip=0x80@src+17,access=2", profile="nehalem"),
        ),
        # An over-read: the page behind the source, at any length, with the target out of line.
        (
            case(37, -37 % 4096, 3, "none@src+37"),
            lambda case: (
                case.faults
                and case.faults[0].place == BufferPlace("src", case.length)
                and not (case.source_offset + case.length) % 4096
                and case.target_offset % 2
            ),
            case(0, 0, 1, "none@src+0", profile="nehalem"),
        ),
    ],
)
def test_the_smallest(given_case: CopyCase, fails: Callable[[CopyCase], bool], smallest: CopyCase) -> None:
    assert minimise(given_case, fails) == smallest


def test_profiles_are_those_that_are_given_in_their_order() -> None:
    profiles = (Profile(), Profile("nehalem"))
    assert minimise(case(3, 0, 0, profile="nehalem"), bool, profiles=profiles) == case(0, 0, 0, profile=str(Profile()))
    assert minimise(case(3, 0, 0), bool, profiles=()) == case(0, 0, 0)
    assert Profile("nehalem") == PROFILES[0]
    assert len(set(PROFILES)) == len(PROFILES)
