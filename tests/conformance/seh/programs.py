# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of this directory, and what they say that they do.

A program is a source whose function of the same name is called. The comments at its end give what it writes down, in
order, and how it ends:

    /* expect
    filter own C0000005 answers 1
    except
    returned 1
    */

`expect gnu: REASON` is what a build for the `gnu` target does instead, `expect wine: REASON` a user process under
Wine; `expect kernel: REASON` in place of `expect` keeps a program out of user mode. Every variant gives its reason.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent

LEVELS = ("0", "1", "2")
TARGETS = ("msvc", "gnu")

_EXPECTATION = re.compile(r"/\* expect(?: (gnu|wine|kernel))?(?:: ([^\n]+))?\n(.*?)^\*/", re.DOTALL | re.MULTILINE)


class Program(NamedTuple):
    """One source, and what is expected of it: variant → lines; `""` is the variant of every build.

    `reasons` has the reason of every other variant.
    """

    path: Path
    expected: dict[str, tuple[str, ...]]
    reasons: dict[str, str]

    @property
    def name(self) -> str:
        """The function's name, and the file's."""
        return self.path.stem

    @property
    def runs_in_user_mode(self) -> bool:
        """Whether it uses only what a user process has, too."""
        return "kernel" not in self.expected

    def expects(self, target: str) -> tuple[str, ...]:
        """Return what a build for a target does on the emulated kernel."""
        common = self.expected.get("") or self.expected["kernel"]
        return self.expected.get("gnu", common) if target == "gnu" else common

    def expects_under_wine(self) -> tuple[str, ...]:
        """Return what a user process does under Wine (`msvc` target)."""
        return self.expected.get("wine", self.expected[""])


def read_program(path: Path) -> Program:
    """Read a program's expectations. Raises ValueError for a source that has none, or a variant without a reason."""
    expected: dict[str, tuple[str, ...]] = {}
    reasons: dict[str, str] = {}
    for variant, reason, lines in _EXPECTATION.findall(path.read_text(encoding="utf-8")):
        if bool(variant) != bool(reason):
            raise ValueError(f"{path.name}: `expect {variant}` needs a reason, `expect {variant or 'gnu'}: REASON`")
        if variant in expected:
            raise ValueError(f"{path.name}: two expectations `{variant}`")
        expected[variant] = tuple(lines.splitlines())
        if reason:
            reasons[variant] = reason
    if ("" in expected) == ("kernel" in expected):
        raise ValueError(f"{path.name}: give one of `expect` and `expect kernel: REASON`")
    return Program(path, expected, reasons)


def read_programs(directory: Path) -> tuple[Program, ...]:
    """Read every program of a directory. Raises ValueError as `read_program`, and for a name that two sources have."""
    programs = tuple(read_program(path) for path in sorted((*directory.glob("*.c"), *directory.glob("*.S"))))
    for program, following in pairwise(sorted(programs, key=lambda program: program.name)):
        if program.name == following.name:
            raise ValueError(f"{program.path.name} and {following.path.name}: two programs of one name")
    return programs


PROGRAMS = read_programs(HERE)


def wine_differences() -> dict[str, str]:
    """Return the programs that do something else under Wine than on the emulated kernel, each with the reason."""
    return {program.name: program.reasons["wine"] for program in PROGRAMS if "wine" in program.reasons}
