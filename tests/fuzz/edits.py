# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits of a block of bytes whose fields are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.fuzz.record import INTERESTING, Record

EDIT_KINDS: Final = 8
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


class Field(NamedTuple):
    """A field of a structure: its name, and where it lies in the block."""

    name: str
    offset: int
    size: int


def edit(block: bytearray, fields: Sequence[Field], record: Record) -> None:
    """Apply one record. `kind` is the verb: set, add, flip a bit, set to an edge, copy a field, write, fill, cut."""
    field = fields[record.selector % len(fields)]
    match record.kind % EDIT_KINDS:
        case 0:
            _set(block, field, record.value)
        case 1:
            _set(block, field, _get(block, field) + record.small - 128)
        case 2:
            _set(block, field, _get(block, field) ^ 1 << record.small % (8 * field.size))
        case 3:
            _set(block, field, INTERESTING[record.small % len(INTERESTING)])
        case 4:
            _set(block, field, _get(block, fields[record.value % len(fields)]) + record.small)
        case 5:
            data = record.value.to_bytes(8, "little")[: record.small % 8 + 1]
            _write(block, record.selector % (len(block) + 1), data)
        case 6:
            _write(block, record.selector % (len(block) + 1), bytes([record.value & 0xFF]) * (16 * record.small))
        case 7:
            del block[record.value % (len(block) + 1) :]


def _get(block: bytearray, field: Field) -> int:
    return int.from_bytes(block[field.offset : field.offset + field.size], "little")


def _set(block: bytearray, field: Field, value: int) -> None:
    _write(block, field.offset, (value & _MASK).to_bytes(8, "little")[: field.size])


def _write(block: bytearray, offset: int, data: bytes) -> None:
    if offset < len(block):
        room = data[: len(block) - offset]
        block[offset : offset + len(room)] = room
