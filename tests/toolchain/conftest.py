# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources in a directory of the test's own, and a cache of its own where the test is about the cache."""

import pathlib
from collections.abc import Callable

import pytest

RETURNS_ITS_ARGUMENT = """
.intel_syntax noprefix
.text
.globl {name}
{name}:
    mov rax, rcx
    ret
"""

Write = Callable[[str, str], pathlib.Path]


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Write:
    """Write a source file below the test's directory."""

    def write_source(name: str, text: str) -> pathlib.Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write_source


@pytest.fixture
def routine(write: Write) -> pathlib.Path:
    return write("routine.S", RETURNS_ITS_ARGUMENT.format(name="routine"))


@pytest.fixture
def fresh_cache(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    directory = tmp_path / "cache"
    monkeypatch.setenv("UMACCESS_EMU_CACHE", str(directory))
    return directory
