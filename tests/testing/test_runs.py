# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines in runs of many tests: spread over processes, selected, run again, stopped at the first failure."""

from __future__ import annotations

import pytest

from tests.testing.plugin_runs import BYTE_LOOP, WITHOUT

pytest_plugins = ["pytester"]

TESTS = """
    import pytest

    @pytest.mark.parametrize("number", range(6))
    def test_number(machine, guest, number):
        guest.load("my_copy.S")
        assert machine.user.buffers == []
        machine.user.alloc(8)
        assert machine.call("my_copy", 0, 0, 0).value and number not in (2, 4)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    (pytester.path / "my_copy.S").write_text(BYTE_LOOP)
    pytester.makepyfile(TESTS)
    return pytester


def test_over_two_processes(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("-n2", "--emu-profiles=nehalem,epyc", "--junit-xml=junit.xml")
    result.assert_outcomes(passed=8, failed=4)
    for profile in ("nehalem", "epyc"):
        result.stdout.fnmatch_lines_random(
            [f"*_ test_number?{profile}-{number}? _*" for number in (2, 4)]
            + [f"*- last call on {profile} -*", f"emu replay my_copy/*/profile={profile}/irql=0"]
        )
    text = (suite.path / "junit.xml").read_text()
    assert text.count('<property name="emu-outcome" value="returned 0x') == 4
    assert text.count('<property name="emu-replay" value="my_copy/image=my_copy.S/arg=0/') == 4


def test_those_that_failed_again(suite: pytest.Pytester) -> None:
    plugins = [each for each in WITHOUT if each != "no:cacheprovider"]
    arguments = [each for pair in zip(plugins[1::2], plugins[2::2], strict=True) for each in pair]
    suite.runpytest_inprocess(*arguments).assert_outcomes(passed=4, failed=2)
    suite.runpytest_inprocess(*arguments, "--lf").assert_outcomes(failed=2)


def test_selected(suite: pytest.Pytester) -> None:
    suite.runpytest_inprocess(*WITHOUT, "-k", "1 or 2").assert_outcomes(passed=1, failed=1, deselected=4)


def test_to_the_first_failure(suite: pytest.Pytester) -> None:
    result = suite.runpytest_inprocess(*WITHOUT, "-x")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*last call on skylake-server*"])
