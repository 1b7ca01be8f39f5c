# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `emu` in a test: in this process, or as the shell does."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

AS_A_PROGRAM = "import sys; from emu.cli import main; sys.exit(main())"


class Ran(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


Emu: TypeAlias = Callable[..., Ran]


def run_program(*arguments: str, **environment: str) -> Ran:
    """Run `emu` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", AS_A_PROGRAM, *arguments],
        env={**os.environ, "COLUMNS": "100", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
