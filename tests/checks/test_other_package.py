# SPDX-License-Identifier: GPL-2.0-or-later
"""A package with a check of its own, that of docs/how-to/write-a-check.md: built, installed, and there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emu import Machine
from tests.cli.command_line import AS_A_PROGRAM, Ran

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "write-a-check.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


class Installed:
    """Where the package is installed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, *command: str, cwd: Path) -> Ran:
        path = os.pathsep.join([str(self.directory), str(ROOT)])
        done = subprocess.run(
            [sys.executable, *command],
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "100"},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    source, target = tmp_path_factory.mktemp("large_copy"), tmp_path_factory.mktemp("installed")
    (source / "large_copy.py").write_text(blocks("python")[0])
    (source / "pyproject.toml").write_text(blocks("toml")[0])
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *options, str(source)], check=True, capture_output=True)
    return Installed(target)


def test_it_is_listed(installed: Installed, tmp_path: Path) -> None:
    for arguments in (["checks", "large-copy"], ["checks"]):
        ran = installed.run("-c", AS_A_PROGRAM, *arguments, cwd=tmp_path)
        assert ran.status == 0, ran.err
        assert "large-copy  default\n  A copy from user memory is a page or longer.\n  Proves" in ran.out


@pytest.mark.parametrize("selection", ["large-copy", "default"])
def test_it_finds(installed: Installed, tmp_path: Path, selection: str) -> None:
    command = blocks("sh")[0].splitlines()[1].split()[1:]
    assert command[-1] == "large-copy"
    ran = installed.run("-c", AS_A_PROGRAM, *command[:-1], selection, cwd=tmp_path)
    assert ran.status == 1, ran.err
    assert f"  {blocks('text')[0]}" in ran.out
    assert "8,192 bytes from byte 0 of source (8192 bytes)" in ran.out


def test_its_tests_pass(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(blocks("python")[1])
    ran = installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)
    assert "2 passed" in ran.out, ran.out


def test_the_observer_of_the_page() -> None:
    names: dict[str, type] = {}
    exec(compile(blocks("python")[2], PAGE.name, "exec"), names)
    counter = names["Counter"]()
    with Machine(plugins=[counter]) as machine:
        for _ in range(3):
            machine.call("CopyFromUser", machine.kernel.alloc(4), machine.user.alloc(4), 4)
        assert not machine.findings
    assert counter.calls == 3
