# SPDX-License-Identifier: GPL-2.0-or-later
"""Assembly test files in pytest, as their users see them."""

from __future__ import annotations

from pathlib import Path

import pytest

# pytester forgets what was imported in its runs alone, and NumPy cannot be imported twice.
import emu.testing.assembly_file
import emu.testing.report  # noqa: F401

pytest_plugins = ["pytester"]

ROUTINE = """
    .intel_syntax noprefix
    .text
    .globl my_copy
    .seh_proc my_copy
my_copy:
    .seh_endprologue
1:  mov al, [rdx]               // bytes: 8a 02
    mov [rcx], al
    inc rcx
    inc rdx
    dec r8
    jnz 1b
    xor eax, eax
    ret
    .seh_endproc
"""
TESTS = """\
// every test:
// profile nehalem
// kernel dst = poison 64

// test: copies five bytes
// user src = "hello"
// call my_copy(dst, src, 5)
// dst = "hello" then poison

// test: stops at the fault
// user src = pattern 64
// fault none@src+37
// call my_copy(dst, src, 64)
// raises STATUS_ACCESS_VIOLATION reading src+37 at my_copy
// dst = src[:37] then poison
"""


def write(pytester: pytest.Pytester, text: str, name: str = "test_copy.S") -> Path:
    path = pytester.path / name
    path.write_text(text, encoding="utf-8")
    return path


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)


def test_each_test_is_an_item_at_its_line(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS + ROUTINE)
    result = run(pytester, "-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "test_copy.S::copies five bytes PASSED*",
            "test_copy.S::stops at the fault PASSED*",
            "test_copy.S::bytes PASSED*",
        ]
    )
    items, _ = pytester.inline_genitems("-p", "no:cacheprovider")
    assert [item.location for item in items] == [
        ("test_copy.S", 4, "copies five bytes"),
        ("test_copy.S", 9, "stops at the fault"),
        ("test_copy.S", 22, "bytes"),
    ]


def test_they_are_chosen_as_any_test(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS + ROUTINE)
    run(pytester, "-k", "fault").assert_outcomes(passed=1, deselected=2)
    run(pytester, "test_copy.S::copies five bytes").assert_outcomes(passed=1)
    write(pytester, TESTS.replace('"hello" then', '"hallo" then') + ROUTINE)
    pytester.runpytest_inprocess("-x").assert_outcomes(failed=1)
    pytester.runpytest_inprocess("--lf").assert_outcomes(failed=1)


def test_other_names_are_no_tests(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS + ROUTINE, "copy.S")
    write(pytester, TESTS + ROUTINE, "test_copy.s")
    write(pytester, TESTS + ROUTINE, "my_test_copy.S")
    assert run(pytester).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_failure_names_the_line_and_shows_the_directives(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS.replace('"hello" then', '"hallo" then').replace("37 at", "36 at") + ROUTINE)
    result = run(pytester)
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            'test_copy.S:8: dst = "hallo" then poison',
            "    byte 1 of dst is 65, not 61",
            "    expected  dst+0     68 61 6c 6c 6f cc*|hallo*",
            "    found     dst+0     68 65 6c 6c 6f cc*|hello*",
            "",
            "     3  // kernel dst = poison 64",
            "     5  // test: copies five bytes",
            '     6  // user src = "hello"',
            "     7  // call my_copy(dst, src, 5)",
            '>    8  // dst = "hallo" then poison',
            "*last call on nehalem*",
            "emu replay my_copy/*",
            "test_copy.S:14: raises STATUS_ACCESS_VIOLATION reading src+36 at my_copy",
            "    expected  raised STATUS_ACCESS_VIOLATION (0xC0000005), read of src+36 (0x*), at my_copy (0x*)",
            "    found     raised STATUS_ACCESS_VIOLATION (0xC0000005), read of src+37 (0x*), at test_copy!*",
            "FAILED test_copy.S::copies five bytes - Failed: test_copy.S:8: dst =*",
        ]
    )
    result.stdout.no_fnmatch_line("*run_test*")


def test_wrong_bytes_are_shown_beside_their_code(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS + ROUTINE.replace("8a 02", "8a ?? 90"))
    result = run(pytester)
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(["test_copy.S:23: 1:  mov al, ?rdx?", "    expected  8a ?? 90", "    found     8a 02"])


