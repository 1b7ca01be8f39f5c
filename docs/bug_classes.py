# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of the bug classes: made of the drivers that tests run, and of what the last run found in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from tests.conformance.bug_classes.findings import read_golden
from tests.conformance.bug_classes.sources import BugClass, Shape, Version, read_classes

WIDTH: Final = 120

_INTRODUCTION = """\
# Bugs of real drivers, and what finds them

Sixteen things go wrong where drivers touch user memory. Here is each of them as a small driver, what the
[checks](../reference/checks.md) say of it, and the same driver without the bug, in which every check (`--checks all`)
finds nothing, with SMAP enforced or not. The sources are in `tests/conformance/bug_classes/drivers/`; `make test` runs
them, and this page is made of what it found.

The words behind *called as* are those of `emu run`: `user:64` is a buffer of 64 bytes in user memory, `fault=` is what
`--fault` takes, `irql=` and `profile=` are options too. `arg0+8=40` puts a ULONG into the first buffer before the call,
`arg0+8=arg1` the address of the second. Without a profile it is `skylake-server,smap=permit`: AC is set, as when
Windows enters a driver. The first bug of class 4 is found by

```sh
emu run AnswersBehindTheBlock user:12 --image outside_try.c --profile skylake-server,smap=permit --checks all
```

*confirmed* means that the call was made again with a byte flipped between the two fetches, and did what it does with no
single value of that byte.
"""


def bug_classes() -> str:
    """Return the page."""
    classes = read_classes()
    found = read_golden()
    lines = [_INTRODUCTION, "| class | | found by |", "| --- | --- | --- |"]
    for each in classes:
        checks = ", ".join(f"`{check}`" for check in each.checks) or "nothing: out of reach"
        unseen = sum(not shape.bug.expected for shape in each.shapes)
        if each.checks and unseen:
            checks += f"; {unseen} of {len(each.shapes)} shapes by none"
        lines.append(f"| {each.number} | [{_quoted(each.title)}](#{_anchor(each)}) | {checks} |")
    for each in classes:
        lines += ["", *_class(each, found)]
    return "\n".join(lines) + "\n"


def _anchor(bug_class: BugClass) -> str:
    kept = "".join(each for each in bug_class.title.lower() if each.isalnum() or each in " -_")
    return f"{bug_class.number}-{kept.replace(' ', '-')}"


def _class(bug_class: BugClass, found: dict[str, tuple[str, str]]) -> Iterator[str]:
    yield f"## {bug_class.number}. {_quoted(bug_class.title)}"
    yield from ("", _wrapped(bug_class.text))
    yield from _limits(bug_class.limits)
    shared = bug_class.shared.removeprefix('#include "driver.h"').strip("\n")
    if shared:
        yield from ("", *_code(shared))
    for shape in bug_class.shapes:
        yield from _shape(shape, found)


def _shape(shape: Shape, found: dict[str, tuple[str, str]]) -> Iterator[str]:
    if shape.text:
        yield from ("", f"### {shape.text.partition(':')[0].rstrip('.')}")
        if ":" in shape.text:
            rest = shape.text.partition(":")[2].strip()
            yield from ("", _wrapped(rest[:1].upper() + rest[1:]))
    yield from _limits(shape.limits)
    if shape.shared:
        yield from ("", *_code(shape.shared))
    for title, version in (("With the bug", shape.bug), ("Corrected", shape.fix)):
        outcome, text = found[version.routine]
        yield from ("", f"**{title}**, called as `{_call(version)}`:", "", *_code(version.code))
        if text:
            yield from ("", "```text", outcome, text, "```")
        else:
            yield from ("", f"`{outcome}`; nothing is found.")
        if version.good:
            good = " ".join((version.routine, *version.good))
            yield from ("", f"Called as `{good}` it returns 0, and nothing is found either.")


def _limits(limits: tuple[str, ...]) -> Iterator[str]:
    for limit in limits:
        yield from ("", textwrap.indent(_wrapped(limit, WIDTH - 2), "> "))


def _call(version: Version) -> str:
    return " ".join((version.routine, *version.call))


def _quoted(text: str) -> str:
    return re.sub(r"(?<!`)__(try|except|finally)\b", r"`__\1`", text)


def _wrapped(text: str, width: int = WIDTH) -> str:
    return textwrap.fill(_quoted(text), width, break_long_words=False, break_on_hyphens=False)


def _code(code: str) -> list[str]:
    return ["```c", code, "```"]
