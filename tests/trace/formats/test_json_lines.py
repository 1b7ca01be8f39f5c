# SPDX-License-Identifier: GPL-2.0-or-later
"""A strict reader of JSON lines, written from the format's description, gets back the tables of the trace."""

from __future__ import annotations

import io
import json
from typing import Any, NoReturn

import numpy as np
import pytest

from emu import Machine, Profile
from emu.events import Event
from emu.trace import ACCESS, EVENT, INSTRUCTION, EventKind, Trace, TracedBuffer, TracedCall, TracedModule
from emu.trace.formats import json_lines
from emu.trace.layout import EVENT_TYPES, event_row
from emu.trace.source import Table
from tests.trace.made import SOURCE, TARGET, copied
from tests.trace.made_reading import Ran, nested, ran, rep_copied
from tests.trace.made_steps import Sliced

FLAGS = ("trapped", "rep", "user")
INSTRUCTION_FIELDS = ["i", "rip", "code", "bytes", "text", "place", "source", "position", "flags", "accesses"]
ACCESS_FIELDS = ["kind", "address", "size", "value", "user", "performed"]


def written(trace: Trace) -> str:
    stream = io.StringIO()
    json_lines.write(trace, stream)
    return stream.getvalue()


def _address(text: object) -> int:
    assert isinstance(text, str)
    value = int(text, 16)
    assert text == f"{value:#x}"
    return value


def _no_constant(text: str) -> NoReturn:
    raise AssertionError(text)


class Reader:
    """Reads a file whole and keeps what it says as the tables of a trace have it."""

    def __init__(self, text: str) -> None:
        assert text.isascii()
        assert text.endswith("\n")
        header, *lines = (
            json.loads(line, parse_constant=_no_constant, parse_float=_no_constant) for line in text[:-1].split("\n")
        )
        self._header(header)
        self.code: dict[int, tuple[object, ...]] = {}
        self.texts: list[str] = []
        self.events: list[Event] = []
        self._rows: list[tuple[int, ...]] = []
        self._touched: list[tuple[int, ...]] = []
        self._happened: list[tuple[int, ...]] = []
        for line in lines:
            (self._event if "event" in line else self._instruction)(line)

    def _header(self, header: dict[str, Any]) -> None:
        assert list(header) == ["format", "version", "modules", "buffers", "calls"]
        assert (header["format"], header["version"]) == ("umaccess-emu trace", 1)
        self.modules = [
            TracedModule(**{**each, "base": _address(each["base"]), "entry": _address(each["entry"])})
            for each in header["modules"]
        ]
        self.buffers = [TracedBuffer(**{**each, "address": _address(each["address"])}) for each in header["buffers"]]
        self.calls = [
            TracedCall(**{**each, "arguments": tuple(map(_address, each["arguments"]))}) for each in header["calls"]
        ]

    def _instruction(self, line: dict[str, Any]) -> None:
        assert list(line) == INSTRUCTION_FIELDS
        assert line["i"] == len(self._rows)
        rip = _address(line["rip"])
        encoding = bytes.fromhex(line["bytes"])
        said = (rip, encoding, line["text"], line["place"], line["source"])
        assert self.code.setdefault(line["code"], said) == said
        assert sorted(line["flags"], key=FLAGS.index) == line["flags"]
        flags = sum(1 << FLAGS.index(flag) for flag in line["flags"])
        first = len(self._touched)
        for access in line["accesses"]:
            self._access(access, line["i"])
        count = len(self._touched) - first
        self._rows.append((rip, line["position"], first, line["code"], count, len(encoding), flags))

    def _access(self, access: dict[str, Any], index: int) -> None:
        assert list(access) == ACCESS_FIELDS
        content = bytes.fromhex(access["value"])
        assert len(content) == access["size"]
        assert isinstance(access["user"], bool)
        assert isinstance(access["performed"], bool)
        low, high = (int.from_bytes(part, "little") for part in (content[:8], content[8:]))
        kind = ["read", "write"].index(access["kind"])
        flags = (not access["performed"]) | access["user"] << 1
        self._touched.append((index, _address(access["address"]), low, high, len(content), kind, flags))

    def _event(self, line: dict[str, Any]) -> None:
        assert list(line) == ["event", "at", "call", "fields", "text"]
        assert line["at"] == len(self._rows)
        kind = EVENT_TYPES[EventKind[line["event"]]]
        fields = {name: self._field(name, value) for name, value in line["fields"].items()}
        event = kind(**fields)
        self.events.append(event)
        self.texts.append(line["text"])
        self._happened.append(event_row(event, line["at"], line["call"]))

    def _field(self, name: str, value: object) -> object:
        if isinstance(value, list):
            return tuple(map(_address, value))
        return value if name in ("page", "name", "text", "reason", "software") or value is None else _address(value)

    def tables(self) -> tuple[Table, Table, Table]:
        """Return the three tables."""
        accesses = np.zeros(len(self._touched), ACCESS)
        for number, row in enumerate(self._touched):
            accesses[number] = row
        return np.array(self._rows, INSTRUCTION), accesses, np.array(self._happened, EVENT)


