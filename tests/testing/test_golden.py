# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden traces: accepted, compared, and what is said where they differ."""

from __future__ import annotations

from pathlib import Path

import pytest

# pytester forgets what was imported in its runs alone, and NumPy cannot be imported twice.
import emu.testing.calls_trace
import emu.testing.report  # noqa: F401
from emu.trace import load
from tests.testing.plugin_runs import BYTE_LOOP, WITHOUT

pytest_plugins = ["pytester"]

TEST = """
import pytest

@pytest.mark.emu(profile="nehalem")
def test_copies(machine, guest, trace, golden):
    guest.load("my_copy.S")
    source, target = machine.user.alloc(b"hello", name="source"), machine.kernel.alloc(8, name="target")
    machine.call("my_copy", target, source, 5)
    assert trace == golden("five-bytes")
"""
UPDATE = "--emu-update"


def write(pytester: pytest.Pytester, test: str = TEST, routine: str = BYTE_LOOP) -> Path:
    """Write the routine and its test, and return where its golden trace is to be."""
    (pytester.path / "my_copy.S").write_text(routine)
    (pytester.path / "test_copy.py").write_text(test)
    return pytester.path / "golden" / "five-bytes.trace"


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*WITHOUT, *arguments)


def test_a_missing_one_fails_and_says_how_to_accept(pytester: pytest.Pytester) -> None:
    path = write(pytester)
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*there is no golden trace golden/five-bytes.trace",
            "*run this test with --emu-update to accept the trace as it is now, and add the file to your repository",
        ]
    )
    assert not path.exists()


def test_an_accepted_one_holds_until_the_routine_changes(pytester: pytest.Pytester) -> None:
    path = write(pytester)
    run(pytester, UPDATE).assert_outcomes(passed=1)
    assert len(load(path)) > 30
    run(pytester).assert_outcomes(passed=1)
    accepted = path.read_bytes()

    write(pytester, routine=BYTE_LOOP.replace("2:  ret", "2:  nop\n    ret"))
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*this is not the golden trace golden/five-bytes.trace",
            "*the traces differ from instruction 33 on: * ret in the first, * nop in the second",
            "*if that is meant: run this test with --emu-update to accept the trace as it is now",
            "*golden trace*",
            "golden/five-bytes.trace, then the trace as it is",
            "+      33 *nop*",
        ]
    )
    assert path.read_bytes() == accepted
    run(pytester, UPDATE).assert_outcomes(passed=1)
    run(pytester).assert_outcomes(passed=1)


def test_where_things_lie_does_not_matter(pytester: pytest.Pytester) -> None:
    write(pytester)
    run(pytester, UPDATE).assert_outcomes(passed=1)
    write(pytester, TEST.replace("    source,", "    machine.user.alloc(8), machine.kernel.alloc(8192)\n    source,"))
    run(pytester).assert_outcomes(passed=1)
    write(pytester, TEST.replace('b"hello"', 'b"hullo"'))
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*reads source+1 = 0x65 'e' in the first, reads source+1 = 0x75 'u' in the second"])


def test_either_side(pytester: pytest.Pytester) -> None:
    test = TEST.replace("assert trace == golden(", "assert golden(") + " == trace\n"
    write(pytester, test.replace(")\n == trace", ") == trace"))
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*there is no golden trace golden/five-bytes.trace"])
    run(pytester, UPDATE).assert_outcomes(passed=1)
    run(pytester).assert_outcomes(passed=1)


def test_a_trace_of_a_with_block(pytester: pytest.Pytester) -> None:
    test = TEST.replace(", trace,", ",").replace("    machine.call", "    with machine.trace() as trace: machine.call")
    path = write(pytester, test)
    run(pytester, UPDATE).assert_outcomes(passed=1)
    assert path.exists()
    run(pytester).assert_outcomes(passed=1)


def test_a_damaged_file(pytester: pytest.Pytester) -> None:
    path = write(pytester)
    path.parent.mkdir()
    path.write_bytes(b"no trace")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the golden trace cannot be read: *five-bytes.trace*"])
    run(pytester, UPDATE).assert_outcomes(passed=1)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "ä"])
def test_a_name_is_no_path(pytester: pytest.Pytester, name: str) -> None:
    pytester.makepyfile(f"def test_it(golden): golden({name!r})")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ValueError: golden trace *: a name has letters, digits and _*"])


def test_what_is_no_trace_is_not_equal(pytester: pytest.Pytester) -> None:
    path = write(pytester, TEST.replace("assert trace == ", "assert 5 == "))
    result = run(pytester, UPDATE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 5 == <golden trace golden/five-bytes.trace>*"])
    assert not path.exists()


def test_two_tests_with_one_name(pytester: pytest.Pytester) -> None:
    other = TEST.replace("test_copies", "test_others")
    write(pytester, TEST + other)
    run(pytester, UPDATE).assert_outcomes(passed=2)
    write(pytester, TEST + other.replace("5)", "4)"))
    result = run(pytester, UPDATE)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["five-bytes.trace: test_copy.py::test_copies has written another trace to it; give each its own name"]
    )


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_unused_ones_are_listed(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    path = write(pytester)
    path.parent.mkdir()
    path.with_name("old.trace").write_bytes(b"")
    path.with_name("notes.txt").write_bytes(b"")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", UPDATE, *workers)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*golden traces that no test of this run asked for*",
            "golden/old.trace",
            "delete them if every test that has a golden trace was run",
        ]
    )
    result.stdout.no_fnmatch_line("golden/five-bytes.trace")
    assert path.exists()
    result = run(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*old.trace*")


def test_the_difference_reaches_the_report_of_a_worker(pytester: pytest.Pytester) -> None:
    write(pytester)
    run(pytester, UPDATE).assert_outcomes(passed=1)
    write(pytester, TEST.replace('b"hello"', 'b"hullo"'))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "1")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["golden/five-bytes.trace, then the trace as it is"])