def test_a_mistake_in_a_directive_is_an_error_of_the_collection(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS.replace("raises STATUS_ACCESS", "raises STATUS_ACESS") + ROUTINE)
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR collecting test_copy.S*",
            "test_copy.S:14: `raises STATUS_ACESS_VIOLATION reading src+37 at my_copy`: at 'STATUS_ACESS*': "
            "unknown status; nearest: STATUS_ACCESS_VIOLATION*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_file_that_is_no_text(pytester: pytest.Pytester) -> None:
    (pytester.path / "test_copy.S").write_bytes(b"// test: \xff\n")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["test_copy.S: this is not UTF-8: *"])


def test_profiles(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS.replace("profile nehalem", "profile nehalem,broadwell,smap=off") + ROUTINE)
    result = run(pytester, "-v", "-k", "five")
    result.assert_outcomes(passed=2, deselected=3)
    result.stdout.fnmatch_lines(
        ["*::copies five bytes?nehalem? PASSED*", "*::copies five bytes?broadwell,smap=off? PASSED*"]
    )
    write(pytester, TESTS.replace("// profile nehalem\n", "") + ROUTINE)
    run(pytester, "--emu-profiles", "nehalem,westmere").assert_outcomes(passed=5)
    result = run(pytester, "-k", "five")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["    expected  it returned", "    found     bugchecked: *"])


def test_other_files_of_the_image(pytester: pytest.Pytester) -> None:
    (pytester.path / "code").mkdir()
    write(pytester, ROUTINE.replace("dec r8\n", "sub r8, STEP\n"), "code/copy.S")
    write(pytester, TESTS.replace("// profile", "// source code/copy.S\n// define STEP=1\n// profile"))
    run(pytester).assert_outcomes(passed=2)
    write(pytester, TESTS.replace("// profile", "// source code/copied.S\n// profile"))
    result = run(pytester)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*code/copied.S: no such file"])


def test_code_that_the_assembler_refuses(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS + ROUTINE.replace("inc rcx", "incr rcx"))
    result = run(pytester)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["cannot compile *test_copy.S*", "*error: invalid instruction mnemonic 'incr'*"])


def test_an_import_that_nobody_provides(pytester: pytest.Pytester) -> None:
    source = TESTS + ROUTINE.replace("xor eax, eax", "call ZwClose")
    write(pytester, source)
    result = run(pytester)
    result.stdout.fnmatch_lines(["*ZwClose*or with `export NAME = INTEGER` under `every test:`*"])
    write(pytester, source.replace("// profile", "// export ZwClose = 5\n// profile"))
    run(pytester).assert_outcomes(passed=3)


def test_workers_of_xdist(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS.replace("37 at", "36 at") + ROUTINE)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "1")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["test_copy.S:14: raises STATUS_ACCESS_VIOLATION reading src+36 at my_copy"])


def test_junit(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS.replace("37 at", "36 at") + ROUTINE)
    run(pytester, "--junitxml=results.xml")
    text = (pytester.path / "results.xml").read_text(encoding="utf-8")
    assert 'name="stops at the fault"' in text
    assert "test_copy.S:14: raises" in text


def test_a_run_without_such_files_imports_none_of_it(pytester: pytest.Pytester) -> None:
    write(pytester, "nothing", "copy.S")
    pytester.makepyfile(
        "import sys\n"
        "def test_it(): assert not [name for name in sys.modules if name.startswith('emu.testing.assembly_file')]"
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_missing_compiler_fails_the_test_and_says_what_to_install(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS + ROUTINE)
    pytester.makeconftest(
        """
        import pytest
        import emu.toolchain

        def missing(*arguments, **options):
            raise emu.toolchain.ToolchainMissing("needs the compiler wheel: pip install 'umaccess-emu[toolchain]'")

        def pytest_sessionstart(session):
            patch = pytest.MonkeyPatch()
            patch.setattr(emu.toolchain, "build_guest", missing)
            session.config.add_cleanup(patch.undo)
        """
    )
    result = run(pytester)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["needs the compiler wheel: pip install 'umaccess-emu?toolchain?'"])


def test_their_coverage_counts(pytester: pytest.Pytester) -> None:
    write(pytester, TESTS + ROUTINE)
    run(pytester, "--emu-cov=lcov.info").assert_outcomes(passed=3)
    text = (pytester.path / "lcov.info").read_text(encoding="utf-8")
    lines = (TESTS + ROUTINE).splitlines()
    assert f"DA:{lines.index('    mov [rcx], al') + 1}," in text
    assert "test_copy.S" in text
