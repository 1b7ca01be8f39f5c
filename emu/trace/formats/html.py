# SPDX-License-Identifier: GPL-2.0-or-later
"""The viewer: a trace and all that shows it, in one HTML file that a browser opens from disk, without a network.

The page holds the trace in blocks, each a `<script>` of a type that no browser runs, in base64 of a zlib stream:

class    attributes     what is in it
chunk    data-columns   columns of the instructions and accesses of a chunk, one behind the other
events   none           JSON: a list of [instruction, kind, explanation, address in hexadecimal]
about    none           JSON, once, behind the rest: counts, windows, code, calls, modules, buffers, kinds of event

`data-columns` is `name:width:count …`; a column is `count` little-endian numbers of `width` bytes, padded to a multiple
of four. Its width is 0 where all its numbers are 0, and then it takes no bytes. The columns of the instructions:

code      index into the code
flags     `InstructionFlag`
accesses  how many accesses it made
skipped   how many instructions a filter left out between it and the one before; of a chunk's first one, those before
          it altogether; 2**32 - 1 at most

Those of the accesses, in which an address is a window of 4 GiB and an offset in it:

window    index into the windows; a window's number is bits 63 to 32 of its addresses
offset    bits 31 to 0 of the address, less those of the last access before that has the same slot (modulo 2**32).
          Slot = 4 * code + how many accesses of the instruction came before, 3 at most; a chunk begins with 0 in all
size      in bytes
kind      READ or WRITE, plus `AccessFlag` shifted left by one
word0-3   32 bits of the value each, the low ones first, XORed with those of the access before; a chunk begins with 0

So what a loop does again and again is zeros and ones, which take next to nothing.
"""

from __future__ import annotations

from typing import Any, Final, TextIO

import numpy as np

from emu.address import ADDRESS_MASK
from emu.trace.code import Code
from emu.trace.formats.page import json_block, read_asset, write_block
from emu.trace.layout import EventKind
from emu.trace.source import Chunk, TraceError
from emu.trace.trace import Trace

MOST_INSTRUCTIONS: Final = 20_000_000
MOST_ACCESSES: Final = 40_000_000
"""What a browser holds: an instruction takes some 7 bytes there and an access some 20, and 4 for each byte touched. A
byte loop of twenty million instructions opens in three seconds and takes 640 MB of Chromium 156."""

SCRIPTS: Final = (
    "blocks.js",
    "data.js",
    "describe.js",
    "memory.js",
    "bytes.js",
    "strip.js",
    "links.js",
    "timeline.js",
    "list.js",
    "search.js",
    "history.js",
    "viewer.js",
)
"""The parts of the page's one script, in order."""

_VERSION: Final = 1
_SLOTS: Final = 4

_Column = np.ndarray[Any, np.dtype[Any]]


def write(trace: Trace, stream: TextIO) -> None:
    """Write a trace as a page, a chunk at a time.

    Raises `TraceError` for more than `MOST_INSTRUCTIONS` or `MOST_ACCESSES`; part of the page has been written then.
    """
    head, rest = _asset("viewer.html").split("<!-- data -->\n")
    between, end = rest.split("<!-- script -->\n")
    stream.write(head.replace("<!-- style -->\n", f"<style>\n{_asset('viewer.css')}</style>\n"))
    windows: dict[int, int] = {}
    instructions = accesses = 0
    for chunk in trace.chunks():
        instructions += len(chunk.instructions)
        accesses += len(chunk.accesses)
        _check_size(instructions, accesses)
        columns = {**_instruction_columns(chunk), **_access_columns(chunk, windows)}
        packed = {name: _narrow(column) for name, column in columns.items()}
        widths = " ".join(f"{name}:{width}:{len(columns[name])}" for name, (width, _) in packed.items())
        write_block(stream, "chunk", b"".join(data for _, data in packed.values()), f' data-columns="{widths}"')
        if len(chunk.events):
            write_block(stream, "events", json_block(_events(trace, chunk)))
    write_block(stream, "about", json_block(_about(trace, instructions, accesses, list(windows))))
    stream.write(between)
    stream.write('<script type="module">\n')
    stream.writelines(_asset(name) for name in SCRIPTS)
    stream.write("</script>\n")
    stream.write(end)


def _check_size(instructions: int, accesses: int) -> None:
    for count, most, what in (
        (instructions, MOST_INSTRUCTIONS, "instructions"),
        (accesses, MOST_ACCESSES, "accesses"),
    ):
        if count > most:
            raise TraceError(
                f"a page holds {most:,} {what} and this trace has more; trace a part of the run, or write it as Parquet"
            )


