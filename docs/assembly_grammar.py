# SPDX-License-Identifier: GPL-2.0-or-later
"""The grammar of assembly test files as a part of the manual, made of the tables that the parser reads by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from emu.testing.assembly_file.content import PIECES
from emu.testing.assembly_file.grammar import MEMORY_FORMS, RULES, Rule
from emu.testing.assembly_file.parser import EXPECTATIONS
from emu.testing.assembly_file.scanner import Scanner
from emu.testing.assembly_file.scope import Scope

SYNTAX: Final = """\
```text
file      = *(comment / code / every / test)
every     = "// every test:" *("// " directive)
test      = "// test: " NAME *("// " directive)       ; up to the next line of code
content   = piece *(" then " piece)
value     = number / (NAME / symbol) ["+" number / "-" number]
number    = ["-"] (1*DIGIT / "0x" 1*HEXDIG)
```
"""


def _cell(form: str) -> str:
    return form.replace("|", "\\|")


def _table(head: str, rows: Iterable[tuple[str, str, str]]) -> list[str]:
    lines = [f"| {head} | | for example |", "| --- | --- | --- |"]
    return lines + [f"| `{_cell(form)}` | {meaning} | `{_cell(example)}` |" for form, meaning, example in rows]


def _is_expectation(rule: Rule) -> bool:
    return isinstance(rule.scan(Scanner(1, rule.example.removeprefix(rule.begins)), Scope(None)), EXPECTATIONS)


def directives() -> str:
    """Return the part of the page that is the grammar."""
    before, behind = (
        [(rule.form, rule.meaning, rule.example) for rule in RULES if _is_expectation(rule) == expected]
        for expected in (False, True)
    )
    lines = [SYNTAX, *_table("before a call, and the call", before), ""]
    lines += [*_table("behind it", (*behind, *MEMORY_FORMS)), "", "| content | |", "| --- | --- |"]
    lines += [f"| `{_cell(form)}` | {meaning} |" for form, meaning in PIECES.items()]
    return "\n".join(lines) + "\n"
