# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay ids of calls."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Profile
from emu.campaign import CopyExperiment, ExperimentError, Pattern, format_replay_id
from emu.campaign.experiment.argument import Integer, Memory, StubExport
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.call_replay_id import format_call_id, is_call_id, parse_call_id
from emu.faults import AddressPlace, BufferPlace, Fault, Place, UnitPlace, parse_fault
from tests.campaign.experiment.test_argument import BITS_64, MEMORY, NAMES

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
COUNTS = st.none() | st.integers(1, 99)


@st.composite
def calls(draw: st.DrawFn) -> CallExperiment:
    arguments = draw(st.lists(BITS_64.map(Integer) | MEMORY, max_size=5))
    names = [f"arg{index}" for index, each in enumerate(arguments) if isinstance(each, Memory)]
    places: st.SearchStrategy[Place] = st.builds(AddressPlace, st.integers(0, (1 << 64) - 1))
    if names:
        places |= st.builds(BufferPlace, st.sampled_from(names), st.integers(0, 99))
    faults = st.builds(Fault, st.sampled_from(["none", "guard", "in-page-error"]), places, access=COUNTS)
    faults |= st.builds(Fault, st.just("no-memory"), st.just(UnitPlace("pool")), access=COUNTS)
    return CallExperiment(
        routine=draw(TEXTS),
        arguments=tuple(arguments),
        profile=draw(st.sampled_from([Profile(), Profile("nehalem"), Profile("epyc-rome", "permit", "kernel")])),
        irql=draw(st.integers(0, 15)),
        budget=draw(st.integers(1, (1 << 63) - 1)),
        guarded=draw(st.booleans()),
        faults=tuple(draw(st.lists(faults, max_size=3))),
        images=tuple(draw(st.lists(TEXTS, max_size=2))),
        stubs=tuple(
            draw(st.lists(st.builds(StubExport, NAMES, BITS_64), max_size=2, unique_by=lambda stub: stub.name))
        ),
    )


@given(calls())
def test_every_call_reads_back_and_is_one_safe_word(call: CallExperiment) -> None:
    text = format_call_id(call)
    assert re.fullmatch(r"[A-Za-z0-9._%+,@:][A-Za-z0-9._\-+,=@:%/]*", text)
    assert is_call_id(text)
    assert parse_call_id(text) == call


def test_the_form() -> None:
    call = CallExperiment(
        "CaptureRequest",
        (Memory("user", Pattern(), 64), Integer(64)),
        images=("driver.c",),
        faults=(parse_fault("none@arg0+8,access=2"),),
    )
    text = "CaptureRequest/image=driver.c/arg=user:64/arg=64/profile=skylake-server/irql=0/none@arg0+8,access=2"
    assert format_call_id(call) == text
    assert parse_call_id("f/args=none") == CallExperiment("f")
    assert parse_call_id("f/arg=-1/unguarded/stub=ZwClose=0") == CallExperiment(
        "f", (Integer(-1),), guarded=False, stubs=(StubExport("ZwClose", 0),)
    )


def test_an_id_of_a_copy_is_none_of_a_call() -> None:
    assert not is_call_id(format_replay_id(CopyExperiment("arg=1")))
    assert not is_call_id("arg=1")
    assert not is_call_id("CopyFromUser/len=64")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("f/arg=sixty", "replay id 'f/arg=sixty': argument 'sixty': give an integer"),
        ("f/arg=1/len=3", "'len=3' is neither a setting (image=, arg=, profile=, irql=, budget=, stub=, args=none"),
        ("f/arg=1/irql=x", "irql=x: a number belongs here"),
        ("f/arg=1/irql=1/irql=2", "irql is there twice"),
        ("f/arg=1/unguarded/unguarded", "unguarded is there twice"),
        ("f/arg=1/args=none", "args=none and arg= exclude each other"),
        ("f/arg=1/none@arg0+0", "there is no buffer 'arg0'; no argument is memory"),
        ("f/arg=1/nune@arg0+0", "unknown kind 'nune'"),
        ("f/arg=1/profile=i486", "unknown CPU model 'i486'"),
        ("f/arg=1/stub=x", "give NAME=VALUE"),
        ("/arg=1", "the routine has no name"),
    ],
)
def test_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_call_id(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
