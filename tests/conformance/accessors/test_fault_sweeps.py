# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole family in fault sweeps: each byte of each range of user memory fails, and each access; nothing goes wrong.

Once by the contract, with the byte as the first of a page in each state; once by the campaigns' what-if sweep, which
fails each access to user memory of a call and judges by the call in which none does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from emu import Profile
from emu.accessors import FAMILY
from emu.campaign.experiment.argument import Argument, HalfName, Integer, Memory, Zeroes
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.content import Inline
from emu.campaign.plan.what_if import Failure, WhatIf
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.what_if_workbench import WHAT_IF_WORKBENCH, WhatIfWorkbench
from tests.conformance.accessors.arenas import Arena
from tests.conformance.accessors.case import STATES, Case, Shape, shape_of
from tests.conformance.accessors.string_cases import string_case, text
from tests.conformance.accessors.suite import LIBRARY_IMAGE, PROFILES, check_cases
from tests.conformance.accessors.terms import Given, Kind, Page, arguments

ACCESSING = [name for name, each in FAMILY.items() if each.kind == "function" and each.user_parameters]
BAD_STATES = [state for state in STATES if state != "rw"]
FAILURES = tuple(map(Failure, ("none", "guard", "in-page-error", "paged-out")))
LENGTHS = (37, 81)
MORE = (37, 130)
LONG = (600,)
PROFILES_OF_CALLS = ("skylake-server", "nehalem,primitives=kernel")


def _is_one_of_its_kind(name: str) -> bool:
    """Tell whether a name is no typed one, or that of one type of four."""
    return FAMILY[name].family != "typed" or any(word in name for word in ("Boolean", "WChar", "NtStatus", "Pointer"))


def byte_cases(name: str, lengths: tuple[int, ...], states: int) -> Iterator[Case]:
    """Give a case for each byte of each user range as the first of a page, in so many of the states in turn."""
    shape = shape_of(FAMILY[name])
    turn = len(name)
    for arena in shape.user_arenas:
        for length in (shape.width,) if shape.width else lengths:
            for byte in range(length):
                for _ in range(states):
                    turn += 1
                    page = Page(arena.boundary, BAD_STATES[turn % len(BAD_STATES)])
                    if shape.kind is Kind.STRING_LENGTH:
                        begin = arena.boundary - byte * shape.character
                        yield string_case(shape, "every byte", begin, length, page=page)
                    elif shape.kind is not Kind.INTERLOCKED or not byte:
                        detail = f"byte {byte} of {length}, {arena.name} {page.state}"
                        yield shape.case("every byte", detail, _at(shape, length, arena, byte), page)


def _at(shape: Shape, length: int, arena: Arena, byte: int) -> Given:
    """Put a byte of one side to the boundary, and the other side to one alignment after the other."""
    given = shape.given(length, arena, arena.boundary - byte)
    if arena is shape.sources:
        return given._replace(target=given.target + byte * 5 % 16)
    return given._replace(source=given.source + byte * 5 % 16)


@pytest.mark.parametrize("profile", PROFILES[::6])
def test_every_byte(request: pytest.FixtureRequest, profile: str) -> None:
    """Each byte of every range in one of the states, by the contract."""
    cases = [case for name in ACCESSING for case in byte_cases(name, LENGTHS, 1)]
    check_cases(request.node, profile, LIBRARY_IMAGE, cases)


@pytest.mark.sweep
@pytest.mark.parametrize("profile", PROFILES)
def test_every_byte_in_every_state(request: pytest.FixtureRequest, profile: str) -> None:
    """Each byte of every range in each of the states; of long ranges in one of them."""
    cases = [case for name in ACCESSING for case in byte_cases(name, MORE, len(BAD_STATES))]
    cases += [case for name in ACCESSING if not FAMILY[name].width for case in byte_cases(name, LONG, 1)]
    check_cases(request.node, profile, LIBRARY_IMAGE, cases)


def experiment(name: str, profile: str, length: int) -> CallExperiment:
    """Return a call that succeeds, as a campaign takes it."""
    shape = shape_of(FAMILY[name])
    size = shape.width or length
    content = text(size, shape.character) + bytes(shape.character) if shape.character else text(size, 1)
    # Which argument is which is what a call with marks for the two addresses shows.
    source, target = 1 << 40, 1 << 41
    given = Given(source, target, size, value=shape.given(size).value)

    def argument(value: int) -> Argument:
        if value == source:
            return _memory(shape.sources, content)
        return _memory(shape.targets, None, size) if value == target else Integer(value)

    return CallExperiment(name, tuple(map(argument, arguments(FAMILY[name], given))), profile=Profile.parse(profile))


def _memory(arena: Arena | None, content: bytes | None, size: int = 0) -> Memory:
    assert arena is not None
    half: HalfName = "user" if arena.is_user else "kernel"
    return Memory(half, Zeroes(), size) if content is None else Memory(half, Inline(content), None)


@pytest.mark.parametrize("name", [name for name in ACCESSING if _is_one_of_its_kind(name)])
def test_every_access(name: str) -> None:
    """Each access to user memory in each way: every verdict is correct."""
    profile = PROFILES_OF_CALLS[ACCESSING.index(name) % len(PROFILES_OF_CALLS)]
    _check_verdicts(experiment(name, profile, 21))


@pytest.mark.sweep
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ACCESSING)
def test_every_access_everywhere(name: str, profile: str) -> None:
    """The same on every profile, and in a longer call."""
    _check_verdicts(experiment(name, profile, 21))
    if shape_of(FAMILY[name]).is_ranged:
        _check_verdicts(experiment(name, profile, 150))


def _check_verdicts(call: CallExperiment) -> None:
    judged = list(_judge(call))
    assert len(judged) > len(FAILURES)
    assert not [each for each in judged if each], judged


def _judge(call: CallExperiment) -> Iterator[str]:
    plan = WhatIf.measure(call, failures=FAILURES)
    campaign = Campaign.of(plan.to_json(), (), WHAT_IF_WORKBENCH)
    with contextlib.closing(WhatIfWorkbench(campaign)) as workbench:
        for number in plan.numbers():
            verdict = workbench.judge(number)
            yield f"{workbench.replay_id(number)}: {verdict.kind.label}, {verdict.detail}" if verdict.kind else ""
