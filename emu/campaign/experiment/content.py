# SPDX-License-Identifier: GPL-2.0-or-later
"""What a source buffer holds, and the text form of that in a replay id."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from emu.campaign.experiment.experiment_error import ExperimentError

MAXIMUM_INLINE: Final = 4096
"""Bytes that a replay id carries itself; larger content is named by its file."""

DEFAULT_SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Pattern:
    """Bytes made from a seed: SHAKE256 (FIPS 202) of the seed's decimal digits, so that every prefix is stable."""

    seed: int = DEFAULT_SEED

    def read(self, length: int) -> bytes:
        """Return the first `length` bytes."""
        return hashlib.shake_256(str(self.seed).encode()).digest(length)

    def describe(self) -> str:
        """Return what it is, for people."""
        return f"pattern {self.seed}"

    def __str__(self) -> str:
        return str(self.seed)


@dataclass(frozen=True, slots=True)
class Inline:
    """The bytes themselves."""

    content: bytes

    def read(self, length: int) -> bytes:
        """Return the first `length` bytes. Raises `ExperimentError` where there are fewer."""
        return _exactly(length, self.content, "the data")

    def describe(self) -> str:
        """Return what it is, for people."""
        return f"{len(self.content)} given bytes"

    def __str__(self) -> str:
        return f"0x{self.content.hex()}"


@dataclass(frozen=True, slots=True)
class File:
    """The bytes of a file, read when the experiment runs."""

    path: str

    def read(self, length: int) -> bytes:
        """Return the first `length` bytes. Raises `ExperimentError` where there are fewer, OSError."""
        with Path(self.path).open("rb") as file:
            return _exactly(length, file.read(length), f"file {self.path}")

    def describe(self) -> str:
        """Return what it is, for people."""
        return f"file {self.path}"

    def __str__(self) -> str:
        return f"@{self.path}"


Content: TypeAlias = Pattern | Inline | File


def _exactly(length: int, content: bytes, what: str) -> bytes:
    if len(content) < length:
        raise ExperimentError(f"length {length} is more than {what} has ({len(content)} bytes); choose that or less")
    return content[:length]


def parse_content(text: str) -> Content:
    """Read the text form: a seed, `0x…` for the bytes themselves, `@file`. Raises `ExperimentError`."""
    if text.startswith("@") and len(text) > 1:
        return File(text[1:])
    try:
        if text.startswith("0x"):
            return Inline(bytes.fromhex(text[2:]))
        if text.isdecimal() and text.isascii():
            return Pattern(int(text))
    except ValueError:
        pass
    raise ExperimentError(f"data={text}: give a seed (a number), 0x and the bytes in hexadecimal, or @file")
