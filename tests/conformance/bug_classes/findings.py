# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of what was found: written from runs, and read for the manual without running anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from emu.checks.builtin.double_fetch import DoubleFetchFinding
from emu.checks.finding import Finding

GOLDEN: Final = Path(__file__).parent / "findings.txt"
_HEAD: Final = "== "
_BY_IMAGE: Final = re.compile(r"(?<=\[rip \+ )0x[0-9a-f]+(?=\])")
"""How far it is from an instruction to data: any change of any driver changes it."""


def describe(findings: Iterable[Finding]) -> str:
    """Return what is said of a run: of each check the first finding on a line, and how many more there are."""
    said: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        answer = finding.answer if isinstance(finding, DoubleFetchFinding) else ""
        said.setdefault((finding.check, finding.where.source or finding.where.symbol, answer), []).append(finding)
    lines = []
    for first, *more in said.values():
        lines.append(str(first))
        if more:
            lines.append(f"  and {len(more)} more on this line")
    return _BY_IMAGE.sub("…", "\n".join(lines))


def write_golden(texts: Mapping[str, tuple[str, str]]) -> str:
    """Return the file: of each routine how it ended, and what was found."""
    return "\n\n".join(f"{_HEAD}{name}: {outcome}\n{found}".rstrip() for name, (outcome, found) in texts.items()) + "\n"


def read_golden() -> dict[str, tuple[str, str]]:
    """Read the file: of each routine how it ended, and what was found."""
    read = {}
    for part in ("\n" + GOLDEN.read_text(encoding="utf-8")).split(f"\n{_HEAD}")[1:]:
        head, _, found = part.partition("\n")
        name, _, outcome = head.partition(": ")
        read[name] = outcome, found.strip()
    return read
