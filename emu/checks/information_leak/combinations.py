# SPDX-License-Identifier: GPL-2.0-or-later
"""What the result of an operation has of what went into it, byte by byte.

A shadow has a number for each byte, the lowest first: 0 where it is initialised, else the number of its origin. A
result's byte is initialised where no byte of an origin can change it. That is exact for moves and for whole bytes of
bitwise operations; of others too much is taken to be uninitialised, never too little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Shadow: TypeAlias = bytes
Combination: TypeAlias = Callable[..., Shadow]
"""Takes the shadows of the sources, each of the result's size, but for those that say otherwise."""


def clean(size: int) -> Shadow:
    """Return the shadow of initialised bytes."""
    return bytes(size)


def move(source: Shadow) -> Shadow:
    """Of a move."""
    return source


def either(*sources: Shadow) -> Shadow:
    """Of a bitwise operation: each byte is made of those in its place."""
    return bytes(next((number for number in column if number), 0) for column in zip(*sources, strict=True))


def both(*sources: Shadow) -> Shadow:
    """Of a choice: a byte counts as uninitialised where it is in every source, as which one was chosen is not known."""
    return bytes(column[0] if all(column) else 0 for column in zip(*sources, strict=True))


def upwards(*sources: Shadow) -> Shadow:
    """Of an addition and the like: from the lowest uninitialised byte on, all are."""
    found = [(at, number) for source in sources for at, number in enumerate(source) if number]
    size = len(sources[0])
    if not found:
        return bytes(size)
    lowest, number = min(found)
    return bytes(lowest) + bytes((number,)) * (size - lowest)


def everywhere(size: int) -> Combination:
    """Of whatever else: one uninitialised byte makes all so. The sources may have other sizes."""

    def combine(*sources: Shadow) -> Shadow:
        number = next((number for source in sources for number in source if number), 0)
        return bytes((number,)) * size

    return combine


def masked(mask: bytes) -> Combination:
    """Of `and` with a constant: a byte that it clears is initialised."""
    return lambda source: bytes(number if kept else 0 for number, kept in zip(source, mask, strict=True))


def filled(mask: bytes) -> Combination:
    """Of `or` with a constant: a byte all of whose bits it sets is initialised."""
    return lambda source: bytes(0 if given == 0xFF else number for number, given in zip(source, mask, strict=True))


def sign_extended(size: int) -> Combination:
    """Of a move that repeats the sign bit in the bytes above."""
    return lambda source: source + source[-1:] * (size - len(source))


def zero_extended(size: int) -> Combination:
    """Of a move with zeroes above."""
    return lambda source: source + bytes(size - len(source))


def shifted_left(bits: int) -> Combination:
    """Of a shift by a constant."""
    whole, part = divmod(bits, 8)

    def combine(source: Shadow) -> Shadow:
        size = len(source)
        moved = (bytes(whole) + source)[:size]
        return either(moved, (bytes(1) + moved)[:size]) if part else moved

    return combine


def shifted_right(bits: int, *, signed: bool = False) -> Combination:
    """Of a shift by a constant, with zeroes or the sign bit from above."""
    whole, part = divmod(bits, 8)

    def combine(source: Shadow) -> Shadow:
        size = len(source)
        above = (source[-1:] if signed else bytes(1)) * (size + 1)
        moved = (source[whole:] + above)[: size + 1]
        return either(moved[:size], moved[1 : size + 1]) if part else moved[:size]

    return combine


def rotated_left(bits: int) -> Combination:
    """Of a rotation by a constant."""

    def combine(source: Shadow) -> Shadow:
        size = len(source)
        whole, part = divmod(bits % (8 * size), 8)
        moved = source[size - whole :] + source[: size - whole]
        return either(moved, moved[-1:] + moved[:-1]) if part else moved

    return combine


def reversed_bytes(source: Shadow) -> Shadow:
    """Of `bswap`."""
    return source[::-1]


def shuffled(order: tuple[int, ...], width: int) -> Combination:
    """Of a move of units of bytes: unit k of the result is unit `order[k]` of the sources, one behind the other."""

    def combine(*sources: Shadow) -> Shadow:
        together = b"".join(sources)
        return b"".join(together[unit * width : unit * width + width] for unit in order)

    return combine
