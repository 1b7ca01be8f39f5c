# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs as user processes under Wine, an implementation of structured exceptions that owes this one nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.seh.executables import build_executable
from tests.conformance.seh.programs import PROGRAMS, Program, wine_differences

pytestmark = pytest.mark.wine

LOADERS = ("wine64", "/usr/lib/wine/wine64", "wine")
SECONDS = 30

BUILDS = [
    pytest.param(program, level, id=f"{program.name}-O{level}")
    for program in PROGRAMS
    if program.runs_in_user_mode
    for level in (("0", "2") if program.path.suffix == ".c" else ("0",))
]


@pytest.fixture(scope="module")
def run_under_wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """A function that runs an executable and returns what it prints. Its prefix lives as long as the module."""
    loader = next((path for path in map(shutil.which, LOADERS) if path), None)
    assert loader is not None, "there is no wine64: `make test-wine` installs Debian's"
    directory = tmp_path_factory.mktemp("wine")
    environment = {
        **os.environ,
        "WINEPREFIX": str(directory / "prefix"),
        "WINEDEBUG": "-all",
        # Setting up a prefix would else ask for the .NET and HTML engines, and a crash would start the debugger.
        "WINEDLLOVERRIDES": "mscoree,mshtml,winedbg.exe=",
    }

    def run(*arguments: str) -> str:
        # Wine's services live on and inherit the output: the end of a pipe would come with theirs.
        output = directory / "output"
        with output.open("wb") as file:
            subprocess.run(
                [loader, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            )
        return output.read_text(encoding="utf-8", errors="replace")

    run("wineboot", "--init")
    yield lambda executable: run(str(executable))
    run("wineboot", "--kill")


@pytest.mark.parametrize(("program", "level"), BUILDS)
def test_program(run_under_wine: Callable[[Path], str], program: Program, level: str) -> None:
    happened = run_under_wine(build_executable(program, level)).splitlines()
    assert happened == list(program.expects_under_wine())


def test_every_difference_has_its_reason() -> None:
    """Shown by `make test-wine`: where Wine does something else than the emulated kernel, and why."""
    differences = wine_differences()
    for name, reason in differences.items():
        print(f"{name}: {reason}")
    for program in PROGRAMS:
        if "wine" in program.expected:
            assert program.expects_under_wine() != program.expects("msvc"), f"{program.name}: no difference is left"
            assert differences[program.name]
