# SPDX-License-Identifier: GPL-2.0-or-later
"""A second reader of trace files, number by number, from docs/reference/trace-file.md and nothing else."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

MODULUS = 1 << 64


class Take:
    """Takes numbers off bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def some(self, count: int) -> bytes:
        assert self.at + count <= len(self.data)
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self) -> int:
        byte = self.some(1)[0]
        return byte if byte < 0x80 else byte - 0x80 + (self.varint() << 7)

    def zigzag(self) -> int:
        number = self.varint()
        return -(number + 1) // 2 if number % 2 else number // 2

    def block(self) -> bytes:
        return self.some(self.varint())

    @property
    def is_done(self) -> bool:
        return self.at == len(self.data)


def sections(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give kinds and contents."""
    assert data[:8] == bytes.fromhex("89 55 4D 54 52 0D 0A 1A")
    checked, at = data[:8], 8
    while at < len(data):
        kind, length = struct.unpack_from("<4sQ", data, at)
        checked += data[at : at + 12 + length]
        content = data[at + 12 : at + 12 + length]
        at += 12 + length
        assert struct.unpack_from("<I", data, at) == (zlib.crc32(checked),)
        at += 4
        yield kind, content
    assert kind == b"DONE"


def sparse(take: Take, count: int) -> list[int]:
    """Return a sparse column, with its zeros."""
    column, pairs = [0] * count, Take(take.block())
    at = -1
    while not pairs.is_done:
        at += pairs.varint() + 1
        column[at] = pairs.zigzag()
    return column


def summed(column: list[int]) -> list[int]:
    """Undo Δ."""
    total, sums = 0, []
    for change in column:
        total = (total + change) % MODULUS
        sums.append(total)
    return sums


def unsorted(order: list[int], column: list[int]) -> list[int]:
    """Return a column in the order of time."""
    values = [0] * len(column)
    for row, value in zip(order, column, strict=True):
        values[row] = value
    return values


def _code(take: Take, count: int) -> list[int]:
    distances, new = summed(sparse(take, count)), Take(take.block())
    code: list[int] = []
    last = 0
    for row, distance in enumerate(distances):
        if distance:
            code.append(code[row - distance])
        else:
            last = (last + new.zigzag()) % MODULUS
            code.append(last)
    assert new.is_done
    return code


def _strides(column: list[int], operand: list[Any]) -> list[int]:
    values: list[int] = []
    before = stride = 0
    for at, change in enumerate(column):
        is_early = at == 0 or operand[at] != operand[at - 1] or at == 1 or operand[at - 1] != operand[at - 2]
        stride = change if is_early else stride + change
        before = (before + stride) % MODULUS
        values.append(before)
    return values


def _plane(take: Take, count: int) -> list[int]:
    content = take.block()
    if len(content) == count:
        return list(content)
    values, pairs, at = [0] * count, Take(content), -1
    while not pairs.is_done:
        at += pairs.varint() + 1
        values[at] = pairs.varint()
    return values


def _literals(take: Take, widths: list[int], keys: list[Any]) -> list[int]:
    changes = [0] * len(widths)
    for place in range(max(widths, default=0)):
        which = [at for at, width in enumerate(widths) if width > place]
        for at, byte in zip(which, _plane(take, len(which)), strict=True):
            changes[at] |= byte << 8 * place
    values: list[int] = []
    for at, change in enumerate(changes):
        signed = -(change + 1) // 2 if change % 2 else change // 2
        before = values[-1] if at and keys[at] == keys[at - 1] else 0
        values.append((before + signed) % (1 << 8 * widths[at]))
    return values


def _values(take: Take, operands: list[Any], order: list[int], columns: dict[str, list[int]]) -> None:
    count = len(order)
    origins = summed(sparse(take, count))
    (wide,) = take.some(1)
    literal = [at for at in range(count) if not origins[at]]
    sizes = [16 if wide else min(columns["size"][order[at]], 16) for at in literal]
    keys = [(operands[at], size) for at, size in zip(literal, sizes, strict=True)]
    low = _literals(take, [min(size, 8) for size in sizes], keys)
    high = _literals(take, [max(size - 8, 0) for size in sizes], keys)
    found = {order[at]: pair for at, *pair in zip(literal, low, high, strict=True)}
    in_time, reads = unsorted(order, origins), [row for row in range(count) if columns["kind"][row] == 0]
    for row in range(count):
        if in_time[row] == 1:
            same = (at for at in range(row) if (columns["address"][at] - columns["address"][row]) % 0x10000 == 0)
            found[row] = found[max(same)]
        elif in_time[row]:
            found[row] = found[[read for read in reads if read < row][1 - in_time[row]]]
    columns["low"], columns["high"] = ([found[row][part] for row in range(count)] for part in (0, 1))


def block(content: bytes, first: int, base: int) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return the columns of instructions and of accesses of a block."""
    take = Take(content)
    count, access_count = struct.unpack("<II", take.some(8))
    code = _code(take, count)
    order = sorted(range(count), key=lambda row: (code[row], row))
    rows: dict[str, list[int]] = {"code": code}
    for field in ("rip", "size", "flags", "accesses"):
        rows[field] = unsorted(order, summed(sparse(take, count)))
    rows["position"] = [(at + first + row) % MODULUS for row, at in enumerate(summed(sparse(take, count)))]
    announced = [sum(rows["accesses"][:row]) for row in range(count)]
    rows["first_access"] = [
        (at + base + before) % MODULUS for at, before in zip(summed(sparse(take, count)), announced, strict=True)
    ]
    owners = [
        (row, number)
        for row in range(count)
        for number in range(min(rows["accesses"][row], max(access_count - announced[row], 0)))
    ]
    owners += [(count, 0)] * (access_count - len(owners))
    accesses = {
        "instruction": [
            (at + first + owner) % MODULUS
            for at, (owner, _) in zip(summed(sparse(take, access_count)), owners, strict=True)
        ]
    }
    keys = [(code[owner], number) if owner < count else (MODULUS, 0) for owner, number in owners]
    order = sorted(range(access_count), key=lambda row: (keys[row], row))
    operands = [keys[row] for row in order]
    accesses["address"] = unsorted(order, _strides(sparse(take, access_count), operands))
    for field in ("size", "kind", "flags"):
        accesses[field] = unsorted(order, summed(sparse(take, access_count)))
    accesses["low"] = accesses["high"] = []
    if access_count:
        _values(take, operands, order, accesses)
    assert take.is_done
    return rows, accesses


class Records:
    """Takes records off a section."""

    def __init__(self, content: bytes) -> None:
        self.take = Take(content)
        self.texts: list[str] = []

    def text(self) -> str:
        number = self.take.varint()
        if not number:
            self.texts.append(self.take.block().decode("utf-8", "surrogatepass"))
        return self.texts[number - 1]

    def value(self) -> Any:
        kind = self.take.some(1)[0]
        if kind < 3:
            return (None, False, True)[kind]
        if kind == 3:
            return self.take.varint()
        if kind == 4:
            return -1 - self.take.varint()
        if kind == 5:
            return self.text()
        if kind == 6:
            return self.take.block()
        assert kind == 7
        return tuple([self.value() for _ in range(self.take.varint())])

    def record(self) -> tuple[str, tuple[Any, ...]]:
        name, *fields = self.text().split(" ")
        return name, tuple([self.value() for _ in fields])
