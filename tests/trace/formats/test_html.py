# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of a trace: a reader written from the format's description gets the tables back, and it needs no network."""

from __future__ import annotations

import base64
import html.parser
import io
import json
import re
import zlib
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace import ACCESS, EVENT, INSTRUCTION, EventKind, StoredSource, Trace, TraceError
from emu.trace.formats import html as page
from tests.trace.file.made_tables import event_tables, long_tables
from tests.trace.made import LOOP, SOURCE, copied, loop_code
from tests.trace.made_reading import pushed_in_vain, rep_copied
from tests.trace.made_steps import Sliced

EMPTY_ELEMENTS = {"meta", "link", "input"}
INSTRUCTION_COLUMNS = ["code", "flags", "accesses", "skipped"]
ACCESS_COLUMNS = ["window", "offset", "size", "kind", "word0", "word1", "word2", "word3"]


class Block(NamedTuple):
    """A block of data of a page."""

    kind: str
    columns: str
    content: bytes


class Page(html.parser.HTMLParser):
    """The elements of a page; each that is opened must be closed in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[Block] = []
        self.texts: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if tag not in self.open[-1:]:
            return
        if tag == "script" and attributes["type"] == "application/octet-stream":
            content = zlib.decompress(base64.b64decode(data, validate=True))
            self.blocks.append(Block(attributes["class"] or "", attributes.get("data-columns") or "", content))
        else:
            self.texts[tag] = self.texts.get(tag, "") + data


class Read(NamedTuple):
    """A trace as a page has it; tables as lists of rows."""

    instructions: list[tuple[int, int, int, int]]
    """Position, code, accesses, flags."""
    accesses: list[tuple[int, int, int, int, int, int]]
    """Instruction, address, value, size, kind, flags."""
    events: list[list[Any]]
    about: dict[str, Any]


def written(trace: Trace) -> str:
    stream = io.StringIO()
    page.write(trace, stream)
    return stream.getvalue()


def _columns(block: Block) -> dict[str, list[int]]:
    columns, at = {}, 0
    for part in block.columns.split(" "):
        name, width, count = part.split(":")
        size = int(width) * int(count)
        assert width in "0124"
        data = block.content[at : at + size]
        columns[name] = [int.from_bytes(data[i : i + int(width)], "little") for i in range(0, size, int(width) or 1)]
        if width == "0":
            columns[name] = [0] * int(count)
        at += (size + 3) // 4 * 4
    assert at == len(block.content)
    assert list(columns) == INSTRUCTION_COLUMNS + ACCESS_COLUMNS
    return columns


def read(text: str) -> Read:
    """Read a page by its description, number by number."""
    blocks = Page(text).blocks
    (about,) = [json.loads(block.content) for block in blocks if block.kind == "about"]
    found = Read([], [], [], about)
    for block in blocks:
        if block.kind == "events":
            found.events.extend(json.loads(block.content))
        if block.kind == "chunk":
            _read_chunk(_columns(block), found)
    assert (about["instructions"], about["accesses"]) == (len(found.instructions), len(found.accesses))
    return found


def _read_chunk(columns: dict[str, list[int]], found: Read) -> None:
    begin, skipped, number = len(found.instructions), 0, 0
    offsets: dict[int, int] = {}
    words = [0, 0, 0, 0]
    for at, (code, flags, count) in enumerate(zip(columns["code"], columns["flags"], columns["accesses"], strict=True)):
        skipped += columns["skipped"][at]
        found.instructions.append((begin + at + skipped, code, count, flags))
        for ordinal in range(count):
            slot = 4 * code + min(ordinal, 3)
            offsets[slot] = (offsets.get(slot, 0) + columns["offset"][number]) % 2**32
            words = [word ^ columns[f"word{place}"][number] for place, word in enumerate(words)]
            address = found.about["windows"][columns["window"][number]] << 32 | offsets[slot]
            value = sum(word << 32 * place for place, word in enumerate(words))
            kind = columns["kind"][number]
            found.accesses.append((begin + at, address, value, columns["size"][number], kind & 1, kind >> 1))
            number += 1
    assert number == len(columns["size"])


def assert_holds(found: Read, trace: Trace) -> None:
    """A page has what the tables have."""
    instructions, accesses, events = trace.instructions, trace.accesses, trace.events
    fields = ("position", "code", "accesses", "flags")
    assert found.instructions == list(zip(*(instructions[field].tolist() for field in fields), strict=True))
    expected = [
        (
            each["instruction"],
            each["address"],
            each["low"] | each["high"] << 64,
            each["size"],
            each["kind"],
            each["flags"],
        )
        for each in ({field: int(row[field]) for field in ACCESS.names or ()} for row in accesses)
    ]
    assert found.accesses == expected
    assert found.events == [
        [int(event["instruction"]), int(event["kind"]), trace.explain(number), f"{int(event['address']):x}"]
        for number, event in enumerate(events)
    ]
    assert found.about["code"] == [
        [f"{code.rip:x}", code.bytes.hex(), code.place, code.text, code.source] for code in trace.code
    ]


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Any numbers in what a page keeps."""
    instructions, accesses = draw(long_tables(60))
    code = loop_code()
    instructions["code"] %= len(code)
    instructions["rip"] = np.array([entry.rip for entry in code], np.uint64)[instructions["code"]]
    skipped = np.array(draw(st.lists(st.integers(0, 3), min_size=len(instructions), max_size=len(instructions))))
    instructions["position"] = np.arange(len(instructions)) + np.cumsum(skipped)
    accesses["kind"] %= 2
    accesses["flags"] %= 4
    events = draw(event_tables(len(instructions)))
    texts = [draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=9)) for _ in events]
    return Trace(StoredSource(instructions, accesses, events, code=code, explanations=texts))


