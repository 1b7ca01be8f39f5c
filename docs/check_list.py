# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of the manual that says what each check is worth."""

from __future__ import annotations

from collections.abc import Iterator

from emu.checks.check import Description
from emu.checks.registry import BUILTIN, describe_checks


def checks() -> str:
    """Return a section for each of the project's own checks, behind a table of all."""
    described = describe_checks(BUILTIN)
    lines = ["| check | on by default | finds |", "| --- | --- | --- |"]
    for each in described:
        default = "yes" if each.default else ""
        lines.append(f"| [`{each.name}`](#{each.name}) | {default} | {_cell(each.summary)} |")
    lines.append("")
    for each in described:
        lines += _section(each)
    return "\n".join(lines)


def _section(check: Description) -> Iterator[str]:
    yield from (f"### {check.name}", "", check.summary, "")
    for title, text in (("Proves", check.proves), ("Cannot see", check.cannot_see), ("Costs", check.cost)):
        yield from (f"**{title}** {text}", "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
