# SPDX-License-Identifier: GPL-2.0-or-later
"""Ranges at every pair of alignments and of every length up to a few steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu.accessors import FAMILY
from tests.conformance.accessors.case import Case, shape_of
from tests.conformance.accessors.suite import LIBRARY_IMAGE, PROFILES, check_cases

RANGED = [name for name, each in FAMILY.items() if shape_of(each).is_ranged and each.kind == "function"]
LENGTHS = range(1, 200)


def alignment_cases(name: str, every: int) -> Iterator[Case]:
    """Give every so manieth combination of two alignments, modulo 16, and a length.

    17 and the 199 lengths have no factor in common: lengths and pairs go round at different speeds.
    """
    shape = shape_of(FAMILY[name])
    for number in range(0, 256 * len(LENGTHS), every):
        source, target, length = number % 16, number // 16 % 16, LENGTHS[number * 17 % len(LENGTHS)]
        given = shape.given(length)
        given = given._replace(source=given.source + source, target=given.target + target)
        yield shape.case("success", f"{length} bytes, source +{source}, target +{target}", given)


@pytest.mark.parametrize(("profile", "first"), [("nehalem", 0), ("epyc-rome,primitives=kernel", 1)])
def test_every_pair_of_alignments(request: pytest.FixtureRequest, profile: str, first: int) -> None:
    """Every pair with some length, every length with some pair; half of the names here, half there."""
    cases = [case for name in RANGED[first::2] for case in alignment_cases(name, 185)]
    check_cases(request.node, profile, LIBRARY_IMAGE, cases)


@pytest.mark.sweep
@pytest.mark.parametrize("profile", PROFILES)
def test_many_pairs_and_lengths(request: pytest.FixtureRequest, profile: str) -> None:
    """Every 29th of the whole product."""
    cases = [case for name in RANGED for case in alignment_cases(name, 29)]
    check_cases(request.node, profile, LIBRARY_IMAGE, cases)


def test_each_pair_and_each_length_is_there() -> None:
    cases = list(alignment_cases("CopyFromUser", 185))
    assert len({(case.given.source % 16, case.given.target % 16) for case in cases}) == 256
    assert {case.given.length for case in cases} == set(LENGTHS)
