# SPDX-License-Identifier: GPL-2.0-or-later
"""Parquet, for more than fits into other tools: instructions with their accesses in one file, events in another.

Needs pyarrow, which the extra `[parquet]` brings. A chunk of the trace is a row group, so a trace of any length is
written in the memory of one. The columns are those of `emu.trace.layout` with flags as booleans, and the code's own
next to them, dictionary-encoded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np

from emu.trace.formats.pyarrow import import_pyarrow
from emu.trace.layout import AccessFlag, EventKind, InstructionFlag
from emu.trace.source import CHUNK, Chunk, Table, TraceError

if TYPE_CHECKING:
    from emu.trace.trace import Trace

Arrow: TypeAlias = Any
"""The `pyarrow` module, or something of it: it has no type information."""

EVENTS_SUFFIX = ".events.parquet"


def write(trace: Trace, stream: BinaryIO, events: BinaryIO | None = None) -> None:
    """Write the instructions with their accesses to one stream, and the events to another where it is given.

    Raises `TraceError` without pyarrow, OSError.
    """
    arrow = import_pyarrow("pyarrow", TraceError)
    parquet = import_pyarrow("pyarrow.parquet", TraceError)
    instruction_schema, event_schema = _instruction_schema(arrow), _event_schema(arrow)
    with parquet.ParquetWriter(stream, instruction_schema, compression="zstd") as writer:
        event_writer = None if events is None else parquet.ParquetWriter(events, event_schema, compression="zstd")
        for chunk in trace.chunks(CHUNK):
            if len(chunk.instructions):
                writer.write_table(arrow.table(_instruction_columns(arrow, trace, chunk), schema=instruction_schema))
            if event_writer is not None and len(chunk.events):
                event_writer.write_table(arrow.table(_event_columns(arrow, trace, chunk), schema=event_schema))
        if event_writer is not None:
            event_writer.close()


def write_files(trace: Trace, path: Path) -> tuple[Path, Path]:
    """Write `NAME.parquet` and `NAME.events.parquet`, and return both paths. Raises `TraceError`, OSError."""
    import_pyarrow("pyarrow", TraceError)
    events = path.with_name(path.stem + EVENTS_SUFFIX)
    with path.open("wb") as stream, events.open("wb") as event_stream:
        write(trace, stream, event_stream)
    return path, events


def _texts(arrow: Arrow) -> Arrow:
    return arrow.dictionary(arrow.int32(), arrow.string())


def _instruction_schema(arrow: Arrow) -> Arrow:
    texts, flag = _texts(arrow), arrow.bool_()
    access = [
        ("address", arrow.uint64()),
        ("size", arrow.uint8()),
        ("write", flag),
        ("low", arrow.uint64()),
        ("high", arrow.uint64()),
        ("performed", flag),
        ("user", flag),
    ]
    return arrow.schema(
        [
            ("index", arrow.uint64()),
            ("position", arrow.uint64()),
            ("rip", arrow.uint64()),
            ("bytes", arrow.dictionary(arrow.int32(), arrow.binary())),
            ("text", texts),
            ("module", texts),
            ("symbol", texts),
            ("offset", arrow.uint64()),
            ("file", texts),
            ("line", arrow.uint32()),
            ("trapped", flag),
            ("rep", flag),
            ("user", flag),
            ("accesses", arrow.list_(arrow.struct(access))),
        ]
    )


def _event_schema(arrow: Arrow) -> Arrow:
    return arrow.schema(
        [
            ("instruction", arrow.uint64()),
            ("kind", _texts(arrow)),
            ("rip", arrow.uint64()),
            ("address", arrow.uint64()),
            ("value", arrow.uint64()),
            ("call", arrow.uint32()),
            ("explanation", arrow.string()),
        ]
    )


def _instruction_columns(arrow: Arrow, trace: Trace, chunk: Chunk) -> list[Arrow]:
    table, schema = chunk.instructions, _instruction_schema(arrow)
    used, number = np.unique(table["code"], return_inverse=True)
    code = [trace.code[each] for each in used.tolist()]

    def of_code(field: str) -> Arrow:
        values = [getattr(each, field) for each in code]
        kind = schema.field(field).type
        if not arrow.types.is_dictionary(kind):
            return arrow.array(np.array(values, np.uint64)[number], kind)
        distinct = {value: place for place, value in enumerate(dict.fromkeys(values))}
        places = np.array([distinct[value] for value in values], np.int32)
        return arrow.DictionaryArray.from_arrays(places[number], arrow.array(list(distinct), kind.value_type))

    flags = table["flags"]
    index = np.arange(chunk.first, chunk.first + len(table), dtype=np.uint64)
    return [
        arrow.array(index),
        arrow.array(table["position"]),
        arrow.array(table["rip"]),
        *map(of_code, ("bytes", "text", "module", "symbol", "offset", "file", "line")),
        *(arrow.array(flags & flag != 0) for flag in InstructionFlag),
        _accesses(arrow, table, chunk.accesses, schema.field("accesses").type),
    ]


def _accesses(arrow: Arrow, instructions: Table, accesses: Table, kind: Arrow) -> Arrow:
    fields = [
        accesses["address"],
        accesses["size"],
        accesses["kind"] != 0,
        accesses["low"],
        accesses["high"],
        accesses["flags"] & AccessFlag.NOT_PERFORMED == 0,
        accesses["flags"] & AccessFlag.USER != 0,
    ]
    rows = arrow.StructArray.from_arrays(
        [arrow.array(np.ascontiguousarray(each)) for each in fields], fields=list(kind.value_type)
    )
    offsets = np.concatenate([[0], np.cumsum(instructions["accesses"], dtype=np.int64)]).astype(np.int32)
    return arrow.ListArray.from_arrays(offsets, rows, type=kind)


def _event_columns(arrow: Arrow, trace: Trace, chunk: Chunk) -> list[Arrow]:
    table = chunk.events
    names = arrow.array([kind.name for kind in EventKind])
    kinds = arrow.DictionaryArray.from_arrays(table["kind"].astype(np.int32), names)
    explanations = [trace.explain(chunk.first_event + number) for number in range(len(table))]
    numbers = [arrow.array(np.ascontiguousarray(table[field])) for field in ("rip", "address", "value", "call")]
    instruction = arrow.array(np.ascontiguousarray(table["instruction"]))
    return [instruction, kinds, *numbers, arrow.array(explanations, arrow.string())]
