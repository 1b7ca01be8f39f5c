# SPDX-License-Identifier: GPL-2.0-or-later
"""Which checks there are, and which of them a machine is given."""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import entry_points
from typing import Any, Final, TypeAlias

from emu.checks.check import Description, describe_check
from emu.checks.check_error import CheckError
from emu.checks.hookspec import ENTRY_POINTS

Selection: TypeAlias = str | Sequence[str]
"""`"default"`, `"all"`, names with commas between, or a list of them; a name behind `-` is left out."""

DEFAULT: Final = "default"
ALL: Final = "all"

BUILTIN: Final = {
    "accesses-outside": "emu.checks.builtin.accesses_outside:AccessesOutside",
    "direct-user-access": "emu.checks.builtin.direct_user_access:DirectUserAccess",
    "direction-flag": "emu.checks.builtin.direction_flag:DirectionFlag",
    "double-fetch": "emu.checks.builtin.double_fetch:DoubleFetch",
    "information-leak": "emu.checks.builtin.information_leak:InformationLeak",
    "irql": "emu.checks.builtin.irql:Irql",
    "kernel-pointer": "emu.checks.builtin.kernel_pointer:KernelPointer",
    "lock": "emu.checks.builtin.lock:Lock",
    "mode": "emu.checks.builtin.mode:Mode",
    "nonvolatile-registers": "emu.checks.builtin.nonvolatile_registers:NonvolatileRegisters",
    "out-of-range": "emu.checks.builtin.out_of_range:OutOfRange",
    "overlap": "emu.checks.builtin.overlap:Overlap",
    "pool": "emu.checks.builtin.pool:Pool",
    "read-count": "emu.checks.builtin.read_count:ReadCount",
    "smap-window": "emu.checks.builtin.smap_window:SmapWindow",
    "stack": "emu.checks.builtin.stack:Stack",
    "torn": "emu.checks.builtin.torn:Torn",
    "unguarded-user-access": "emu.checks.builtin.unguarded_user_access:UnguardedUserAccess",
    "unwind-data": "emu.checks.builtin.unwind_data:UnwindData",
}
"""The project's own, by their names: where each is. One is imported when it is selected or listed."""


@functools.cache
def _installed() -> dict[str, Callable[[], Any]]:
    """Return what other packages offer: name → what loads it."""
    found: dict[str, Callable[[], Any]] = {}
    for point in entry_points(group=ENTRY_POINTS):
        if point.name in BUILTIN:
            raise CheckError(
                f"{point.value} offers a check {point.name!r}, and there is one of that name; rename its entry point"
            )
        found[point.name] = point.load
    return found


def check_names() -> tuple[str, ...]:
    """Return the names of all checks, the project's own first."""
    return (*BUILTIN, *(name for name in _installed() if name not in BUILTIN))


def load_check(name: str) -> Callable[[], object]:
    """Return what makes a plugin. Raises `CheckError` for a name that nobody offers, or what cannot be loaded."""
    if name in BUILTIN:
        module, _, kind = BUILTIN[name].partition(":")
        made: Callable[[], object] = getattr(importlib.import_module(module), kind)
        return made
    installed = _installed()
    if name not in installed:
        raise CheckError(_unknown(name))
    try:
        loaded: Callable[[], object] = installed[name]()
    except Exception as error:
        raise CheckError(f"the check {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    return loaded


def _unknown(name: str) -> str:
    names = check_names()
    nearest = difflib.get_close_matches(name, [*names, DEFAULT, ALL], n=3, cutoff=0.5)
    hint = f"nearest: {', '.join(nearest)}; " if nearest else ""
    return f"there is no check {name!r}; {hint}`emu checks` lists them"


def select_checks(selection: Selection | None) -> tuple[str, ...]:
    """Return the names of the checks of a selection, each once; none for None. Raises `CheckError`."""
    chosen: dict[str, None] = {}
    for word in _words(selection):
        if word == ALL:
            chosen |= dict.fromkeys(check_names())
        elif word == DEFAULT:
            chosen |= dict.fromkeys(name for name in check_names() if getattr(load_check(name), "default", False))
        elif word.startswith("-"):
            load_check(word[1:])
            chosen.pop(word[1:], None)
        else:
            load_check(word)
            chosen[word] = None
    return tuple(chosen)


def _words(selection: Selection | None) -> Iterator[str]:
    parts: Iterable[str] = (selection,) if isinstance(selection, str) else selection or ()
    for part in parts:
        yield from (word.strip() for word in part.split(",") if word.strip())


def describe_checks(names: Iterable[str] | None = None) -> list[Description]:
    """Return what each check says of itself, by default of all."""
    return [describe_check(name, load_check(name)) for name in (check_names() if names is None else names)]
