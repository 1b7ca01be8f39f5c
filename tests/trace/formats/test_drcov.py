# SPDX-License-Identifier: GPL-2.0-or-later
"""drcov, read again with a parser of its own."""

from __future__ import annotations

import re
import struct
from io import BytesIO
from typing import NamedTuple

from emu.trace.coverage import Coverage, coverage
from emu.trace.formats import drcov
from tests.trace.made import BASE, copied
from tests.trace.ways_out import ACCEPTED, NORMAL, REFUSED, trace_ways

MODULE = re.compile(r" *(\d+), (0x[0-9a-f]{16}), (0x[0-9a-f]{16}), (0x[0-9a-f]{16}), (\S.*)")


class Read(NamedTuple):
    """What a file holds."""

    modules: list[tuple[int, int, int, str]]
    """base, end, entry, path"""
    blocks: list[tuple[int, int, int]]
    """module, offset, size"""


def read(data: bytes) -> Read:
    """Read a file, strictly."""

    def line() -> str:
        nonlocal data
        text, separator, data = data.partition(b"\n")
        assert separator
        return text.decode("ascii")

    assert line() == "DRCOV VERSION: 2"
    assert re.fullmatch(r"DRCOV FLAVOR: \S+", line())
    header = re.fullmatch(r"Module Table: version 2, count (\d+)", line())
    assert header
    assert line() == "Columns: id, base, end, entry, path"
    modules = []
    for number in range(int(header[1])):
        row = MODULE.fullmatch(line())
        assert row
        assert int(row[1]) == number
        modules.append((int(row[2], 16), int(row[3], 16), int(row[4], 16), row[5]))
    table = re.fullmatch(r"BB Table: (\d+) bbs", line())
    assert table
    assert len(data) == 8 * int(table[1])
    blocks = [(module, offset, size) for offset, size, module in struct.iter_unpack("<IHH", data)]
    for module, offset, size in blocks:
        base, end, _, _ = modules[module]
        assert size > 0
        assert base + offset + size <= end
    return Read(modules, blocks)


def test_a_loop_is_two_blocks_of_its_module() -> None:
    stream = BytesIO()
    drcov.write(copied(b"abcd"), stream)
    found = read(stream.getvalue())
    assert found.modules == [(BASE - 0x1000, BASE + 0x2000, 0, "copy.sys")]
    assert found.blocks == [(0, 0x1000, 16), (0, 0x1010, 1)]


def test_no_run_is_no_block() -> None:
    stream = BytesIO()
    drcov.write_coverage(Coverage(), stream)
    assert read(stream.getvalue()) == Read([], [])


def test_a_real_trace_has_the_blocks_that_it_ran() -> None:
    trace = trace_ways(NORMAL, ACCEPTED, REFUSED)
    stream = BytesIO()
    drcov.write(trace, stream)
    found = read(stream.getvalue())
    assert [path for _, _, _, path in found.modules] == ["ntoskrnl.exe", "umaccess.sys", "ways_out.sys"]
    ran = {
        address
        for rip, size in zip(trace.instructions["rip"].tolist(), trace.instructions["size"].tolist(), strict=True)
        for address in range(rip, rip + size)
    }
    assert ran == {
        found.modules[module][0] + offset + byte for module, offset, size in found.blocks for byte in range(size)
    }


def test_runs_are_written_together() -> None:
    trace = trace_ways(NORMAL)
    other = trace_ways(REFUSED)
    both, one = BytesIO(), BytesIO()
    drcov.write_coverage(coverage(trace, trace.images) | coverage(other, other.images), both)
    drcov.write(trace, one)
    assert set(read(both.getvalue()).blocks) > set(read(one.getvalue()).blocks)
