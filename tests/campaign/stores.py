# SPDX-License-Identifier: GPL-2.0-or-later
"""Stores for tests, and a process that is bound by the modes of files even as root."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.store import Row, Store

CAMPAIGN = Campaign('{"kind":"test"}', "{}", "tests.campaign.made_workbench:MadeWorkbench")


def failing(number: int, detail: str = "byte 0 is wrong") -> Row:
    """Return a row of a class that goes by the number."""
    return Row(number, Verdict(VerdictClass(1 + number % 7), detail), f"Copy/len={number}")


def content(store: Store) -> tuple[object, list[Row]]:
    """Return all that a store says."""
    return list(store.done), list(store.rows())


def run_limited(code: str, *arguments: object, file_size: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process that may not override the modes of files, with a limit to their size in bytes."""

    def limit() -> None:
        if os.geteuid() == 0:
            drop, override = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE: <linux/prctl.h>, <linux/capability.h>
            if ctypes.CDLL(None).prctl(drop, override, 0, 0, 0):
                raise OSError("prctl")
        if file_size is not None:
            import resource  # noqa: PLC0415 (not on Windows)

            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """Take the permission to write from a directory and what is in it."""
    files = [directory, *directory.iterdir()]
    try:
        for file in files:
            file.chmod(0o555 if file.is_dir() else 0o444)
        yield
    finally:
        for file in files:
            file.chmod(0o755 if file.is_dir() else 0o644)
