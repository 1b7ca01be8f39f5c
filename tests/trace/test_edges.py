# SPDX-License-Identifier: GPL-2.0-or-later
"""What followed what."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from emu.trace import Chunk, Trace
from emu.trace.edges import Edge, read_edges
from emu.trace.layout import EventKind
from tests.trace.made import copied
from tests.trace.ways_out import ACCEPTED, REFUSED, trace_ways


class InPieces(Trace):
    """A trace in pieces of seven instructions."""

    def chunks(self, size: int = 7) -> Iterator[Chunk]:
        return super().chunks(7)


def test_a_loop_has_an_edge_back() -> None:
    taken = read_edges(copied(b"abcd")).taken
    assert taken[Edge(None, 0, False, False)] == 1
    assert taken[Edge(5, 0, False, False)] == 3
    assert taken[Edge(5, 6, False, False)] == 1
    assert taken[Edge(0, 1, False, False)] == 4


def test_a_retry_is_an_edge_of_its_own() -> None:
    taken = read_edges(copied(b"abcd", fault_at=2)).taken
    assert taken[Edge(0, 0, True, True)] == 1
    assert taken[Edge(0, 1, False, False)] == 4


@given(st.binary(min_size=1, max_size=30), st.booleans(), st.booleans())
def test_every_instruction_is_the_end_of_one_edge(content: bytes, faulting: bool, retried: bool) -> None:
    trace = copied(content, fault_at=len(content) // 2 if faulting else None, retried=retried)
    taken = read_edges(trace).taken
    assert sum(taken.values()) == len(trace)
    assert read_edges(InPieces(trace._source)).taken == taken


def test_answers_are_counted_with_their_sign_and_place() -> None:
    trace = trace_ways(ACCEPTED, REFUSED)
    answers = read_edges(trace).answers
    found = {(event.kind, event.answer): times for event, times in answers.items() if event.rip}
    assert found[EventKind.FilterAnswered, 1] == 1
    assert found[EventKind.FilterAnswered, 0] == 1
    assert found[EventKind.FinallyRun, 0] == 2
    assert all(event.pc for event in answers)
