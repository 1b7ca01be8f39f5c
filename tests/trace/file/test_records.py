# SPDX-License-Identifier: GPL-2.0-or-later
"""Named tuples as bytes."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.events import FilterAnswered, PagedIn
from emu.trace import TracedCall
from emu.trace.file.byte_stream import Malformed
from emu.trace.file.records import MOST_NESTED, RecordReader, RecordWriter, heading, headings
from emu.trace.layout import EVENT_TYPES
from emu.trace.source import TraceError

TEXTS = st.text(st.characters(codec=None), max_size=8)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.integers(-(2**64), 2**64), TEXTS, st.binary(max_size=8)),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=8,
)


@st.composite
def records(draw: st.DrawFn) -> Any:
    """An event with anything in its fields."""
    kind: Any = draw(st.sampled_from(EVENT_TYPES))
    return kind(*[draw(VALUES) for _ in kind._fields])


def _written(*values: object) -> bytes:
    out = RecordWriter()
    for value in values:
        out.value(value)
    return bytes(out.data)


@given(st.lists(records(), max_size=6))
def test_events_come_back_whole(events: list[Any]) -> None:
    out = RecordWriter()
    for event in events:
        out.record(event)
    reader = RecordReader(bytes(out.data), headings(EVENT_TYPES))
    found = [reader.record() for _ in events]
    assert [(type(event), repr(event)) for event in found] == [(type(event), repr(event)) for event in events]
    assert reader.is_done


def test_a_record_names_its_class_and_fields() -> None:
    assert heading(PagedIn) == "PagedIn address rip"
    out = RecordWriter()
    out.record(PagedIn(Gva(1), Gva(0x80)))
    out.record(PagedIn(Gva(2), Gva(3)))
    assert bytes(out.data) == b"\x00\x13PagedIn address rip\x03\x01\x03\x80\x01" + b"\x01\x03\x02\x03\x03"


def test_every_kind_of_value_has_its_byte() -> None:
    written = _written(None, False, True, 300, -1, "é", "é", b"\x00", (1, ()))
    assert (
        written == b"\x00\x01\x02\x03\xac\x02\x04\x00\x05\x00\x02\xc3\xa9\x05\x01\x06\x01\x00\x07\x02\x03\x01\x07\x00"
    )


def test_numbers_of_other_types_are_numbers() -> None:
    class Vector(IntEnum):
        PAGE_FAULT = 14

    assert _written(Vector.PAGE_FAULT, np.uint64(14)) == _written(14, 14)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TraceError, match=r"1\.5 has no form in a trace file"):
        _written(1.5)
    deep: object = ()
    for _ in range(MOST_NESTED):
        deep = (deep,)
    with pytest.raises(TraceError, match="has no form"):
        _written(deep)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x00\x07PagedIn", "a record 'PagedIn', which this umaccess-emu does not know"),
        (b"\x01", "text 1 is named where there are 0"),
        (b"\x00\x01\xff", "not UTF-8"),
        (b"\x00\x13PagedIn address rip\x08", "a value begins with 0x08"),
        (b"\x00\x13PagedIn address rip" + b"\x07\x01" * 9, "a value begins with 0x07"),
        (b"\x00\x13PagedIn address rip\x07\xff\xff\xff\xff\xff\x7f", "1 bytes are announced where 0 are left"),
        (b"\x00\x13PagedIn address rip\x06\xff\xff\xff\xff\xff\x7f", "4398046511103 bytes are announced"),
    ],
)
def test_what_is_no_record_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        RecordReader(data, headings(EVENT_TYPES)).record()


def test_a_record_of_another_section_is_refused() -> None:
    out = RecordWriter()
    out.record(FilterAnswered(Gva(1), None, -1))
    with pytest.raises(Malformed, match="'FilterAnswered establisher filter answer'"):
        RecordReader(bytes(out.data), headings([TracedCall])).record()
