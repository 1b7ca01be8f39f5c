# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs reached: lines, functions, `__try` blocks, and the sums of several runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Machine, Returned
from emu.address import Gva
from emu.trace import StoredSource
from emu.trace.coverage import Coverage, coverage
from emu.trace.layout import EventKind
from tests.trace.made import BASE, copied
from tests.trace.ways_out import ACCEPTED, NORMAL, REFUSED, line_of, trace_ways


def of_program(covered: Coverage) -> Coverage:
    """Return the coverage of the program without that of the kernel."""
    return covered.only("ways_out")


def test_without_an_image_there_is_what_ran() -> None:
    covered = coverage(copied(b"abcd"))
    (file,) = covered.files
    assert file.file == "copy.S"
    assert file.lines == {10: 4, 11: 4, 12: 4, 13: 4, 14: 4, 15: 4, 16: 1}
    (function,) = file.functions
    assert (function.name, function.hits, function.reached, function.line) == ("byte_copy", 4, True, 10)
    assert file.try_blocks == ()


def test_a_retry_is_no_second_hit_but_a_fault_is_one() -> None:
    assert coverage(copied(b"abcd", fault_at=2)).files == coverage(copied(b"abcd")).files
    assert coverage(copied(b"abcd", fault_at=2, retried=False)).files[0].lines[10] == 3


def test_code_outside_every_module_is_left_out() -> None:
    trace = copied(b"ab")
    source = trace._source
    assert isinstance(source, StoredSource)
    source.modules = (trace.modules[0]._replace(base=Gva(BASE + 0x100)),)
    assert coverage(trace).files == ()


@given(st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=4))
def test_the_coverage_of_runs_is_their_sum(contents: list[bytes]) -> None:
    runs = [coverage(copied(content)) for content in contents]
    forwards, backwards = Coverage(), Coverage()
    for run in runs:
        forwards, backwards = forwards | run, run | backwards
    assert forwards.files == backwards.files
    assert forwards.files[0].lines[10] == sum(map(len, contents))
    assert forwards.modules[0].blocks() == runs[0].modules[0].blocks()
    assert Coverage((*runs[0].modules, *Coverage().modules)).files == runs[0].files


def test_coverage_is_joined_with_coverage_only() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        Coverage() | 1


def test_with_an_image_there_is_what_did_not_run() -> None:
    trace = trace_ways(NORMAL, optimize="0")
    (file,) = [file for file in coverage(trace, trace.images).files if file.file == "ways_out.c"]
    functions = {function.name: (function.hits, function.reached) for function in file.functions if function.is_named}
    assert functions == {
        "answer_with": (0, False),
        "touch": (1, True),
        "guarded_read": (1, True),
        "always_taken": (0, False),
        "never_called": (0, False),
    }
    assert file.lines[line_of("return finally_ran;")] == 0
    assert file.lines[line_of("return *from;")] == 1
    assert file.lines[line_of("finally_ran + 1")] == 1


@pytest.mark.parametrize("target", ["msvc", "gnu"])
@pytest.mark.parametrize("optimize", ["0", "1", "2"])
def test_every_way_out_of_a_try_block_is_told_apart(optimize: str, target: str) -> None:
    total = Coverage()
    found = []
    for way in (NORMAL, ACCEPTED, REFUSED):
        trace = trace_ways(way, optimize=optimize, target=target)
        run = of_program(coverage(trace, trace.images))
        total |= run
        found.append([each.counts for each in run.modules[0].try_blocks() if each.function == "guarded_read"])
    assert [[*map(tuple, counts)] for counts in found] == [
        # entered, accepted, refused, continued, excepted, normal, abnormal
        [(1, 0, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, 0, 0)],
        [(1, 0, 0, 0, 0, 0, 1), (1, 1, 0, 0, 1, 0, 0)],
        [(1, 0, 0, 0, 0, 0, 1), (1, 0, 1, 0, 0, 0, 0)],
    ]
    both = [each.counts for each in total.modules[0].try_blocks() if each.function == "guarded_read"]
    assert [*map(tuple, both)] == [(3, 0, 0, 0, 0, 1, 2), (3, 1, 1, 0, 1, 0, 0)]


def test_the_kernel_s_own_try_block_is_the_constant_one() -> None:
    trace = trace_ways(NORMAL, REFUSED, REFUSED)
    (kernel,) = coverage(trace, trace.images).only("ntoskrnl").modules
    (block,) = kernel.try_blocks()
    assert (block.function, block.block.has_filter) == ("KiGuardedCall", False)
    assert block.counts._asdict() == {
        **dict.fromkeys(("refused", "continued", "normal", "abnormal"), 0),
        "entered": 3,
        "accepted": 2,
        "excepted": 2,
    }


def test_an_image_at_two_bases_is_one_module() -> None:
    trace = trace_ways(NORMAL)
    covered = of_program(coverage(trace, trace.images))
    (module,) = covered.modules
    moved = Coverage([type(module)(**{**vars(module), "base": module.base + 0x10000})])
    (joined,) = (covered | moved).modules
    assert {rva: each.hits for rva, each in joined.instructions.items()} == {
        rva: 2 * each.hits for rva, each in module.instructions.items()
    }


def test_the_summary_names_modules_and_blocks() -> None:
    trace = trace_ways(NORMAL, REFUSED)
    lines = str(of_program(coverage(trace, trace.images))).splitlines()
    assert lines[0].split() == ["module", "instructions", "blocks", "functions", "lines", "__try", "parts"]
    assert lines[1].split()[0] == "ways_out"
    assert lines[1].split()[-1] == "5/10"
    line = line_of("result = touch(from)")
    assert f"ways_out!guarded_read (ways_out.c:{line}) __try/__finally: body 2, normal 1, abnormal 1" in lines
    assert f"ways_out!guarded_read (ways_out.c:{line}) __try/__except: body 2, accepted 0, refused 1, except 0" in lines


@pytest.mark.parametrize("profile", ["nehalem", "skylake-server"])
def test_a_page_in_changes_no_count(profile: str) -> None:
    found = []
    for paged_out in (False, True):
        with Machine(profile) as machine:
            source, target = machine.user.alloc(bytes(range(200))), machine.kernel.alloc(200)
            if paged_out:
                machine.user.page_out(source)
            with machine.trace() as trace:
                assert isinstance(machine.call("CopyFromUser", target, source, 200), Returned)
            covered = coverage(trace, trace.images)
            assert (EventKind.PagedIn in trace.events["kind"]) == paged_out
            found.append((covered.files, [module.blocks() for module in covered.modules]))
    assert found[0] == found[1]
