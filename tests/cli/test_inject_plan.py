# SPDX-License-Identifier: GPL-2.0-or-later
"""From the options of `emu inject` to a sweep."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign import File
from emu.cli.inject_plan import InjectOptions, files_of, split_profiles, sweep_of
from emu.profile import CPU_MODELS, SMAP_POLICIES, Profile, ProfileError

PROFILES = st.builds(Profile, st.sampled_from(list(CPU_MODELS)), st.sampled_from(list(SMAP_POLICIES)))


def options(**given: object) -> InjectOptions:
    empty: dict[str, object] = {each.name: None for each in fields(InjectOptions)}
    empty.update(profiles=(), faults=(), images=())
    return InjectOptions(**{**empty, **given})  # type: ignore[arg-type]


@given(st.lists(st.lists(PROFILES, min_size=1, max_size=4), max_size=3))
def test_profiles_are_split_at_the_commas_between_them(groups: list[list[Profile]]) -> None:
    texts = [",".join(map(str, group)) for group in groups]
    assert split_profiles(texts) == tuple(profile for group in groups for profile in group)


@pytest.mark.parametrize("text", ["", "smap=off", "nehalem,", "nehalem,smap=on"])
def test_what_is_no_profile_is_refused(text: str) -> None:
    with pytest.raises(ProfileError):
        split_profiles([text])


def test_without_options_every_byte_of_short_copies_is_gone_once() -> None:
    sweep = sweep_of(options())
    assert (sweep.routine, str(sweep.lengths), len(sweep)) == ("CopyFromUser", "0-64", 65 * 66 // 2)
    assert [str(choice) for choice in sweep.faults] == ["none@every-byte"]


def test_files_are_those_that_a_campaign_depends_on() -> None:
    sweep = sweep_of(options(routine="mine", images=("a.S", "b.c"), data="@text.bin", lengths="1"))
    assert sweep.data == File("text.bin")
    assert files_of(sweep) == ("a.S", "b.c", "text.bin")


def test_what_a_store_has_already_is_named_by_its_option() -> None:
    assert options(resume="x", workers=2).about_the_sweep == []
    given = options(routine="mine", seed=0, faults=("",), store="y").about_the_sweep
    assert given == ["routine mine", "--faults", "--seed", "--store"]
