# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin, as its users' test runs see it."""

import subprocess
import sys

import pytest

from emu.machine import Machine
from emu.profile import Profile
from tests.testing.plugin_runs import WITHOUT, run

pytest_plugins = ["pytester"]

ROUTINE = """
    .intel_syntax noprefix
    .text
    .globl my_add
my_add:
    lea rax, [rcx + rdx]
    ret
"""


def test_a_machine_is_one_boot_and_as_after_boot_in_every_test(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest
        from emu import Bugchecked, Returned

        seen = []

        @pytest.mark.parametrize("number", range(4))
        def test_leaves_everything_behind(machine, number):
            assert [module.name for module in machine.modules] == ["ntoskrnl", "umaccess"]
            assert machine.irql == 0
            seen.append((machine, machine.user.alloc(64).address))
            source, target = machine.user.alloc(b"x" * 64), machine.kernel.alloc(64)
            machine.inject("none@dst+0", dst=target)
            assert isinstance(machine.call("CopyFromUser", target, source, 64), Bugchecked)

        def test_afterwards():
            assert len({id(machine) for machine, _ in seen}) == 1
            assert len({address for _, address in seen}) == 1
        """,
    )
    result.assert_outcomes(passed=5)


@pytest.mark.parametrize(
    "act",
    [
        "machine.checkpoint()",
        "machine.export('ZwQuerySomething')(lambda: 7)",
        "machine.close()",
        "machine.load(guest.build_text(ROUTINE)); machine.checkpoint()",
    ],
)
def test_what_reset_does_not_undo_costs_a_new_machine(pytester: pytest.Pytester, act: str) -> None:
    result = run(
        pytester,
        f"""
        ROUTINE = {ROUTINE!r}

        def test_first(machine, guest):
            machine.user.alloc(64, name="left over")
            {act}

        def test_second(machine):
            assert machine.resets_to_boot
            assert machine.user.buffers == []
            assert len(machine.modules) == 2
        """,
    )
    result.assert_outcomes(passed=2)


def test_a_loaded_module_is_gone_in_the_next_test(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        f"""
        import pytest
        from emu import Returned
        from emu.image import UnknownSymbol

        machines = []

        def test_first(machine, guest):
            machines.append(machine)
            machine.load(guest.build_text({ROUTINE!r}))
            assert machine.call("my_add", 2, 3) == Returned(5)

        def test_second(machine):
            assert machine is machines[0]
            with pytest.raises(UnknownSymbol):
                machine.call("my_add", 2, 3)
        """,
    )
    result.assert_outcomes(passed=2)


def test_profiles_by_indirect_parametrisation(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest
        from emu import Profile

        PROFILES = ["nehalem", Profile("broadwell", "off"), "broadwell,smap=off"]

        @pytest.mark.parametrize("machine", PROFILES, indirect=True)
        def test_profile(machine):
            assert str(machine.profile) in ("nehalem", "broadwell,smap=off")

        @pytest.mark.parametrize("machine", ["i486"], indirect=True)
        def test_unknown(machine):
            pass
        """,
    )
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*ProfileError: unknown CPU model 'i486'; known: nehalem*"])


def test_guest_sources_are_found_beside_the_test(pytester: pytest.Pytester) -> None:
    directory = pytester.mkdir("nested")
    (directory / "routine.S").write_text(ROUTINE)
    (directory / "test_nested.py").write_text(
        "from emu import Returned\n"
        "def test_nested(machine, guest):\n"
        "    machine.load(guest.build('routine.S'))\n"
        "    assert machine.call('my_add', 2, 3) == Returned(5)\n"
        "def test_c(machine, guest):\n"
        "    machine.load(guest.build_text('int f(int a) { return a ? VALUE : 0; }', '.c', defines='VALUE=9'))\n"
        "    assert machine.call('f', 1) == Returned(9)\n"
    )
    pytester.runpytest_inprocess(*WITHOUT).assert_outcomes(passed=2)


def test_the_compilers_text_is_what_a_failing_build_shows(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_it(guest): guest.build_text('int x = ;', '.c')")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*GuestBuildError: cannot compile *", "*error: expected expression*"])


def test_a_missing_compiler_fails_the_test_and_says_what_to_install(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import emu.toolchain
        from emu.toolchain import ToolchainMissing

        def test_it(guest, monkeypatch):
            def missing(*arguments, **options):
                raise ToolchainMissing("needs the compiler wheel: pip install 'umaccess-emu[toolchain]'")
            monkeypatch.setattr(emu.toolchain, "build_guest", missing)
            guest.build("routine.S")
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["needs the compiler wheel: pip install 'umaccess-emu?toolchain?'"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_run_that_asks_for_no_machine_imports_nothing_of_the_emulator() -> None:
    code = (
        "import sys, emu.pytest_plugin; known = ('emu.pytest_plugin', 'emu.testing', 'emu.testing.options', "
        "'emu.testing.current', 'emu.testing.guest'); "
        "sys.exit(', '.join(n for n in sys.modules if n.startswith('emu.') and n not in known) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_projects_own_tests_get_a_machine(machine: Machine) -> None:
    assert machine.profile == Profile()
