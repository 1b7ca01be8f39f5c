# SPDX-License-Identifier: GPL-2.0-or-later
"""What memory holds: the pieces in a directive, and the bytes that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from emu.campaign.experiment.content import DEFAULT_SEED, Pattern
from emu.campaign.experiment.landing import POISON
from emu.testing.assembly_file.model import Filled, Integers, Literally, Number, Piece, Place, Slice, Value
from emu.testing.assembly_file.scanner import HEX_BYTE, Scanner
from emu.testing.assembly_file.scope import Scope

LARGEST: Final = 1 << 24
"""Bytes of one buffer."""

INTEGERS: Final = {"byte": 1, "word": 2, "dword": 4, "qword": 8}
FILLINGS: Final = {
    "pattern": f"bytes made from a seed, by default {DEFAULT_SEED}, as `emu copy` copies them",
    "zeroes": "zeroes",
    "poison": f"{POISON:#x}, which a byte that nobody wrote still holds",
}

PIECES: Final = {
    '"TEXT"': r"the text in UTF-8, without a terminator; escapes: `\n \r \t \0 \\ \" \xNN`",
    "hex BB BB …": "bytes in hexadecimal",
    **{f"{name} VALUE …": f"integers of {8 * width} bits, little endian" for name, width in INTEGERS.items()},
    **{f"{name} N{' [seed S]' * (name == 'pattern')}": meaning for name, meaning in FILLINGS.items()},
    "NAME": "what a buffer holds; behind a call, what it held before the call",
    "NAME[A:B]": "bytes A up to, not including, B of it",
}
"""Every form of a piece, and what it is."""


def size_of(piece: Piece) -> int | None:
    """Return how many bytes a piece stands for; None for one that takes what is left."""
    match piece:
        case Literally(content):
            return len(content)
        case Filled(_, size, _):
            return size
        case Integers(width, values):
            return width * len(values)
        case Slice():
            return piece.size


def scan_content(scanner: Scanner, scope: Scope, room: int | None = None) -> tuple[tuple[Piece, ...], int]:
    """Take pieces with `then` between them, and return them with their size.

    With `room` they must fill so many bytes, and the last one may leave its size to be what is left.
    """
    pieces = [_piece(scanner, scope, room)]
    while scanner.skip("then"):
        if size_of(pieces[-1]) is None:
            scanner.fail("only the last piece takes what is left; give the one before `then` a size")
        pieces.append(_piece(scanner, scope, room))
    size = sum(size_of(piece) or 0 for piece in pieces)
    last = pieces[-1]
    if isinstance(last, Filled) and last.size is None and room is not None:
        pieces[-1] = Filled(last.kind, max(room - size, 0), last.seed)
        size = max(size, room)
    if size > LARGEST:
        scanner.fail_whole(f"{size} bytes are too many; a buffer has at most {LARGEST}")
    if room is not None and size != room:
        way_out = "name fewer of them, as NAME[0:5], or end with `then poison`" if size < room else "that is too long"
        scanner.fail_whole(f"{size} bytes for the {room} that are asked about; {way_out}")
    return tuple(pieces), size


def _piece(scanner: Scanner, scope: Scope, room: int | None) -> Piece:
    text = scanner.try_string()
    if text is not None:
        return Literally(text)
    if scanner.skip("hex"):
        return Literally(_hex(scanner))
    for name, width in INTEGERS.items():
        if scanner.skip(name):
            return Integers(width, _integers(scanner, scope, name, width))
    for name in FILLINGS:
        if scanner.skip(name):
            return _filled(scanner, name, room)
    found = scope.try_slice(scanner)
    if found is None:
        scanner.fail(f"a content belongs here: {', '.join(PIECES)}")
    return found


def _hex(scanner: Scanner) -> bytes:
    found = bytearray()
    while (byte := scanner.match(HEX_BYTE)) is not None:
        found += bytes.fromhex(byte[0])
    if not found:
        scanner.fail("bytes in hexadecimal belong here, two digits each")
    return bytes(found)


def _integers(scanner: Scanner, scope: Scope, name: str, width: int) -> tuple[Value, ...]:
    values: list[Value] = []
    start = scanner.at
    while (value := scope.try_value(scanner)) is not None:
        if isinstance(value, Place) and width != 8:
            scanner.at = start
            scanner.fail(f"an address needs qword, not {name}")
        if isinstance(value, Number) and not -(1 << (8 * width - 1)) <= value.value < 1 << (8 * width):
            scanner.at = start
            scanner.fail(f"a {name} has {8 * width} bits")
        values.append(value)
        start = scanner.at
    if not values:
        scanner.fail("at least one number belongs here")
    return tuple(values)


def _filled(scanner: Scanner, name: str, room: int | None) -> Filled:
    size = scanner.try_number()
    if size is None and room is None:
        scanner.fail(f"a size belongs here, as in {name} 64")
    if size is not None and not 0 <= size <= LARGEST:
        scanner.fail_whole(f"a size lies between 0 and {LARGEST}")
    seed = DEFAULT_SEED
    if name == "pattern" and scanner.skip("seed"):
        seed = scanner.number("the seed", 0)
    return Filled(name, size, seed)


def resolve(pieces: Iterable[Piece], contents: Mapping[str, bytes], address_of: Callable[[Value], int]) -> bytes:
    """Return the bytes of a content; `contents` are those of the buffers."""
    return b"".join(_bytes(piece, contents, address_of) for piece in pieces)


def _bytes(piece: Piece, contents: Mapping[str, bytes], address_of: Callable[[Value], int]) -> bytes:
    match piece:
        case Literally(content):
            return content
        case Integers(width, values):
            mask = (1 << (8 * width)) - 1
            return b"".join((address_of(value) & mask).to_bytes(width, "little") for value in values)
        case Slice(buffer, begin, end):
            return contents[buffer][begin:end]
        case Filled("pattern", size, seed):
            return Pattern(seed).read(size or 0)
        case Filled(kind, size, _):
            return bytes([POISON if kind == "poison" else 0]) * (size or 0)
