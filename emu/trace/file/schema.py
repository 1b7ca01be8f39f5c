# SPDX-License-Identifier: GPL-2.0-or-later
"""What a trace file says of itself at its beginning and its end."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

import numpy as np

from emu.trace.code import Code, TracedBuffer, TracedCall, TracedModule
from emu.trace.file import sections
from emu.trace.file.block import COLUMNS
from emu.trace.file.byte_stream import Malformed
from emu.trace.layout import ACCESS, EVENT, INSTRUCTION

VERSION: Final = 1
"""Of the format. It goes up with every change after which an older reader would misread a file."""

_VERSION: Final = struct.Struct("<I")
_TOTALS: Final = struct.Struct("<8Q")


def _table(name: str, dtype: np.dtype[np.void]) -> str:
    fields = (f"{field}:u{dtype[field].itemsize}" for field in dtype.names or ())
    return f"{name} {' '.join(fields)}\n"


DESCRIPTION: Final = (
    "umaccess-emu trace\n"
    + _table("instruction", INSTRUCTION)
    + _table("access", ACCESS)
    + _table("event", EVENT)
    + f"columns {' '.join(COLUMNS)}\n"
)
"""The tables, with the bytes of each field, and the columns of a block."""

RECORD_SECTIONS: Final[dict[bytes, type[Any]]] = {
    sections.CODE: Code,
    sections.CALLS: TracedCall,
    sections.MODULES: TracedModule,
    sections.BUFFERS: TracedBuffer,
}


class Totals(NamedTuple):
    """How many there are of each thing, at the end of a file."""

    blocks: int
    instructions: int
    accesses: int
    code: int
    calls: int
    modules: int
    buffers: int
    events: int

    def pack(self) -> bytes:
        """Return them as 64 bits each."""
        return _TOTALS.pack(*self)

    @classmethod
    def unpack(cls, content: bytes) -> Totals:
        """Undo `pack`. Raises `Malformed`."""
        if len(content) != _TOTALS.size:
            raise Malformed(f"its end has {len(content)} bytes and not {_TOTALS.size}")
        return cls(*_TOTALS.unpack(content))


def head() -> bytes:
    """Return the content of the first section."""
    return _VERSION.pack(VERSION) + DESCRIPTION.encode()


def check_head(content: bytes) -> None:
    """Raise `Malformed` for the head of a file that this version cannot read."""
    if len(content) < _VERSION.size:
        raise Malformed(f"its head has {len(content)} bytes, too few for a version")
    (version,) = _VERSION.unpack_from(content)
    if version > VERSION:
        raise Malformed(
            f"it was written by a newer umaccess-emu; format version {version}, this one reads up to {VERSION}"
        )
    if version < VERSION or content != head():
        raise Malformed(f"its head says format version {version}, and then what no such version has")
