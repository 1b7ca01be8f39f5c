# SPDX-License-Identifier: GPL-2.0-or-later
"""How bytes of a buffer differ from those expected, to be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

ROW: Final = 16
_RANGES: Final = 8
"""Runs of differing bytes that are listed."""


def describe_difference(name: str, first: int, expected: bytes, found: bytes, before: bytes) -> list[str]:
    """Say which bytes differ, and show the row of 16 bytes with the first of them.

    All three are bytes `first` and following of the buffer `name`, and as many.
    """
    wrong = [at for at in range(len(expected)) if expected[at] != found[at]]
    at = wrong[0]
    fate = ", as before the call" if found[at] == before[at] else ""
    lines = [f"byte {first + at} of {name} is {found[at]:02x}{fate}, not {expected[at]:02x}"]
    if len(wrong) > 1:
        runs = list(islice(describe_runs(first + at for at in wrong), _RANGES + 1))
        more = ", …" if len(runs) > _RANGES else ""
        lines.append(f"{len(wrong)} of {len(expected)} bytes differ: {', '.join(runs[:_RANGES])}{more}")
    row = at - at % ROW
    lines.append(f"expected  {_row(name, first + row, expected[row : row + ROW])}")
    lines.append(f"found     {_row(name, first + row, found[row : row + ROW])}")
    return lines


def describe_runs(numbers: Iterable[int]) -> Iterator[str]:
    """Return neighbouring numbers as one, "3" or "5 to 9"."""
    begin = end = None
    for number in numbers:
        if begin is not None and end is not None and number != end + 1:
            yield _run(begin, end)
            begin = None
        begin = number if begin is None else begin
        end = number
    if begin is not None and end is not None:
        yield _run(begin, end)


def _run(begin: int, end: int) -> str:
    return str(begin) if begin == end else f"{begin} to {end}"


def _row(name: str, at: int, content: bytes) -> str:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in content)
    return f"{name}+{at:<5} {content.hex(' '):{ROW * 3 - 1}}  |{text}|"
