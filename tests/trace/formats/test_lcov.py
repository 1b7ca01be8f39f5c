# SPDX-License-Identifier: GPL-2.0-or-later
"""lcov's tracefile, read again with a strict grammar, its sums checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import StringIO

import pytest

from emu.trace.coverage import Coverage, coverage
from emu.trace.formats import lcov
from tests.trace.made import copied
from tests.trace.ways_out import ACCEPTED, CONSTANT, NORMAL, REFUSED, line_of, trace_ways

ORDER = ["TN", "SF", "FN", "FNDA", "FNF", "FNH", "BRDA", "BRF", "BRH", "DA", "LF", "LH"]


@dataclass
class Section:
    """What a file's section holds."""

    file: str = ""
    functions: dict[str, tuple[int, int]] = field(default_factory=dict)
    """name → (line, calls)"""
    branches: dict[tuple[int, int, int], int | None] = field(default_factory=dict)
    """(line, block, branch) → taken"""
    lines: dict[int, int] = field(default_factory=dict)


def read(text: str) -> dict[str, Section]:
    """Read a tracefile, strictly."""
    assert not text or text.endswith("end_of_record\n")
    sections = {}
    for part in text.split("end_of_record\n")[:-1]:
        section = read_section(part.splitlines())
        assert section.file not in sections
        sections[section.file] = section
    return sections


def read_section(rows: list[str]) -> Section:
    """Read a section, and check that its sums are those of its rows."""
    section, lines, calls, sums = Section(), dict[str, int](), dict[str, int](), dict[str, int]()
    keys = [row.partition(":")[0] for row in rows]
    assert keys == sorted(keys, key=ORDER.index)
    for row in rows:
        key, _, rest = row.partition(":")
        match key:
            case "TN":
                assert rest == ""
            case "SF":
                assert re.fullmatch(r"\S+", rest)
                section.file = rest
            case "FN":
                line, name = rest.split(",")
                assert name not in lines
                lines[name] = int(line)
            case "FNDA":
                count, name = rest.split(",")
                calls[name] = int(count)
            case "BRDA":
                line, block, branch, taken = rest.split(",")
                place = int(line), int(block), int(branch)
                assert place not in section.branches
                section.branches[place] = None if taken == "-" else int(taken)
            case "DA":
                line, hits = rest.split(",")
                assert int(line) > max(section.lines, default=0)
                section.lines[int(line)] = int(hits)
            case _:
                assert re.fullmatch(r"\d+", rest)
                sums[key] = int(rest)
    assert lines.keys() == calls.keys()
    section.functions = {name: (lines[name], calls[name]) for name in lines}
    assert sums == {
        "FNF": len(lines),
        "FNH": sum(count > 0 for count in calls.values()),
        "BRF": len(section.branches),
        "BRH": sum(bool(taken) for taken in section.branches.values()),
        "LF": len(section.lines),
        "LH": sum(hits > 0 for hits in section.lines.values()),
    }
    assert {line for line, _, _ in section.branches} <= section.lines.keys()
    assert {line for line, _ in section.functions.values()} <= section.lines.keys()
    return section


def written(covered: Coverage) -> dict[str, Section]:
    stream = StringIO()
    lcov.write_coverage(covered, stream)
    return read(stream.getvalue())


def test_assembly_has_a_hit_count_for_each_line() -> None:
    stream = StringIO()
    lcov.write(copied(b"abcd"), stream)
    (section,) = read(stream.getvalue()).values()
    assert section == Section("copy.S", {"byte_copy": (10, 4)}, {}, {10: 4, 11: 4, 12: 4, 13: 4, 14: 4, 15: 4, 16: 1})


def test_nothing_is_an_empty_file() -> None:
    assert written(Coverage()) == {}


@pytest.mark.parametrize("target", ["msvc", "gnu"])
@pytest.mark.parametrize("optimize", ["0", "2"])
def test_each_part_of_a_try_block_is_a_branch(optimize: str, target: str) -> None:
    finally_block = {0: 1, 4: 0, 5: 0}
    except_block = {0: 1, 1: 0, 2: 0, 3: 0}
    expected = {
        NORMAL: (finally_block | {4: 1}, except_block),
        ACCEPTED: (finally_block | {5: 1}, except_block | {1: 1, 3: 1}),
        REFUSED: (finally_block | {5: 1}, except_block | {2: 1}),
    }
    line = line_of("result = touch(from)")
    for way, parts in expected.items():
        trace = trace_ways(way, optimize=optimize, target=target)
        stream = StringIO()
        lcov.write(trace, stream)
        branches = read(stream.getvalue())["ways_out.c"].branches
        in_function = {place: taken for place, taken in branches.items() if place[0] == line}
        assert in_function == {
            (line, block, branch): taken for block, part in enumerate(parts) for branch, taken in part.items()
        }


def test_a_block_that_was_never_entered_has_no_counts() -> None:
    line = line_of("return touch(from)")
    trace = trace_ways(NORMAL)
    branches = written(coverage(trace, trace.images))["ways_out.c"].branches
    assert {place: taken for place, taken in branches.items() if place[0] == line} == {
        (line, 2, 0): None,
        (line, 2, 1): None,
        (line, 2, 3): None,
    }


def test_the_branches_of_several_runs_are_summed() -> None:
    total = Coverage()
    for way in (NORMAL, ACCEPTED, REFUSED, CONSTANT):
        trace = trace_ways(way)
        total |= coverage(trace, trace.images)
    section = written(total.only("ways_out"))["ways_out.c"]
    assert [*section.branches.values()] == [3, 1, 2, 3, 1, 1, 1, 1, 1, 1]
    assert section.functions["guarded_read"] == (line_of("long guarded_read") + 1, 3)
    assert section.functions["never_called"][1] == 0
    assert section.lines[line_of("return *from;")] == 4


def test_a_file_in_two_modules_has_each_function_once() -> None:
    first, second = coverage(copied(b"ab")), coverage(copied(b"abcd"))
    renamed = Coverage([type(module)(**{**vars(module), "name": "other.sys"}) for module in second.modules])
    (section,) = written(first | renamed).values()
    assert section.functions == {"byte_copy": (10, 6)}
    assert section.lines[10] == 6
