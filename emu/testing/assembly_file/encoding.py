# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what lines of a source assembled to with the bytes expected beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from emu.image.dwarf import LineRange
from emu.image.pe import PeImage
from emu.testing.assembly_file.model import ExpectedBytes


def wrong_encodings(
    image: PeImage, ranges: Iterable[LineRange], file: str, expected: Sequence[ExpectedBytes]
) -> Iterator[tuple[ExpectedBytes, list[str]]]:
    """Give the lines whose bytes in the linked image are others. `ranges` are all of the image."""
    found: dict[int, bytearray] = {}
    mapped = image.mapped()
    for each in ranges:
        if each.file == file:
            found.setdefault(each.line, bytearray()).extend(mapped[each.begin : each.end])
    for line in expected:
        bytes_ = bytes(found.get(line.line, b""))
        if not bytes_:
            yield line, ["expected  " + _written(line), "found     nothing: no code comes from this line"]
        elif not _fits(bytes_, line.values):
            yield line, ["expected  " + _written(line), f"found     {bytes_.hex(' ')}"]


def _fits(found: bytes, values: tuple[int | None, ...]) -> bool:
    if len(found) != len(values):
        return False
    return all(value is None or value == byte for byte, value in zip(found, values, strict=True))


def _written(expected: ExpectedBytes) -> str:
    return " ".join("??" if value is None else f"{value:02x}" for value in expected.values)
