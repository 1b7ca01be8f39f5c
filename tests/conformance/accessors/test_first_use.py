# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver that links the library calls any routine first: it finds out what it needs, and does what it always does."""

from __future__ import annotations

import pytest

from emu.accessors import FAMILY
from tests.conformance.accessors.arenas import KERNEL_SOURCE
from tests.conformance.accessors.case import AC, DF, Case, shape_of
from tests.conformance.accessors.suite import LINKED, LINKED_DBG, Link, check_cases
from tests.conformance.accessors.terms import KERNEL_MODE, Given, Kind, Page
from tests.conformance.accessors.traced_call import plain_case

PROFILES = ("nehalem", "skylake-server", "skylake-server,smap=permit", "skylake-server,primitives=kernel")
LINKS = (LINKED, LINKED_DBG)
FUNCTIONS = [name for name, accessor in FAMILY.items() if accessor.kind == "function"]


def first_cases(name: str) -> list[Case]:
    """Return calls that end in every way."""
    shape, plain = shape_of(FAMILY[name]), plain_case(name)
    cases = [plain, *(plain._replace(flags=flags, detail=f"flags {flags:#x}") for flags in (0, AC, AC | DF))]
    for arena in shape.user_arenas:
        length = shape.faulting[-1]
        if shape.kind is Kind.STRING_LENGTH:
            refused, faulting = Given(KERNEL_SOURCE.base), Given(arena.boundary)
        else:
            refused = shape.given(length, arena, KERNEL_SOURCE.base)
            faulting = shape.given(length, arena, arena.boundary)
        cases.append(shape.case("first use", "refused", refused))
        cases.append(shape.case("first use", "faulting", faulting, Page(arena.boundary, "none")))
    if shape.accessor.takes_mode:
        cases.append(plain_case(name, mode=KERNEL_MODE))
    if shape.is_ranged:
        cases.append(shape.case("first use", "no bytes", shape.given(0)))
    return [case._replace(clause="first use") for case in cases]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
@pytest.mark.parametrize("profile", PROFILES)
def test_any_routine_may_be_the_first(request: pytest.FixtureRequest, profile: str, link: Link) -> None:
    """Nobody has called UmaInitialize. Each routine with one or two of its calls: together, with all."""
    turn = PROFILES.index(profile) * len(LINKS) + LINKS.index(link)
    chosen = []
    for name in FUNCTIONS:
        chosen += first_cases(name)[turn :: len(PROFILES) * len(LINKS)]
    _check_first(request.node, profile, link, chosen)


@pytest.mark.sweep
@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
@pytest.mark.parametrize("profile", PROFILES)
def test_any_call_may_be_the_first(request: pytest.FixtureRequest, profile: str, link: Link) -> None:
    """The whole product."""
    _check_first(request.node, profile, link, [case for name in FUNCTIONS for case in first_cases(name)])


def _check_first(item: pytest.Item, profile: str, link: Link, cases: list[Case]) -> None:
    """Make each call with the library's variables as the image has them: on a machine that was reset."""
    for case in cases:
        check_cases(item, profile, link, [case])
