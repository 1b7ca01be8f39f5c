# SPDX-License-Identifier: GPL-2.0-or-later
"""The marker `emu`, and `--emu-profiles`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.plan.minimise import PROFILES
from emu.testing.options import parse_profiles
from tests.testing.plugin_runs import run

pytest_plugins = ["pytester"]


def test_the_nearest_marker_says_profile_policy_and_irql(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest
        from emu import Profile

        pytestmark = pytest.mark.emu(profile="broadwell", irql=1)

        def irql_in_call(machine):
            machine.call("KeGetCurrentIrql")
            return machine.call("KeGetCurrentIrql").value

        def test_module(machine):
            assert (str(machine.profile), irql_in_call(machine)) == ("broadwell", 1)

        @pytest.mark.emu(smap="permit")
        class TestClass:
            def test_class(self, machine):
                assert (str(machine.profile), irql_in_call(machine)) == ("broadwell,smap=permit", 1)

            @pytest.mark.emu(profile=Profile("epyc", "off"), irql=2, smap="enforce")
            def test_function(self, machine):
                assert (str(machine.profile), irql_in_call(machine)) == ("epyc", 2)

        @pytest.mark.emu(irql=0)
        def test_own_irql_of_a_call(machine):
            assert machine.call("KeGetCurrentIrql", irql=1).value == 1
            assert machine.call("KeGetCurrentIrql").value == 0
        """,
    )
    result.assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("cpu='nehalem'", "cpu= is unknown; there are profile=, smap=, irql=, finds=, checks="),
        ("'nehalem'", "'nehalem' has no name; write @pytest.mark.emu(profile='nehalem')"),
        ("profile='i486'", "profile='i486': unknown CPU model 'i486'; known: nehalem*"),
        ("profile=5", "profile=5: give a Profile or its text form, as 'nehalem'"),
        ("smap='on'", "smap='on': there are enforce, permit, off"),
        ("irql=16", "irql=16: choose 0 (PASSIVE_LEVEL) to 15 (HIGH_LEVEL)"),
        ("irql=True", "irql=True: choose 0*"),
    ],
)
def test_a_mistake_in_a_marker_is_that_tests_error_in_one_line(
    pytester: pytest.Pytester, marker: str, message: str
) -> None:
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.emu({marker})
        def test_mistaken(machine):
            pass

        def test_other(machine):
            pass
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"@pytest.mark.emu: {message}".replace("[", "[[]")])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*options.py*")


PROFILED = """
    import pytest

    @pytest.fixture
    def loaded(machine):
        return machine

    def test_machine(machine):
        pass

    def test_through_a_fixture(loaded):
        pass

    def test_without(guest):
        pass

    @pytest.mark.emu(profile="epyc")
    def test_marked(machine):
        assert str(machine.profile) == "epyc"

    @pytest.mark.emu(smap="permit")
    def test_policy(machine):
        assert machine.profile.smap == ("permit" if machine.profile.cpu == "broadwell" else "off")

    @pytest.mark.parametrize("machine", ["haswell"], indirect=True)
    def test_parametrised(machine):
        assert str(machine.profile) == "haswell"
"""


def test_profiles_run_each_test_of_a_machine_on_each(pytester: pytest.Pytester) -> None:
    result = run(pytester, PROFILED, "--emu-profiles", "nehalem,broadwell,smap=off", "-v")
    result.assert_outcomes(passed=9)
    for name in ("machine", "through_a_fixture", "policy"):
        result.stdout.fnmatch_lines_random(
            [f"*::test_{name}?nehalem? PASSED*", f"*::test_{name}?broadwell,smap=off? PASSED*"]
        )
    result.stdout.fnmatch_lines_random(["*::test_without PASSED*", "*::test_marked PASSED*"])


def test_profiles_are_selected_by_k(pytester: pytest.Pytester) -> None:
    result = run(pytester, PROFILED, "--emu-profiles", "nehalem,broadwell", "-k", "nehalem")
    result.assert_outcomes(passed=3, deselected=6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nehalem,i486", "--emu-profiles nehalem,i486: unknown CPU model 'i486'; known: nehalem*"),
        ("nehalem,nehalem,smap=off", "--emu-profiles *: nehalem is there twice; name it once"),
        ("smap=off", "--emu-profiles smap=off: unknown CPU model 'smap=off'*"),
        ("broadwell,smap=maybe", "--emu-profiles *: unknown SMAP policy 'maybe'*"),
        ("", "--emu-profiles : unknown CPU model ''*"),
    ],
)
def test_a_mistake_in_profiles_is_a_usage_error_in_one_line(pytester: pytest.Pytester, text: str, message: str) -> None:
    result = run(pytester, "def test_it(machine): pass", f"--emu-profiles={text}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert len([line for line in result.errlines if line]) == 1


@given(st.lists(st.sampled_from(PROFILES), min_size=1, unique=True))
def test_profiles_read_back(profiles: list[object]) -> None:
    assert list(parse_profiles(",".join(map(str, profiles)))) == profiles
