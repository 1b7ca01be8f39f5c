# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call passes to a routine, and the exports that stand in for others; each has a text form.

    INTEGER            decimal, 0x…, negative: 8 bytes, two's complement
    user:SIZE          user memory with a pattern      kernel:SIZE    kernel memory with zeroes
    user:=TEXT         the text in UTF-8, no terminator, and kernel:=TEXT
    user:@FILE         the file's bytes, and kernel:@FILE
    NAME=INTEGER       an export that returns the value

`str()` of each gives its canonical form, which reads back as the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from emu.address import ADDRESS_MASK
from emu.campaign.experiment.content import Content, File, Inline, Pattern
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.memory.ram import DEFAULT_SIZE

HalfName: TypeAlias = Literal["user", "kernel"]

_INTEGER: Final = re.compile(r"[+-]?(0[xX][0-9A-Fa-f]+|[0-9]+)", re.ASCII)
_EXPORT: Final = re.compile(r"[A-Za-z_?@$][A-Za-z0-9_?@$]*", re.ASCII)
_LONGEST: Final = 24
"""Characters that hold every number of 64 bits; Python refuses to convert thousands of them."""

_LOWEST: Final = -(1 << 63)
_FORMS: Final = "an integer, user:SIZE, user:=TEXT or user:@FILE, or one of these with kernel:"


@dataclass(frozen=True, slots=True)
class Zeroes:
    """Bytes that are all zero."""

    def read(self, length: int) -> bytes:
        """Return `length` bytes."""
        return bytes(length)


@dataclass(frozen=True, slots=True)
class Integer:
    """A number, as a register takes it."""

    value: int

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Memory:
    """A buffer of its own; the routine gets its address."""

    half: HalfName
    content: Content | Zeroes
    size: int | None
    """In bytes; None: as many as the text or the file has."""

    def __str__(self) -> str:
        match self.content:
            case Inline(content):
                return f"{self.half}:={content.decode('utf-8', 'surrogateescape')}"
            case File(path):
                return f"{self.half}:@{path}"
        return f"{self.half}:{self.size}"

    def read(self) -> bytes:
        """Return what the buffer holds before the call. Raises OSError, `ExperimentError` for more than guest RAM."""
        if isinstance(self.content, Inline):
            return self.content.content
        if isinstance(self.content, File):
            with open(self.content.path, "rb") as file:  # noqa: PTH123 (the name as given, "" included)
                data = file.read(DEFAULT_SIZE + 1)
            if len(data) > DEFAULT_SIZE:
                raise ExperimentError(
                    f"{self}: the file is larger than guest RAM, {DEFAULT_SIZE >> 20} MiB; choose another"
                )
            return data
        return self.content.read(self.size or 0)


Argument: TypeAlias = Integer | Memory


@dataclass(frozen=True, slots=True)
class StubExport:
    """An export that returns a value and does nothing else."""

    name: str
    value: int

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


def parse_argument(text: str) -> Argument:
    """Read an argument of the routine. Raises `ExperimentError`."""
    half, colon, rest = text.partition(":")
    if colon and half in ("user", "kernel"):
        return _memory(text, cast(HalfName, half), rest)
    if _INTEGER.fullmatch(text):
        return Integer(_integer(f"argument {text!r}", text))
    raise ExperimentError(f"argument {text!r}: give {_FORMS}")


def parse_stub(text: str) -> StubExport:
    """Read an export that stands in for another. Raises `ExperimentError`."""
    name, equals, value = text.partition("=")
    if not equals or not _EXPORT.fullmatch(name) or not _INTEGER.fullmatch(value):
        raise ExperimentError(
            f"--stub {text!r}: give NAME=VALUE, a name and the integer that it returns, as in ZwClose=0"
        )
    return StubExport(name, _integer(f"--stub {text!r}", value))


def _memory(text: str, half: HalfName, rest: str) -> Memory:
    if rest.startswith("="):
        return Memory(half, Inline(rest[1:].encode("utf-8", "surrogateescape")), None)
    if rest.startswith("@") and len(rest) > 1:
        return Memory(half, File(rest[1:]), None)
    if not _INTEGER.fullmatch(rest):
        raise ExperimentError(f"argument {text!r}: behind {half}: belongs a size, =TEXT or @FILE")
    size = _integer(f"argument {text!r}", rest)
    if not 0 <= size <= DEFAULT_SIZE:
        raise ExperimentError(f"argument {text!r}: choose a size of 0 to {DEFAULT_SIZE}, all of guest RAM")
    return Memory(half, Pattern() if half == "user" else Zeroes(), size)


def _integer(what: str, text: str) -> int:
    value = ADDRESS_MASK + 1
    if len(text) <= _LONGEST:
        digits = text.lstrip("+-").lower()
        value = int(digits, 16 if digits.startswith("0x") else 10) * (-1 if text.startswith("-") else 1)
    if not _LOWEST <= value <= ADDRESS_MASK:
        raise ExperimentError(f"{what} does not fit 64 bits; choose {_LOWEST} to {ADDRESS_MASK:#x}")
    return value
