# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks in pytest: what is found fails a test unless it expects it, and suppressions are counted."""

from __future__ import annotations

import pytest

from tests.testing.plugin_runs import BYTE_LOOP, run

pytest_plugins = ["pytester"]

PEEK = """\
    .intel_syntax noprefix
    .text
    .globl peek
peek:
    mov     eax, [rcx]
    ret
"""

READS = """
import pytest

@pytest.mark.emu(profile="nehalem"{marker})
def test_reads(machine, guest):
    guest.load("peek.S")
    source = machine.user.alloc(b"user", name="source")
    machine.call("peek", source)
{more}
"""


def reads(marker: str = "", more: str = "") -> str:
    return READS.format(marker=f", {marker}" if marker else "", more=more)


def suppressed(*symbols: str, select: str = "direct-user-access,irql") -> str:
    tables = "".join(
        f"[[tool.umaccess-emu.checks.suppress]]\n"
        f'check = "direct-user-access"\nsymbol = "{symbol}"\nreason = "because"\n'
        for symbol in symbols
    )
    return f'[tool.umaccess-emu.checks]\nselect = "{select}"\n{tables}'


class TestFindings:
    def test_nothing_is_checked_unless_asked_for(self, pytester: pytest.Pytester) -> None:
        run(pytester, reads(), peek=PEEK).assert_outcomes(passed=1)

    def test_a_finding_fails_the_test(self, pytester: pytest.Pytester) -> None:
        result = run(pytester, reads(), "--emu-checks=direct-user-access", peek=PEEK)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                "1 finding in the calls of this test:",
                "direct-user-access: reads user memory without an accessor",
                "  at peek!peek `mov eax, dword ptr [[]rcx]` (peek.S:5)",
                "  touching byte 0 of source (4 bytes), 4 bytes",
                "*last call on nehalem*",
                "emu replay peek/*",
            ]
        )

    def test_what_is_found_before_a_reset_counts(self, pytester: pytest.Pytester) -> None:
        result = run(pytester, reads(more="    machine.reset()"), "--emu-checks=default", peek=PEEK)
        result.assert_outcomes(failed=1)

    def test_a_failing_test_fails_for_its_own_reason(self, pytester: pytest.Pytester) -> None:
        result = run(pytester, reads(more="    assert 0, 'of its own'"), "--emu-checks=default", peek=PEEK)
        result.assert_outcomes(failed=1)
        result.stdout.no_fnmatch_line("*in the calls of this test*")

    def test_others_are_not_looked_for(self, pytester: pytest.Pytester) -> None:
        run(pytester, reads(), "--emu-checks=irql,overlap", peek=PEEK).assert_outcomes(passed=1)

    def test_a_test_of_the_next_machine_is_clean(self, pytester: pytest.Pytester) -> None:
        source = (
            reads(marker="finds='direct-user-access'") + '\n\ndef test_next(machine):\n    machine.call("strlen", 0)\n'
        )
        source = source.replace("def test_next", '@pytest.mark.emu(profile="nehalem")\ndef test_next')
        run(pytester, source, "--emu-checks=irql", peek=PEEK).assert_outcomes(passed=2)

    def test_a_trace_of_the_test_is_looked_at(self, pytester: pytest.Pytester) -> None:
        source = reads().replace("machine, guest", "machine, guest, trace")
        run(pytester, source, "--emu-checks=default", peek=PEEK).assert_outcomes(failed=1)

    def test_a_trace_of_a_call_is_looked_at(self, pytester: pytest.Pytester) -> None:
        source = reads().replace(
            '    machine.call("peek", source)',
            '    with machine.trace() as trace:\n        machine.call("peek", source)\n    assert len(trace)',
        )
        run(pytester, source, "--emu-checks=default", peek=PEEK).assert_outcomes(failed=1)

    def test_findings_can_be_asked_for(self, pytester: pytest.Pytester) -> None:
        more = "    (found,) = machine.findings\n    assert found.where.function == 'peek!peek'"
        result = run(pytester, reads("finds='direct-user-access'", more), peek=PEEK)
        result.assert_outcomes(passed=1)

    def test_a_copy_of_ones_own_is_an_accessor(self, pytester: pytest.Pytester) -> None:
        source = """
import pytest
from emu.testing import assert_copies

@pytest.mark.emu(profile="nehalem")
def test_it(machine, guest):
    guest.load("my_copy.S")
    assert_copies(machine, "my_copy", 9, faults=["none@src+5"])
"""
        run(pytester, source, "--emu-checks=default", my_copy=BYTE_LOOP).assert_outcomes(passed=1)


class TestMarker:
    @pytest.mark.parametrize("marker", ["finds='direct-user-access'", "finds=['direct-user-access']"])
    def test_an_expected_finding(self, pytester: pytest.Pytester, marker: str) -> None:
        run(pytester, reads(marker), peek=PEEK).assert_outcomes(passed=1)

    def test_one_that_does_not_come(self, pytester: pytest.Pytester) -> None:
        result = run(pytester, reads("finds=['direct-user-access', 'irql']"), peek=PEEK)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["@pytest.mark.emu(finds='irql'): irql has found nothing"])

    def test_checks_of_one_test(self, pytester: pytest.Pytester) -> None:
        run(pytester, reads("checks='all'"), peek=PEEK).assert_outcomes(failed=1)
        run(pytester, reads("checks=[]"), "--emu-checks=all", peek=PEEK).assert_outcomes(passed=1)

    @pytest.mark.parametrize(
        ("marker", "message"),
        [
            ("finds='dubble-fetch'", "there is no check 'dubble-fetch'; *`emu checks` lists them"),
            ("finds=3", "finds=3: give the name of a check, or a list of them"),
            ("checks=['x']", "there is no check 'x'; `emu checks` lists them"),
        ],
    )
    def test_a_mistake(self, pytester: pytest.Pytester, marker: str, message: str) -> None:
        result = run(pytester, reads(marker), peek=PEEK)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([f"@pytest.mark.emu: {message}"])


class TestSuppressions:
    def test_selected_and_suppressed(self, pytester: pytest.Pytester) -> None:
        (pytester.path / "pyproject.toml").write_text(suppressed("peek"))
        result = run(pytester, reads(), peek=PEEK)
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*is not used")

    def test_one_that_is_not_used(self, pytester: pytest.Pytester) -> None:
        (pytester.path / "pyproject.toml").write_text(suppressed("peek", "poke!*"))
        result = run(pytester, reads(), peek=PEEK)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["the suppression of direct-user-access in poke!* (because) is not used"])

    def test_the_option_wins(self, pytester: pytest.Pytester) -> None:
        (pytester.path / "pyproject.toml").write_text(suppressed(select="default"))
        run(pytester, reads(), "--emu-checks=irql", peek=PEEK).assert_outcomes(passed=1)

    @pytest.mark.parametrize(
        ("arguments", "table", "message"),
        [
            (("--emu-checks=irk",), "", "there is no check 'irk'; nearest: irql; `emu checks` lists them"),
            ((), suppressed(select="x"), "there is no check 'x'; `emu checks` lists them"),
            ((), "[tool.umaccess-emu.checks]\nselect = 3\n", 'select = 3: give "default", "all", or a list of names'),
        ],
    )
    def test_a_mistake(self, pytester: pytest.Pytester, arguments: tuple[str, ...], table: str, message: str) -> None:
        (pytester.path / "pyproject.toml").write_text(table)
        result = run(pytester, reads(), *arguments, peek=PEEK)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: *{message.replace('[', '[[]')}"])