WIDE = int.from_bytes(b"sixteen bytes \x00\xff", "little")
TRACES = {
    "copy": copied(b"hello"),
    "page-in": copied(b"hello", fault_at=2),
    "exception": copied(b"hello", fault_at=2, retried=False),
    "rep": rep_copied(40, fault_at=9),
    "nested": nested(3, [2, 3]),
    "wide": ran(("0f1002", "0f1101"), [Ran(0, ((0, SOURCE, WIDE, 16),)), Ran(1, ((1, TARGET, WIDE, 16),))]),
    "empty": ran((), [], calls=()),
}


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("name", TRACES)
def test_a_reader_gets_back_the_whole_trace(name: str, size: int) -> None:
    check(Sliced(TRACES[name], size))


def check(trace: Trace) -> None:
    """Check that what is written is what the trace has."""
    read = Reader(written(trace))
    for table, expected in zip(read.tables(), (trace.instructions, trace.accesses, trace.events), strict=True):
        assert table.dtype == expected.dtype
        assert table.tolist() == expected.tolist()
    assert read.modules == list(trace.modules)
    assert read.buffers == list(trace.buffers)
    assert read.calls == list(trace.calls)
    assert read.events == [trace.event(number) for number in range(len(trace.events))]
    assert read.texts == [trace.explain(number).strip() for number in range(len(trace.events))]
    for number, said in read.code.items():
        code = trace.code[number]
        assert said == (code.rip, code.bytes, code.text, code.place, code.source)


def test_a_real_trace_comes_back(machine: Machine) -> None:
    source = machine.user.alloc(b"hello from user mode", name="source")
    target = machine.kernel.alloc(0x400, name="target")
    with machine.trace() as trace:
        machine.user.page_out(source)
        machine.call("CopyFromUser", target, source, source.size)
        machine.user.protect(source, "none")
        machine.call("CopyFromUser", target, source, 0x400)
    assert len(trace.events) > 4
    check(trace)


@pytest.fixture
def machine() -> Machine:
    return Machine(Profile(cpu="skylake-server"))


def test_a_line_is_as_it_is_documented() -> None:
    lines = written(TRACES["page-in"]).splitlines()
    assert json.loads(lines[1]) == {
        "i": 0,
        "rip": "0xfffff80000001000",
        "code": 0,
        "bytes": "0fb602",
        "text": "movzx eax, byte ptr [rdx]",
        "place": "copy.sys!byte_copy",
        "source": "copy.S:10",
        "position": 0,
        "flags": [],
        "accesses": [
            {
                "kind": "read",
                "address": "0x10020000",
                "size": 1,
                "value": "68",
                "user": True,
                "performed": True,
            }
        ],
    }
    trapped, trap = json.loads(lines[13]), json.loads(lines[14])
    assert trapped["flags"] == ["trapped"]
    assert trap == {
        "event": "TrapTaken",
        "at": 13,
        "call": 0,
        "fields": {
            "vector": "0xe",
            "error_code": "0x0",
            "address": "0x10020002",
            "rip": "0xfffff80000001000",
            "page": "paged-out",
        },
        "text": "TrapTaken made by hand",
    }