@given(traces(), st.integers(1, 61))
def test_a_page_holds_the_trace(trace: Trace, size: int) -> None:
    assert_holds(read(written(Sliced(trace, size))), trace)


@pytest.mark.parametrize(
    "trace",
    [
        copied(b""),
        copied(bytes(range(80)), fault_at=33),
        copied(bytes(range(80)), fault_at=33, retried=False),
        rep_copied(20, fault_at=7),
        pushed_in_vain(),
    ],
)
def test_pages_of_copies_hold_them(trace: Trace) -> None:
    found = read(written(trace))
    assert_holds(found, trace)
    assert found.about["buffers"] == [[b.name, f"{b.address:x}", b.size, int(b.user)] for b in trace.buffers]
    assert found.about["modules"] == [[m.name, f"{m.base:x}", m.size] for m in trace.modules]
    assert found.about["calls"] == [
        [call.function, [f"{value:x}" for value in call.arguments], call.outcome, call.begin, call.end]
        for call in trace.calls
    ]
    assert found.about["kinds"] == [kind.name for kind in EventKind]


def test_a_trace_of_nothing_is_a_page() -> None:
    empty = Trace(StoredSource(np.zeros(0, INSTRUCTION), np.zeros(0, ACCESS), np.zeros(0, EVENT), code=()))
    assert read(written(empty)).instructions == []


def test_a_loop_takes_next_to_nothing() -> None:
    def size(count: int) -> int:
        return len(written(copied(bytes(count))))

    instructions = 6 * 15_000
    assert size(16_000) - size(1000) < instructions / 50


def test_text_of_the_guest_stays_data() -> None:
    trace = copied(b"ab", file="</script><script>alert(1)</script>.S")
    text = written(trace)
    assert "alert" not in text
    assert read(text).about["code"][0][4] == "</script><script>alert(1)</script>.S:10"


def test_a_page_is_whole_and_asks_nothing_of_a_network() -> None:
    text = written(copied(b"abc"))
    found = Page(text)
    assert "<!-- data" not in text
    assert "<!-- style" not in text
    assert "<!-- script" not in text
    names = {name for _, attributes in found.elements for name in attributes}
    assert names.isdisjoint({"src", "srcset", "action", "formaction", "background", "poster", "ping"})
    links = [attributes["href"] for _, attributes in found.elements if "href" in attributes]
    assert links == ["data:,"]
    code = found.texts["script"] + found.texts["style"]
    assert not re.search(
        r"https?:|//[a-z]|url\(|@import|\bimport\b|\bfetch\b|XMLHttpRequest|WebSocket|EventSource", code
    )
    (policy,) = [
        attributes["content"]
        for tag, attributes in found.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none';")


def test_what_has_a_name_for_readers_of_the_screen() -> None:
    elements = Page(written(copied(b"abc"))).elements
    identifiers = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    labelled = {attributes.get("for") for tag, attributes in elements if tag == "label"}
    for tag, attributes in elements:
        if tag == "input":
            assert "aria-label" in attributes or attributes["id"] in labelled
        if tag == "canvas":
            assert attributes.get("aria-hidden") == "true"


def test_scripts_are_all_the_files() -> None:
    directory = files("emu.trace.formats").joinpath("viewer")
    assert sorted(page.SCRIPTS) == sorted(each.name for each in directory.iterdir() if each.name.endswith(".js"))


def test_longer_than_a_browser_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = copied(b"abc")
    monkeypatch.setattr(page, "MOST_INSTRUCTIONS", len(trace))
    assert read(written(trace)).about["instructions"] == 3 * len(LOOP) + 1
    monkeypatch.setattr(page, "MOST_INSTRUCTIONS", len(trace) - 1)
    with pytest.raises(TraceError, match=r"a page holds 18 instructions and this trace has more; trace a part"):
        written(trace)
    monkeypatch.setattr(page, "MOST_INSTRUCTIONS", len(trace))
    monkeypatch.setattr(page, "MOST_ACCESSES", 6)
    with pytest.raises(TraceError, match="a page holds 6 accesses"):
        written(trace)
    assert trace.accesses["address"][0] == SOURCE
