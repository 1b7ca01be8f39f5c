# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a trace as JSON lines: an object a line, ASCII only, in the order of time.

Addresses, arguments and the numbers in events are strings in hexadecimal, "0x1002000a", because a 64-bit number does
not survive every reader of JSON; indices and sizes are numbers. A value is its bytes as they lie in memory, two digits
a byte.

The first line is the header:

    format     "umaccess-emu trace"
    version    1; a reader refuses a higher one
    modules    [{name, base, size, entry}]: the images that were loaded
    buffers    [{name, address, size, user}]: the buffers that were allocated; `user` tells which half they are in
    calls      [{function, arguments, outcome, begin, end}]: the calls of the host; `begin` and `end` are indices of
               instructions, `end` the one behind the last

An instruction:

    i          its index
    rip        its address
    code       the index of its code: alike where address, bytes and names are
    bytes      its encoding
    text       its disassembly
    place      module!symbol+offset, as near as it is known
    source     file:line, or ""
    position   how many instructions the guest had executed before it, those that a filter left out included
    flags      of "trapped" (it did not retire), "rep" (one iteration), "user" (it ran at CPL 3)
    accesses   [{kind, address, size, value, user, performed}]: "read" or "write"; the bytes from `address` on; whether
               they are in a user page; false in `performed` where its instruction trapped

An event, before the instruction whose index is `at`:

    event      its kind, see `emu.events`
    at         how many instructions of the trace came before it
    call       index into the calls
    fields     what `emu.events` says of it, by its names there; a field may be null
    text       the event in words
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TextIO

import numpy as np

from emu.trace.layout import READ, AccessFlag, EventKind, InstructionFlag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emu.trace.code import Code
    from emu.trace.source import Chunk
    from emu.trace.trace import Trace

FORMAT: Final = "umaccess-emu trace"
VERSION: Final = 1
CHUNK: Final = 1 << 14
"""Instructions that are taken at a time."""

_FLAGS: Final = [
    json.dumps([flag.name.lower() for flag in InstructionFlag if flags & flag and flag.name], separators=(",", ":"))
    for flags in range(256)
]
_BOOLEANS: Final = {True: "true", False: "false"}
_ACCESS_FIELDS: Final = ("address", "low", "high", "size", "kind", "flags")


def write(trace: Trace, stream: TextIO) -> None:
    """Write it, in bounded memory."""
    codes: dict[int, str] = {}
    for chunk in trace.chunks(CHUNK):
        if not chunk.first:
            stream.write(_dump(_header(trace)))
        stream.writelines(_lines(trace, chunk, codes))


def _dump(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":")) + "\n"


def _header(trace: Trace) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "modules": [
            {"name": module.name, "base": hex(module.base), "size": module.size, "entry": hex(module.entry)}
            for module in trace.modules
        ],
        "buffers": [{**buffer._asdict(), "address": hex(buffer.address)} for buffer in trace.buffers],
        "calls": [
            {**call._asdict(), "arguments": [hex(argument) for argument in call.arguments]} for call in trace.calls
        ],
    }


def _lines(trace: Trace, chunk: Chunk, codes: dict[int, str]) -> Iterator[str]:
    """Give the lines of a chunk; what all instructions of one code say is made once."""
    events = chunk.events["instruction"].tolist()
    accesses = list(map(_access, *(chunk.accesses[name].tolist() for name in _ACCESS_FIELDS)))
    rows = chunk.instructions[["code", "flags", "accesses", "position"]].tolist()
    at = event = 0
    for index, (code, flags, count, position) in enumerate(rows, chunk.first):
        while event < len(events) and events[event] <= index:
            yield _event(trace, chunk, event)
            event += 1
        said = codes.get(code)
        if said is None:
            said = codes[code] = _code(code, trace.code[code])
        touched = ",".join(accesses[at : at + count])
        yield f'{{"i":{index},{said},"position":{position},"flags":{_FLAGS[flags]},"accesses":[{touched}]}}\n'
        at += count
    for behind in range(event, len(events)):
        yield _event(trace, chunk, behind)


def _access(address: int, low: int, high: int, size: int, kind: int, flags: int) -> str:
    word = "read" if kind == READ else "write"
    value = (low | high << 64).to_bytes(16, "little")[:size].hex()
    user, performed = (_BOOLEANS[bool(flags & AccessFlag.USER)], _BOOLEANS[not flags & AccessFlag.NOT_PERFORMED])
    return (
        f'{{"kind":"{word}","address":"{address:#x}","size":{size},"value":"{value}",'
        f'"user":{user},"performed":{performed}}}'
    )


def _code(number: int, code: Code) -> str:
    data = {
        "rip": hex(code.rip),
        "code": number,
        "bytes": code.bytes.hex(),
        "text": code.text,
        "place": code.place,
        "source": code.source,
    }
    return json.dumps(data, separators=(",", ":"))[1:-1]


def _event(trace: Trace, chunk: Chunk, number: int) -> str:
    row = chunk.events[number]
    index = chunk.first_event + number
    return _dump(
        {
            "event": EventKind(row["kind"]).name,
            "at": int(row["instruction"]),
            "call": int(row["call"]),
            "fields": {name: _field(value) for name, value in trace.event(index)._asdict().items()},
            "text": trace.explain(index).strip(),
        }
    )


def _field(value: object) -> object:
    """Return a field of an event as JSON has it: integers in hexadecimal, whatever they are."""
    match value:
        case bool() | str() | None:
            return value
        case int() | np.integer():
            return hex(value)
        case tuple():
            return [_field(item) for item in value]
        case _:
            raise TypeError(f"an event has a field that is {value!r}")
