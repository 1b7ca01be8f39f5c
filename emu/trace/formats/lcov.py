# SPDX-License-Identifier: GPL-2.0-or-later
"""lcov's tracefile: hits by function, by source line, and by part of each `__try` block.

A file is a section of `TN SF FN FNDA FNF FNH BRDA BRF BRH DA LF LH end_of_record` lines, see geninfo(1). A `BRDA:LINE,
BLOCK,BRANCH,TAKEN` is a part of a `__try` block: LINE is where its body begins, BLOCK numbers the blocks of the file in
order of module and address, TAKEN is `-` where the body was never entered, and BRANCH is

0  the body was entered
1  the filter accepted
2  the filter refused; a constant filter has no such branch
3  the `__except` was entered
4  the `__finally` ran because the body ended, or was left by a jump
5  the `__finally` ran because of an unwind

A `__try` with an `__except` has 0 to 3, one with a `__finally` 0, 4 and 5. That a filter continued the execution is no
branch: few filters ever should.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from emu.trace.coverage import Coverage, FileCoverage, coverage

if TYPE_CHECKING:
    from emu.trace.trace import Trace


def write(trace: Trace, stream: TextIO) -> None:
    """Write what a trace reached. Raises OSError."""
    write_coverage(coverage(trace, trace.images), stream)


def write_coverage(covered: Coverage, stream: TextIO) -> None:
    """Write what one or more runs reached. Raises OSError."""
    for file in covered.files:
        stream.writelines(f"{line}\n" for line in _section(file))


def _section(file: FileCoverage) -> Iterator[str]:
    yield "TN:"
    yield f"SF:{file.file}"
    yield from _functions(file)
    yield from _branches(file)
    for line, hits in file.lines.items():
        yield f"DA:{line},{hits}"
    yield f"LF:{len(file.lines)}"
    yield f"LH:{sum(map(bool, file.lines.values()))}"
    yield "end_of_record"


def _functions(file: FileCoverage) -> Iterator[str]:
    """Give the functions that have a name; a file that went into two modules has each once."""
    lines: dict[str, int] = {}
    hits: dict[str, int] = {}
    for function in file.functions:
        if function.is_named:
            lines.setdefault(function.name, function.line)
            called = max(function.hits, int(function.reached))
            hits[function.name] = hits.get(function.name, 0) + called
    for name, line in sorted(lines.items(), key=lambda each: (each[1], each[0])):
        yield f"FN:{line},{name}"
    for name, count in hits.items():
        yield f"FNDA:{count},{name}"
    yield f"FNF:{len(hits)}"
    yield f"FNH:{sum(map(bool, hits.values()))}"


def _branches(file: FileCoverage) -> Iterator[str]:
    found = reached = 0
    for number, each in enumerate(file.try_blocks):
        for part in each.block.parts:
            count = each.counts.of(part)
            found, reached = found + 1, reached + bool(count)
            yield f"BRDA:{each.line},{number},{int(part)},{count if each.counts.entered else '-'}"
    yield f"BRF:{found}"
    yield f"BRH:{reached}"
