# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs of pytest inside a test, with routines to be tested beside the tests."""

from __future__ import annotations

import re

import pytest

import emu.testing.coverage_report
import emu.testing.report
import emu.testing.sweeps  # noqa: F401
from emu import Machine

# pytester forgets what a run imports: NumPy can be imported once a process, and the rest takes its time.
Machine().close()

BYTE_LOOP = """\
    .intel_syntax noprefix
    .text
    .globl my_copy
my_copy:
    test    r8, r8
    jz      2f
1:  mov     al, [rdx]
    mov     [rcx], al
    inc     rdx
    inc     rcx
    dec     r8
    jnz     1b
2:  ret
"""
"""A correct copy, where nothing forbids kernel code to touch user pages."""

ENDLESS = """\
    .intel_syntax noprefix
    .text
    .globl spin
spin:
    pause
    jmp     spin
"""

WITHOUT = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist")
"""Plugins that a run does without, which would be imported and rewritten in each again."""

LARGE_ADDRESS = re.compile(r"0x[0-9a-f]{7,}")


def run(pytester: pytest.Pytester, source: str, *arguments: str, **files: str) -> pytest.RunResult:
    """Run a file of tests in this process; `files` are assembly sources beside it, by their stems."""
    for stem, text in files.items():
        (pytester.path / f"{stem}.S").write_text(text)
    pytester.makepyfile(source)
    return pytester.runpytest_inprocess(*WITHOUT, *arguments)


def section(result: pytest.RunResult, title: str) -> list[str]:
    """Return the lines of a section of the report, the addresses left out."""
    lines = result.outlines
    begin = next(number for number, line in enumerate(lines) if re.fullmatch(rf"-+ {title} -+", line)) + 1
    end = next(number for number in range(begin, len(lines)) if re.match(r"[-=_]{3,} .* [-=_]{3,}$", lines[number]))
    return [LARGE_ADDRESS.sub("0x…", line) for line in lines[begin:end]]
