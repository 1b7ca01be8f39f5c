# SPDX-License-Identifier: GPL-2.0-or-later
"""Trace Event JSON, read again and checked as Perfetto's importer would."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace import Trace
from emu.trace.formats import trace_event
from emu.trace.layout import EventKind
from tests.trace.made import copied
from tests.trace.ways_out import ACCEPTED, CONSTANT, NORMAL, REFUSED, trace_ways


def read(trace: Trace) -> list[dict[str, Any]]:
    """Return the objects of a trace's file, each checked, and the nesting and order of each thread."""
    stream = StringIO()
    trace_event.write(trace, stream)
    document = json.loads(stream.getvalue())
    assert document.keys() == {"otherData", "traceEvents"}
    objects: list[dict[str, Any]] = document["traceEvents"]
    now: dict[int, int] = {}
    begun: dict[int, int] = {}
    for each in objects:
        assert each["pid"] == trace_event.PROCESS
        phase, thread = each["ph"], each["tid"]
        expected = {
            "M": {"name", "args"},
            "B": {"name", "cat", "ts", "args"},
            "E": {"ts"},
            "i": {"name", "cat", "ts", "s", "args"},
            "X": {"name", "cat", "ts", "dur", "args"},
        }[phase]
        assert each.keys() == expected | {"ph", "pid", "tid"}
        if phase == "M":
            continue
        assert isinstance(each["ts"], int)
        assert each["ts"] >= now.get(thread, 0)
        now[thread] = each["ts"] + each.get("dur", 0)
        begun[thread] = begun.get(thread, 0) + {"B": 1, "E": -1}.get(phase, 0)
        assert begun[thread] >= 0
        if phase == "i":
            assert each["s"] == "t"
    assert not any(begun.values())
    return objects


def of_phase(objects: list[dict[str, Any]], phase: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["ph"] == phase]


def test_a_loop_is_one_slice_below_the_call() -> None:
    trace = copied(b"abcd", fault_at=2)
    objects = read(trace)
    (begin,), (end,), (call,) = (of_phase(objects, phase) for phase in "BEX")
    assert (begin["name"], begin["ts"], end["ts"]) == ("copy.sys!byte_copy", 0, len(trace))
    assert (call["name"], call["ts"], call["dur"]) == ("byte_copy", 0, len(trace))
    assert call["args"]["outcome"] == "Returned 0x0"


def test_a_fault_stands_out_with_its_explanation() -> None:
    trap, page_in = of_phase(read(copied(b"abcd", fault_at=2)), "i")
    assert (trap["name"], trap["cat"], trap["ts"]) == ("TrapTaken", "trap", 13)
    assert (page_in["name"], page_in["cat"]) == ("PagedIn", "page")
    assert trap["args"] == {
        "explanation": "TrapTaken made by hand",
        "rip": "0xfffff80000001000",
        "address": "0x10020002",
    }


def test_every_kind_has_a_category() -> None:
    assert trace_event.CATEGORIES.keys() == set(EventKind)


@given(st.binary(max_size=20), st.booleans())
def test_a_trace_of_any_length_is_well_formed(content: bytes, retried: bool) -> None:
    trace = copied(content, fault_at=len(content) // 2, retried=retried)
    assert len(of_phase(read(trace), "i")) == len(trace.events)


@pytest.mark.parametrize("optimize", ["0", "2"])
def test_a_real_trace_has_calls_activations_and_events(optimize: str) -> None:
    trace = trace_ways(NORMAL, ACCEPTED, REFUSED, CONSTANT, optimize=optimize)
    objects = read(trace)
    calls = of_phase(objects, "X")
    assert [(each["ts"], each["ts"] + each["dur"]) for each in calls] == [(c.begin, c.end) for c in trace.calls]
    assert [each["args"]["arguments"][1] for each in calls[:3]] == ["0x0", "0x1", "0x0"]
    names = [each["name"] for each in of_phase(objects, "B")]
    assert names.count("ways_out!touch") == 4
    assert sum(name.startswith("__finally ways_out!guarded_read+") for name in names) == 2
    assert sum(name.startswith("filter or handler ways_out!guarded_read+") for name in names) == 2
    instants = of_phase(objects, "i")
    assert [each["ts"] for each in instants] == trace.events["instruction"].tolist()
    assert [each["args"]["explanation"] for each in instants] == [
        trace.explain(number).strip() for number in range(len(trace.events))
    ]


def test_names_of_sources_are_written_as_they_are() -> None:
    stream = StringIO()
    trace_event.write(copied(b"a", file='ä"\\.S'), stream)
    (begin,) = of_phase(json.loads(stream.getvalue())["traceEvents"], "B")
    assert begin["args"]["source"] == 'ä"\\.S:10'
