# SPDX-License-Identifier: GPL-2.0-or-later
"""What the pytest plugin costs: a test that makes one call, and a run that has nothing to do with it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Row, medians, row, seconds

TESTS = 500
ROUNDS = 7

FIRST = """
import pytest

def test_first(machine):
    machine.call("KeGetCurrentIrql")
"""
"""Boots the machine, in both of the runs that are compared."""

EMPTY = f"""
@pytest.mark.parametrize("number", range({TESTS}))
def test_empty(number):
    pass
"""

CALL = f"""
@pytest.mark.parametrize("number", range({TESTS}))
def test_call(machine, number):
    source, target = machine.user.alloc(b"x" * 64), machine.kernel.alloc(64)
    machine.call("CopyFromUser", target, source, 64)
"""

COVERED = ("--emu-cov", os.devnull)
OTHERS = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist")
"""Plugins that are no part of what is measured."""


def plugin() -> list[Row]:
    """Run pytest with many tests, with and without a call in each; and with one test, with and without the plugin."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as directory:

        def run(name: str, content: str, *arguments: str) -> None:
            Path(directory, name).write_text(content)
            command = [sys.executable, "-m", "pytest", "-q", *OTHERS, *arguments, name]
            done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, check=False)
            if done.returncode:
                raise RuntimeError(f"pytest {name} ended with {done.returncode}: {done.stdout.decode()}")

        empty, called, covered = medians(
            lambda: run("test_empty.py", FIRST + EMPTY),
            lambda: run("test_call.py", FIRST + CALL),
            lambda: run("test_call.py", FIRST + CALL, *COVERED),
            rounds=ROUNDS,
        )
        without, with_it = medians(
            lambda: run("test_one.py", "def test_one(): pass", "-p", "no:emu"),
            lambda: run("test_one.py", "def test_one(): pass"),
            rounds=2 * ROUNDS,
        )
    call, start = (called - empty) / TESTS, with_it - without
    return [
        row("a test with one call, over an empty one", seconds(call), call, 1.5e-3, "≤ 1.5 ms"),
        Row("the same with --emu-cov", seconds((covered - empty) / TESTS)),
        row(
            "start of a pytest run that does not use the plugin",
            f"+{seconds(start)}" if start > 0 else "nothing",
            start,
            0.15,
            "≤ 0.15 s",
            f"{with_it / without:.2f}× without it",
        ),
    ]
