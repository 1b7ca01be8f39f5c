# SPDX-License-Identifier: GPL-2.0-or-later
"""A block: a piece of the two long tables, column by column, that is decoded without the blocks before it."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import numpy as np

from emu.trace.file.byte_stream import ByteReader, Malformed, put_block
from emu.trace.file.code_column import put_code, take_code
from emu.trace.file.columns import (
    delta,
    read_sparse,
    running_sum,
    sparse,
    stride_delta,
    stride_sum,
    words,
)
from emu.trace.file.groups import Groups, Owners
from emu.trace.file.value_columns import put_values, take_values
from emu.trace.layout import ACCESS, INSTRUCTION
from emu.trace.source import Table, Words

BLOCK: Final = 1 << 16
"""Instructions of a block, except the last one."""
MOST_ACCESSES: Final = 1 << 21
"""Of a block; one that would have more is halved."""

HEAD: Final = struct.Struct("<II")

BY_CODE: Final = ("rip", "size", "flags", "accesses")
"""Columns of instructions that hardly change from one execution of a code to the next."""
BY_OPERAND: Final = ("size", "kind", "flags")
"""Columns of accesses that hardly change from one execution of an operand to the next."""
COLUMNS: Final = (
    "code.distance",
    "code.new",
    *(f"instruction.{field}" for field in BY_CODE),
    "instruction.position",
    "instruction.first_access",
    "access.instruction",
    "access.address",
    *(f"access.{field}" for field in BY_OPERAND),
    "access.origin",
    "access.low",
    "access.high",
)
"""What a block consists of, in this order."""


class Place(NamedTuple):
    """Where a block begins in the trace."""

    instruction: int
    access: int


def encode_block(instructions: Table, accesses: Table, place: Place) -> bytes:
    """Return a block."""
    out = bytearray(HEAD.pack(len(instructions), len(accesses)))
    code = np.ascontiguousarray(instructions["code"])
    groups = Groups(code)
    put_code(out, code, groups)
    for field in BY_CODE:
        put_block(out, sparse(delta(words(instructions[field][groups.order]))))
    counts = words(instructions["accesses"])
    put_block(out, sparse(delta(instructions["position"] - _from(place.instruction, len(instructions)))))
    put_block(out, sparse(delta(instructions["first_access"] - _first_accesses(place, counts))))
    owners = Owners(groups, counts, len(accesses))
    operands = owners.operands
    owner = words(owners.instruction) + np.uint64(place.instruction)
    put_block(out, sparse(delta(accesses["instruction"] - owner)))
    put_block(out, sparse(stride_delta(words(accesses["address"][operands.order]), operands.is_first)))
    for field in BY_OPERAND:
        put_block(out, sparse(delta(words(accesses[field][operands.order]))))
    put_values(out, accesses, operands)
    return bytes(out)


def block_counts(data: bytes) -> tuple[int, int]:
    """Return the numbers of instructions and of accesses of a block. Raises `Malformed`."""
    if len(data) < HEAD.size:
        raise Malformed(f"a block of {len(data)} bytes has no head")
    instructions, accesses = HEAD.unpack_from(data)
    if instructions > BLOCK or accesses > MOST_ACCESSES:
        raise Malformed(
            f"a block has {instructions} instructions and {accesses} accesses, of at most {BLOCK} and {MOST_ACCESSES}"
        )
    return instructions, accesses


def decode_block(data: bytes, place: Place) -> tuple[Table, Table]:
    """Return the instructions and the accesses of a block. Raises `Malformed`."""
    instruction_count, access_count = block_counts(data)
    stream = ByteReader(data)
    stream.take(HEAD.size)
    instructions = np.zeros(instruction_count, INSTRUCTION)
    accesses = np.zeros(access_count, ACCESS)
    code = take_code(stream, instruction_count)
    groups = Groups(code)
    instructions["code"] = code
    for field in BY_CODE:
        _fill(instructions, field, running_sum(read_sparse(stream.block(), instruction_count)), groups)
    counts = words(instructions["accesses"])
    position = running_sum(read_sparse(stream.block(), instruction_count))
    instructions["position"] = position + _from(place.instruction, instruction_count)
    first_access = running_sum(read_sparse(stream.block(), instruction_count))
    instructions["first_access"] = first_access + _first_accesses(place, counts)
    owners = Owners(groups, counts, access_count)
    operands = owners.operands
    owner = words(owners.instruction) + np.uint64(place.instruction)
    accesses["instruction"] = running_sum(read_sparse(stream.block(), access_count)) + owner
    _fill(accesses, "address", stride_sum(read_sparse(stream.block(), access_count), operands.is_first), operands)
    for field in BY_OPERAND:
        _fill(accesses, field, running_sum(read_sparse(stream.block(), access_count)), operands)
    take_values(stream, accesses, operands)
    if not stream.is_done:
        raise Malformed("a block has bytes behind its last column")
    return instructions, accesses


def _fill(table: Table, field: str, values: Words, groups: Groups) -> None:
    """Put sorted values into a table."""
    most = np.iinfo(table.dtype[field]).max
    if values.max(initial=0) > most:
        raise Malformed(f"{field} is {int(values.max())}, of at most {most}")
    table[field][groups.order] = values


def _from(begin: int, count: int) -> Words:
    return np.arange(begin, begin + count, dtype=np.uint64)


def _first_accesses(place: Place, counts: Words) -> Words:
    """Return where the accesses of each instruction begin if none are left out."""
    return running_sum(counts) - counts + np.uint64(place.access)
