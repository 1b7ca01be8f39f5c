# SPDX-License-Identifier: GPL-2.0-or-later
"""The form of every input: a short header and records of one size, which a target reads as edits of something valid.

So a mutation changes a field of a structure and not a byte at random, every byte string is an input, and the corpus
stays small: it says what is wrong with an image, and does not hold the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from struct import Struct
from typing import Final, NamedTuple

HEADER_SIZE: Final = 8
_RECORD: Final = Struct("<BBHQ")
RECORD_SIZE: Final = _RECORD.size
MOST_RECORDS: Final = 40

INTERESTING: Final = (
    *(0, 1, 2, 3, 4, 7, 8, 0xC, 0x10, 0x20, 0x28, 0x7F, 0x80, 0xFF, 0x100, 0x200, 0xFFC, 0xFFF, 0x1000, 0x1001),
    *(0x2000, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0xF_FFFF, 0x3FF_F000, 0x400_0000, 0x400_1000, 0x7FFF_FFFF),
    *(0x8000_0000, 0xFFFF_FFF8, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF, 0x8000_0000_0000, 0xFFFF_8000_0000_0000),
    *(0xFFFF_F800_0000_0000, 0xFFFF_FFFF_FFFF_F000, 0xFFFF_FFFF_FFFF_FFF8, 0xFFFF_FFFF_FFFF_FFFF),
)
"""Values at which counts, sizes, RVAs and addresses go over some edge."""


class Record(NamedTuple):
    """One edit: what to do, where, and two operands. What they mean is the target's business."""

    kind: int
    small: int
    selector: int
    value: int

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _RECORD.pack(*self)


class Input(NamedTuple):
    """An input taken apart; a missing header is zeroes, an unfinished record at the end is left out."""

    header: bytes
    records: tuple[Record, ...]

    @classmethod
    def decode(cls, data: bytes) -> Input:
        """Take any bytes apart."""
        header = data[:HEADER_SIZE].ljust(HEADER_SIZE, b"\0")
        body = data[HEADER_SIZE : HEADER_SIZE + MOST_RECORDS * RECORD_SIZE]
        whole = body[: len(body) - len(body) % RECORD_SIZE]
        return cls(header, tuple(Record(*fields) for fields in _RECORD.iter_unpack(whole)))

    def encode(self) -> bytes:
        """Return the input's bytes."""
        return self.header + b"".join(record.encode() for record in self.records)


def make_input(header: Sequence[int] = (), *records: tuple[int, int, int, int]) -> bytes:
    """Return an input's bytes; `records` are kind, small, selector, value."""
    return Input(bytes(header).ljust(HEADER_SIZE, b"\0"), tuple(Record(*each) for each in records)).encode()


def mutate(data: bytes, random: Random) -> bytes:
    """Return another input: records inserted, dropped, repeated, moved, and their fields changed."""
    header, records = bytearray(Input.decode(data).header), list(Input.decode(data).records)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        choice = random.random()
        if not records or choice < 0.3:
            records.insert(random.randint(0, len(records)), _random_record(random))
        elif choice < 0.75:
            index = random.randrange(len(records))
            records[index] = _changed(records[index], random)
        elif choice < 0.85:
            del records[random.randrange(len(records))]
        elif choice < 0.9:
            records.insert(random.randint(0, len(records)), random.choice(records))
        elif choice < 0.94:
            records.append(records.pop(random.randrange(len(records))))
        else:
            header[random.randrange(HEADER_SIZE)] = random.getrandbits(8)
    return Input(bytes(header), tuple(records[:MOST_RECORDS])).encode()


def _random_record(random: Random) -> Record:
    return Record(random.getrandbits(8), random.getrandbits(8), random.getrandbits(16), _value(random))


def _changed(record: Record, random: Random) -> Record:
    match random.randrange(7):
        case 0:
            return record._replace(kind=random.getrandbits(8))
        case 1:
            return record._replace(small=random.getrandbits(8))
        case 2:
            return record._replace(selector=random.getrandbits(16))
        case 3:
            return record._replace(selector=(record.selector + random.randint(-4, 4)) & 0xFFFF)
        case 4:
            return record._replace(value=(record.value + random.randint(-16, 16)) & 0xFFFF_FFFF_FFFF_FFFF)
        case 5:
            return record._replace(value=record.value ^ 1 << random.randrange(64))
    return record._replace(value=_value(random))


def _value(random: Random) -> int:
    choice = random.random()
    if choice < 0.5:
        return random.choice(INTERESTING)
    return random.getrandbits(random.choice((4, 8, 13, 16, 32, 64)))
