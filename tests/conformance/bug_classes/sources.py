# SPDX-License-Identifier: GPL-2.0-or-later
"""The drivers, as they are written: their classes, their shapes, the calls, and what is to be found on which line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

DRIVERS: Final = Path(__file__).parent / "drivers"

_CLASS: Final = re.compile(r"// Class (\d+): (.+)$")
_MARK: Final = re.compile(r"// (shape|bug|fix|good|limit): (.+)$")
_COMMENT: Final = re.compile(r"// (.+)$")
_FINDS: Final = re.compile(r"// finds: ([a-z-]+(?:, [a-z-]+)*)$")


class _Section(NamedTuple):
    """A marked comment and the code behind it, up to the next one."""

    kind: str
    text: str
    code: str
    expected: frozenset[tuple[int, str]]
    """Line and check of everything that is to be found in it."""


@dataclass(frozen=True)
class Version:
    """A routine, and the call of it."""

    routine: str
    call: tuple[str, ...]
    """Arguments and settings."""
    code: str
    expected: frozenset[tuple[int, str]]
    good: tuple[str, ...] = ()
    """Another call, which a correction must answer with success where its own is refused."""


@dataclass(frozen=True)
class Shape:
    """A bug, and the same without it."""

    text: str
    """What is special about it; empty where the class has one shape."""
    shared: str
    """Code that both versions use."""
    bug: Version
    fix: Version
    limits: tuple[str, ...]


@dataclass(frozen=True)
class BugClass:
    """One class."""

    number: int
    title: str
    text: str
    source: Path
    shared: str
    """Code that all shapes use."""
    shapes: tuple[Shape, ...]
    limits: tuple[str, ...]
    """Those of the class as a whole: they stand before its first shape."""

    @property
    def versions(self) -> Iterator[Version]:
        """Give all of its routines."""
        for shape in self.shapes:
            yield from (shape.bug, shape.fix)

    @property
    def checks(self) -> list[str]:
        """The checks that find it."""
        return sorted({check for version in self.versions for _, check in version.expected})


def read_classes() -> tuple[BugClass, ...]:
    """Read all, in the order of their numbers."""
    return tuple(sorted(map(read_class, DRIVERS.glob("*.c")), key=lambda each: each.number))


def read_class(source: Path) -> BugClass:
    """Read a driver."""
    _, head, *lines = source.read_text(encoding="utf-8").splitlines()
    found = _CLASS.match(head)
    assert found is not None, f"{source.name}: line 2 is not `// Class N: TITLE`"
    first, *sections = _sections(source.name, lines, 3)
    at = next(place for place, each in enumerate(sections) if each.kind != "limit")
    before, rest = sections[:at], sections[at:]
    return BugClass(
        number=int(found[1]),
        title=found[2],
        text=first.text,
        source=source,
        shared="\n\n".join(filter(None, [first.code, *(each.code for each in before)])),
        shapes=tuple(map(_shape, _by_shape(rest))),
        limits=tuple(each.text for each in before),
    )


def _sections(file: str, lines: list[str], number: int) -> Iterator[_Section]:
    """Give the sections of lines, the first of which has this number; the first section has no mark."""
    at = 0
    while at < len(lines):
        mark = _MARK.match(lines[at])
        kind, text = (mark[1], mark[2]) if mark else ("", lines[at].removeprefix("// "))
        at += 1
        while at < len(lines) and not _MARK.match(lines[at]) and (comment := _COMMENT.match(lines[at])):
            text += f" {comment[1]}"
            at += 1
        code, expected = [], set()
        while at < len(lines) and not _MARK.match(lines[at]):
            if finds := _FINDS.search(lines[at]):
                expected |= {(number + at, check) for check in finds[1].split(", ")}
            assert finds or "finds:" not in lines[at], f"{file}:{number + at}: {lines[at]}"
            code.append(lines[at])
            at += 1
        yield _Section(kind, text, "\n".join(code).strip("\n"), frozenset(expected))


def _by_shape(sections: list[_Section]) -> Iterator[list[_Section]]:
    """Divide sections by shape: one begins with its mark, or else with its bug."""
    shape: list[_Section] = []
    for section in sections:
        if section.kind == "shape" or (section.kind == "bug" and any(each.kind == "fix" for each in shape)):
            if shape:
                yield shape
            shape = []
        shape.append(section)
    yield shape


def _shape(sections: list[_Section]) -> Shape:
    bug, fix = (next(each for each in sections if each.kind == kind) for kind in ("bug", "fix"))
    routine, *call = bug.text.split()
    corrected, *its_call = fix.text.split()
    good = next((each for each in sections if each.kind == "good"), None)
    code, expected = (fix.code, fix.expected) if good is None else (good.code, good.expected)
    return Shape(
        text=" ".join(each.text for each in sections if each.kind == "shape"),
        shared="\n\n".join(each.code for each in sections if each.kind in ("shape", "limit") and each.code),
        bug=Version(routine, tuple(call), bug.code, bug.expected),
        fix=Version(
            corrected, tuple(its_call or call), code, expected, () if good is None else tuple(good.text.split())
        ),
        limits=tuple(each.text for each in sections if each.kind == "limit"),
    )
