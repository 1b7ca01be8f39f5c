# SPDX-License-Identifier: GPL-2.0-or-later
"""What a project says about its checks in `pyproject.toml`.

[tool.umaccess-emu.checks]
select = "default"                         # for pytest and the command line, where they are given no others
accessors = { my_copy = "CopyFromUser" }   # routines of one's own that touch user memory as this accessor does

[[tool.umaccess-emu.checks.suppress]]
check = "direct-user-access"
symbol = "legacy!Peek*"                    # module!function, or a function of any module
reason = "goes away with the old interface"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from emu.checks.check_error import CheckError
from emu.checks.finding import Finding
from emu.checks.registry import Selection, load_check

FILE: Final = "pyproject.toml"
TABLE: Final = "tool.umaccess-emu.checks"
_KEYS: Final = ("select", "accessors", "suppress")
_SUPPRESSION_KEYS: Final = ("check", "symbol", "reason")


@dataclass(frozen=True, slots=True)
class Suppression:
    """Findings that are known, and why they are left out."""

    check: str
    symbol: str
    """`module!function` or `function`, with the wildcards of `fnmatch`."""
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Tell whether a finding is one of these."""
        if finding.check != self.check:
            return False
        where = finding.where.function
        return fnmatchcase(where, self.symbol) or fnmatchcase(where.partition("!")[2], self.symbol)

    def __str__(self) -> str:
        return f"{self.check} in {self.symbol} ({self.reason})"


@dataclass(frozen=True)
class CheckConfiguration:
    """What a project says about its checks."""

    select: Selection | None = None
    accessors: Mapping[str, str] = field(default_factory=dict)
    """Routines of one's own → the accessor that they are as."""
    suppressions: tuple[Suppression, ...] = ()


def find_configuration(directory: Path) -> CheckConfiguration:
    """Read the nearest `pyproject.toml` at or above a directory; without one, or without the table, nothing is said.

    Raises `CheckError` for a mistake in the table.
    """
    for each in (directory, *directory.parents):
        path = each / FILE
        if path.is_file():
            return read_configuration(path)
    return CheckConfiguration()


def read_configuration(path: Path) -> CheckConfiguration:
    """Read the table of a file. Raises `CheckError`."""
    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CheckError(f"{path}: {error}") from error
    for key in TABLE.split("."):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    try:
        return _configuration(table)
    except CheckError as error:
        raise CheckError(f"{path}: [{TABLE}]: {error}") from None


def _configuration(table: Any) -> CheckConfiguration:
    if not isinstance(table, dict):
        raise CheckError(f"{table!r} is no table")
    _check_keys(table, _KEYS)
    select = table.get("select")
    if select is not None and not (isinstance(select, str) or _is_texts(select)):
        raise CheckError(f'select = {select!r}: give "default", "all", or a list of names')
    accessors = table.get("accessors", {})
    if not isinstance(accessors, dict):
        raise CheckError(f'accessors = {accessors!r}: give a table, as {{ my_copy = "CopyFromUser" }}')
    check_accessors(accessors)
    suppressions = table.get("suppress", [])
    if not isinstance(suppressions, list):
        raise CheckError(f"suppress = {suppressions!r}: write [[{TABLE}.suppress]]")
    return CheckConfiguration(select, accessors, tuple(_suppression(each) for each in suppressions))


def check_accessors(accessors: Mapping[str, object]) -> None:
    """Raise `CheckError` where one is to be as something that is no accessor."""
    from emu.accessors import FAMILY  # noqa: PLC0415 (few projects have routines of their own)

    for name, documented in accessors.items():
        if not isinstance(documented, str) or documented not in FAMILY:
            raise CheckError(f"accessors.{name} = {documented!r} is no accessor; `emu accessors` lists them")


def _suppression(table: Any) -> Suppression:
    if not isinstance(table, dict):
        raise CheckError(f"suppress: {table!r} is no table")
    _check_keys(table, _SUPPRESSION_KEYS)
    for key in _SUPPRESSION_KEYS:
        if not isinstance(table.get(key), str) or not table[key].strip():
            raise CheckError(f"suppress: {key} is missing; each needs a check, a symbol and a reason")
    load_check(table["check"])
    return Suppression(*(table[key] for key in _SUPPRESSION_KEYS))


def _check_keys(table: Mapping[str, object], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise CheckError(f"{key} is unknown; there are {', '.join(known)}")


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


class Suppressions:
    """The suppressions of a run, and which of them something was found for."""

    def __init__(self, suppressions: Iterable[Suppression]) -> None:
        self._all = tuple(suppressions)
        self._used: set[Suppression] = set()
        self.suppressed: list[tuple[Finding, Suppression]] = []
        """What was left out."""

    def leaves_out(self, finding: Finding) -> bool:
        """Tell whether a finding is to be left out, and note it if so."""
        for each in self._all:
            if each.covers(finding):
                self._used.add(each)
                self.suppressed.append((finding, each))
                return True
        return False

    @property
    def used(self) -> tuple[Suppression, ...]:
        """Those for which something was found."""
        return tuple(each for each in self._all if each in self._used)

    def use(self, suppressions: Iterable[Suppression]) -> None:
        """Note that something was found for some."""
        self._used.update(suppressions)

    def unused(self, checks: Iterable[str]) -> tuple[Suppression, ...]:
        """Return those of these checks for which nothing was found."""
        names = set(checks)
        return tuple(each for each in self._all if each.check in names and each not in self._used)
