# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay ids: exact, shell-safe, and clear about what is wrong with one."""

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign import (
    CopyExperiment,
    ExperimentError,
    File,
    Inline,
    Pattern,
    format_replay_id,
    parse_replay_id,
)
from emu.faults import BufferPlace, Fault, parse_fault
from emu.profile import CPU_MODELS, PRIMITIVES, SMAP_POLICIES, Profile

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
FAULTS = st.builds(
    Fault, st.sampled_from(["none", "guard", "paged-out", "ro"]), st.builds(BufferPlace, st.just("src"), st.just(0))
) | st.just(parse_fault("in-page-error=0xC000009D@dst+0,access=3"))
EXPERIMENTS = st.builds(
    CopyExperiment,
    routine=NAMES,
    length=st.integers(0, 10**9),
    source_offset=st.integers(0, 4095),
    target_offset=st.integers(0, 4095),
    profile=st.builds(Profile, *(st.sampled_from(list(each)) for each in (CPU_MODELS, SMAP_POLICIES, PRIMITIVES))),
    data=st.builds(Pattern, st.integers(0, 2**64)) | st.builds(Inline, st.binary(max_size=40)) | st.builds(File, NAMES),
    irql=st.integers(0, 15),
    faults=st.lists(FAULTS, max_size=3).map(tuple),
    images=st.lists(NAMES, max_size=2).map(tuple),
    budget=st.integers(1, 2**63 - 1),
)


@given(EXPERIMENTS)
def test_an_id_is_read_back_exactly_and_needs_no_quotes(experiment: CopyExperiment) -> None:
    text = format_replay_id(experiment)
    assert parse_replay_id(text) == experiment
    assert shlex.quote(text) == text
    assert re.fullmatch(r"[A-Za-z0-9._+,=@:%/~-]+", text)


@given(st.text(max_size=40) | st.from_regex(r"f(/(len|src|data|profile|x)=[a-z0-9@+]{0,4}){0,3}", fullmatch=True))
def test_any_text_is_an_id_or_an_error_of_one_line(text: str) -> None:
    try:
        experiment = parse_replay_id(text)
    except ExperimentError as error:
        message = str(error)
    else:
        message = ""
        assert parse_replay_id(format_replay_id(experiment)) == experiment
    assert "\n" not in message


def test_the_form_of_the_design() -> None:
    experiment = CopyExperiment(source_offset=4059, faults=(parse_fault("none@src+37"),))
    assert format_replay_id(experiment) == (
        "CopyFromUser/len=64/src=+4059/dst=+0/profile=skylake-server/data=7/irql=0/none@src+37"
    )


def test_what_is_left_out_has_its_default() -> None:
    assert parse_replay_id("CopyFromUser") == CopyExperiment()


def test_the_budget_is_there_only_where_it_matters() -> None:
    assert "budget" not in format_replay_id(CopyExperiment())
    assert "/budget=9/" in format_replay_id(CopyExperiment(budget=9, faults=(parse_fault("none@src+0"),)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the routine has no name"),
        ("f/len=x", "len=x: a number belongs here"),
        ("f/len=-1", "len=-1: a number belongs here"),
        ("f/len=1/len=1", "len= is there twice"),
        ("f/length=1", "'length=1' is neither a setting (image=, len=, src=,"),
        ("f/src=4096", "source offset 4096 lies outside a page"),
        ("f/irql=16", "irql 16 does not exist"),
        ("f/budget=0", "a budget of 0 blocks"),
        ("f/profile=i486", "unknown CPU model 'i486'"),
        ("f/data=0xabc", "data=0xabc: give a seed"),
        ("f/data=@", "data=@: give a seed"),
        ("f/none@src+65", "byte 65 lies beyond a copy of length 64"),
        ("f/none@buf+0", "there is no buffer 'buf'"),
        ("f/nune@src+0", "unknown kind 'nune'"),
    ],
)
def test_a_mistake_is_named(text: str, says: str) -> None:
    with pytest.raises(ExperimentError, match=re.escape(says)):
        parse_replay_id(text)