def _asset(name: str) -> str:
    return read_asset("emu.trace.formats", "viewer", name)


def _narrow(column: _Column) -> tuple[int, bytes]:
    """Return the width that the numbers of a column need, and the column as bytes."""
    most = int(column.max()) if len(column) else 0
    width = 0 if not most else 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4
    if not width:
        return 0, b""
    data = column.astype(f"<u{width}").tobytes()
    return width, data + bytes(-len(data) % 4)


def _instruction_columns(chunk: Chunk) -> dict[str, _Column]:
    table = chunk.instructions
    skipped = np.zeros(len(table), np.uint64)
    if len(table):
        index = np.arange(chunk.first, chunk.first + len(table), dtype=np.uint64)
        ahead = table["position"] - index
        skipped[0] = ahead[0]
        skipped[1:] = ahead[1:] - ahead[:-1]
    return {
        "code": table["code"],
        "flags": table["flags"],
        "accesses": table["accesses"],
        "skipped": np.minimum(skipped, np.uint64(0xFFFF_FFFF)),
    }


def _access_columns(chunk: Chunk, windows: dict[int, int]) -> dict[str, _Column]:
    """Return the columns of a chunk's accesses, and add the windows that are new."""
    table = chunk.accesses
    address = table["address"]
    high, low = address >> np.uint64(32), address.astype(np.uint32)
    numbers, which = np.unique(high, return_inverse=True)
    ids = np.array([windows.setdefault(int(number), len(windows)) for number in numbers], np.uint32)
    columns: dict[str, _Column] = {
        "window": ids[which] if len(table) else np.zeros(0, np.uint32),
        "offset": _differences(low, _slots(chunk)),
        "size": table["size"],
        "kind": table["kind"] | table["flags"] << 1,
    }
    for half, field in enumerate(("low", "high")):
        value = table[field].copy()
        value[1:] ^= table[field][:-1]
        columns[f"word{2 * half}"] = value.astype(np.uint32)
        columns[f"word{2 * half + 1}"] = (value >> np.uint64(32)).astype(np.uint32)
    return columns


def _slots(chunk: Chunk) -> _Column:
    """Return for each access of a chunk what its offset is compared by."""
    owner = (chunk.accesses["instruction"] - np.uint64(chunk.first)).astype(np.int64)
    begin = chunk.instructions["first_access"].astype(np.int64)
    if not len(owner):
        return owner
    ordinal = np.arange(len(owner)) + begin[0] - begin[owner]
    slots: _Column = chunk.instructions["code"][owner].astype(np.int64) * _SLOTS + np.minimum(ordinal, _SLOTS - 1)
    return slots


def _differences(numbers: _Column, slots: _Column) -> _Column:
    """Return each number less the one before it of the same slot, modulo its type."""
    order = np.argsort(slots, kind="stable")
    numbers, slots = numbers[order], slots[order]
    differences = numbers.copy()
    differences[1:] -= np.where(slots[1:] == slots[:-1], numbers[:-1], 0).astype(numbers.dtype)
    result = np.empty_like(differences)
    result[order] = differences
    return result


def _events(trace: Trace, chunk: Chunk) -> list[tuple[int, int, str, str]]:
    return [
        (int(event["instruction"]), int(event["kind"]), trace.explain(index), f"{int(event['address']):x}")
        for index, event in enumerate(chunk.events, chunk.first_event)
    ]


def _about(trace: Trace, instructions: int, accesses: int, windows: list[int]) -> dict[str, object]:
    return {
        "version": _VERSION,
        "instructions": instructions,
        "accesses": accesses,
        "windows": windows,
        "kinds": [kind.name for kind in EventKind],
        "code": [_code(entry) for entry in trace.code],
        "calls": [
            (
                call.function,
                [f"{value & ADDRESS_MASK:x}" for value in call.arguments],
                call.outcome,
                call.begin,
                call.end,
            )
            for call in trace.calls
        ],
        "modules": [(module.name, f"{module.base:x}", module.size) for module in trace.modules],
        "buffers": [(buffer.name, f"{buffer.address:x}", buffer.size, int(buffer.user)) for buffer in trace.buffers],
    }


def _code(code: Code) -> tuple[str, str, str, str, str]:
    return f"{code.rip:x}", code.bytes.hex(), code.place, code.text, code.source
