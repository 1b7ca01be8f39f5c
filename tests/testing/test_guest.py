# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixture `guest`: what it builds, and what it remembers of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.testing.guest import BuiltFrom, built_from, remember
from tests.testing.plugin_runs import BYTE_LOOP, run

pytest_plugins = ["pytester"]


def test_load_builds_and_loads(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from emu.testing.guest import built_from

        def test_load(machine, guest, request):
            module = guest.load("my_copy.S")
            assert module in machine.modules
            assert machine.resolve("my_copy") == module["my_copy"]
            ((loaded, path),) = machine.images
            assert loaded is module
            built = built_from(path)
            assert built.sources == (request.path.parent / "my_copy.S",)
            assert not built.has_options and not built.is_text

        def test_text(guest):
            assert built_from(guest.build_text(".globl f\\nf: ret\\n")).is_text
            assert built_from(guest.build("options.S", defines="A=1")).has_options
        """,
        my_copy=BYTE_LOOP,
        options=".globl g\ng: mov $A, %eax\nret\n",
    )
    result.assert_outcomes(passed=2)


def test_what_was_noted_first_counts(tmp_path: Path) -> None:
    image = tmp_path / "driver.sys"
    assert built_from(image) is None
    first = BuiltFrom((tmp_path / "driver.c",), has_options=False, is_text=False)
    remember(image, first)
    remember(image, first._replace(is_text=True))
    assert built_from(image) is first


def test_a_missing_toolchain_fails_load_in_one_line(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import emu.toolchain.guest
        import pytest
        from emu.toolchain import ToolchainMissing
        from emu.testing import sweep

        @pytest.fixture
        def missing(monkeypatch):
            def find():
                raise ToolchainMissing("needs the compiler wheel: pip install 'umaccess-emu[toolchain]'")
            monkeypatch.setattr(emu.toolchain.guest, "find_toolchain", find)

        def test_load(machine, guest, missing):
            guest.load("my_copy.S")

        def test_sweep(missing):
            sweep("my_copy", image="my_copy.S")
        """,
        my_copy=BYTE_LOOP,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["needs the compiler wheel: pip install 'umaccess-emu?toolchain?'"])
    result.stdout.fnmatch_lines(["E*Failed: sweep: needs the compiler wheel: pip install 'umaccess-emu?toolchain?'"])
    result.stdout.no_fnmatch_line("*guest.py*")
