# SPDX-License-Identifier: GPL-2.0-or-later
"""`--emu-cov`: the file, the summary, and what several processes reached together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.plugin_runs import BYTE_LOOP, WITHOUT, run
from tests.trace.formats.test_lcov import Section, read

pytest_plugins = ["pytester"]

TRIES = """
int probe(char *pointer) {
    int result;
    __try {
        result = *(volatile char *)pointer;
    } __except (1) {
        result = -1;
    }
    return result;
}
"""

TESTS = """
    import pytest

    @pytest.mark.emu(smap="off")
    @pytest.mark.parametrize("length", [0, 3])
    def test_copies(machine, guest, length):
        guest.load("my_copy.S")
        source, target = machine.user.alloc(b"abc"), machine.kernel.alloc(3)
        machine.call("my_copy", target, source, length)
        assert target.read(length) == b"abc"[:length]
        with machine.trace("my_copy"):
            machine.call("my_copy", target, source, length)

    @pytest.mark.emu(smap="off")
    def test_probe(machine, guest):
        guest.load("probe.c")
        assert machine.call("probe", machine.user.alloc(b"a")).value == ord("a")
        assert machine.call("probe", 0).value == 0xFFFFFFFF
"""


def sections(file: Path) -> dict[str, Section]:
    return read(file.read_text())


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    (pytester.path / "probe.c").write_text(TRIES)
    return pytester


def check(suite: pytest.Pytester, file: Path) -> None:
    found = sections(file)
    copy, probe = str(suite.path / "my_copy.S"), str(suite.path / "probe.c")
    assert sorted(found) == [copy, probe]
    assert found[copy].lines == {5: 4, 6: 4, 7: 6, 8: 6, 9: 6, 10: 6, 11: 6, 12: 6, 13: 4}
    assert found[copy].functions == {"my_copy": (5, 4)}
    assert {branch: taken for (_, _, branch), taken in found[probe].branches.items()} == {0: 2, 1: 1, 3: 1}


def test_writes_lines_functions_and_try_parts_of_all_tests(suite: pytest.Pytester) -> None:
    result = run(suite, TESTS, "--emu-cov=lcov.info", my_copy=BYTE_LOOP)
    result.assert_outcomes(passed=3)
    check(suite, suite.path / "lcov.info")
    result.stdout.fnmatch_lines(
        [
            "*= coverage of guest code =*",
            "  file *lines *functions *__try parts",
            "  my_copy.S *9 of 9 *100% *1 of 1*",
            "  probe.c *100% *1 of 1 *3 of 3",
            "written to lcov.info",
        ]
    )


def test_adds_up_over_the_workers_of_xdist(suite: pytest.Pytester) -> None:
    suite.makepyfile(TESTS)
    (suite.path / "my_copy.S").write_text(BYTE_LOOP)
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "-n2", "--emu-cov=lcov.info")
    result.assert_outcomes(passed=3)
    check(suite, suite.path / "lcov.info")
    result.stdout.fnmatch_lines(["  my_copy.S *9 of 9 *100%*"])


def test_a_worker_that_dies_is_named(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        TESTS
        + """
    def test_dies():
        import os
        os._exit(3)
"""
    )
    (suite.path / "my_copy.S").write_text(BYTE_LOOP)
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "-n1", "--emu-cov=lcov.info")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["worker gw0 ended without a word of what its tests reached"])


def test_what_was_not_reached_is_told(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_copies(machine, guest):
            guest.load("my_copy.S")
            machine.call("my_copy", 0, 0, 0)
        """,
        "--emu-cov=lcov.info",
        my_copy=BYTE_LOOP,
    )
    result.stdout.fnmatch_lines(["  my_copy.S *3 of 9 *33%*", "Not reached of my_copy.S", "  lines 7-12"])


def test_a_sweep_counts(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from emu.testing import sweep

        def test_it():
            sweep("my_copy", image="my_copy.S", lengths="0-4", profiles="nehalem")
        """,
        "--emu-cov=lcov.info",
        my_copy=BYTE_LOOP,
    )
    result.assert_outcomes(passed=1)
    assert sections(pytester.path / "lcov.info")[str(pytester.path / "my_copy.S")].lines[8] == 0 + 1 + 2 + 3 + 4


def test_files_of_one_name_stay_apart(pytester: pytest.Pytester) -> None:
    for name, length in (("one", 0), ("two", 1)):
        directory = pytester.mkdir(name)
        (directory / "my_copy.S").write_text(BYTE_LOOP + ((length and "    nop\n") or ""))
        (directory / f"test_{name}.py").write_text(
            "import pytest\n"
            "@pytest.mark.emu(smap='off')\n"
            "def test_it(machine, guest):\n"
            "    guest.load('my_copy.S')\n"
            f"    machine.call('my_copy', machine.kernel.alloc(1), machine.user.alloc(1), {length})\n"
        )
    pytester.runpytest_inprocess(*WITHOUT, "--emu-cov=lcov.info").assert_outcomes(passed=2)
    found = sections(pytester.path / "lcov.info")
    assert {Path(file).parent.name: section.lines[7] for file, section in found.items()} == {"one": 0, "two": 1}


def test_modules_can_be_chosen(pytester: pytest.Pytester) -> None:
    test = """
        def test_it(machine, guest):
            guest.load("my_copy.S")
            machine.call("CopyFromUser", 0, 0, 0)
            machine.load(guest.build_text(".globl f\\nf: ret\\n"))
            machine.call("f")
        """
    chosen = ("--emu-cov-module=umaccess", "--emu-cov-module=nothing")
    result = run(pytester, test, "--emu-cov=lcov.info", *chosen, my_copy=BYTE_LOOP)
    names = {Path(file).name for file in sections(pytester.path / "lcov.info")}
    assert {"copy.inc", "initialize.S", "raise.inc", "typed.S"} < names
    assert not names & {"my_copy.S", "guarded_call.S"}
    result.stdout.fnmatch_lines(
        [
            "--emu-cov-module nothing: no test ran code of it; there are my_copy, ntoskrnl, umaccess",
            "code that is built from text in a test has no file, and is left out",
        ]
    )


def test_without_code_of_its_own_it_is_of_all(pytester: pytest.Pytester) -> None:
    run(pytester, "def test_it(machine): machine.call('KeGetCurrentIrql')", "--emu-cov=lcov.info")
    names = {Path(file).name for file in sections(pytester.path / "lcov.info")}
    assert {"copy.inc", "guarded_call.S"} <= names


def test_without_tests_it_is_empty(pytester: pytest.Pytester) -> None:
    run(pytester, "def test_it(): pass", "--emu-cov=lcov.info").assert_outcomes(passed=1)
    assert (pytester.path / "lcov.info").read_text() == ""


def test_a_file_that_cannot_be_written(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it(): pass", "--emu-cov=nowhere/lcov.info")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --emu-cov nowhere/lcov.info: there is no directory for it"])
    pytester.mkdir("lcov.info")
    result = run(pytester, "def test_it(): pass", "--emu-cov=lcov.info")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*lcov.info is a directory; give the name of a file"])
