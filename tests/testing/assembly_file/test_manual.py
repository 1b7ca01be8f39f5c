# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual's page about assembly test files: its example passes, and what it quotes is what is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# pytester forgets what was imported in its runs alone, and NumPy cannot be imported twice.
import emu.testing.assembly_file
import emu.testing.report  # noqa: F401

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "assembly-tests.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```asm\n(.*?)```", PAGE, re.DOTALL)
PASSED, MISTAKE, FAILURE = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def shown(pytester: pytest.Pytester, text: str) -> str:
    """Return what pytest shows of a file."""
    (pytester.path / "test_my_copy.S").write_text(text, encoding="utf-8")
    output = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-v").stdout.str()
    return re.sub(r" +\[ *\d+%\]", "", output)


def test_the_example_passes(pytester: pytest.Pytester) -> None:
    assert PASSED in shown(pytester, EXAMPLE)


def test_a_mistake(pytester: pytest.Pytester) -> None:
    assert MISTAKE.strip() in shown(pytester, EXAMPLE.replace("STATUS_ACCESS_VIOLATION", "STATUS_ACCESS_VIOLATON"))


def test_a_failure(pytester: pytest.Pytester) -> None:
    assert FAILURE in shown(pytester, EXAMPLE.replace("src[0:37]", "src[0:38]"))
