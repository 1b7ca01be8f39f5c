# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the pages of the manual that come from the code. A test compares them with what is in the tree."""

from __future__ import annotations

from pathlib import Path

from emu.nt.bugcheck import BUGCHECK_PARAMETERS
from emu.profile import CPU_MODELS, SMAP_POLICIES

HERE = Path(__file__).parent
MARK = "*best estimate*"


def bugchecks() -> str:
    """Return the page of the bugchecks' parameters."""
    lines = [
        "# Bugchecks",
        "",
        "The parameters of every bugcheck code in use (Microsoft Learn, bug check code reference). "
        f"{MARK} marks what differs between Windows builds or what public sources disagree about.",
        "",
        "| code | P1 | P2 | P3 | P4 |",
        "| --- | --- | --- | --- | --- |",
    ]
    for code, parameters in BUGCHECK_PARAMETERS.items():
        cells = [f"{p.meaning} {MARK}" if p.doubtful else p.meaning for p in parameters]
        lines.append(f"| {code:#x} `{code.name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def profiles() -> str:
    """Return the part of the text forms' page that lists profiles."""
    lines = ["| model | | SMEP | SMAP | ERMS | AVX |", "| --- | --- | --- | --- | --- | --- |"]
    for name, model in CPU_MODELS.items():
        has = (model.smep, model.smap, model.erms, model.avx)
        lines.append(f"| `{name}` | {model.description} | {' | '.join('yes' if yes else '' for yes in has)} |")
    lines += ["", "| `smap=` | |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in SMAP_POLICIES.items()]
    return "\n".join(lines) + "\n"


PAGES = {
    HERE / "reference" / "bugchecks.md": bugchecks,
    HERE / "reference" / "profiles.inc": profiles,
}

if __name__ == "__main__":
    for path, page in PAGES.items():
        path.write_text(page(), encoding="utf-8")
