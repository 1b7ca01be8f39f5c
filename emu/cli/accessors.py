# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu accessors`: the accessor family as a list, or one of it with its contract and its code."""

from __future__ import annotations

import difflib
import fnmatch
from dataclasses import dataclass

from emu.accessors import FAMILIES, FAMILY, Accessor
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import make_console, show, show_json

_MODES = ("user", "mode", "kernel")
_KINDS = ("function", "macro")


@dataclass(frozen=True, slots=True)
class AccessorsOptions:
    """The options of `emu accessors`, as given; None: left out."""

    name: str | None
    family: str | None
    mode: str | None
    kind: str | None


def run_accessors(options: AccessorsOptions, *, as_json: bool) -> int:
    """Run `emu accessors`; returns the exit status."""
    with mistakes_reported():
        if options.name is not None and not set(options.name) & set("*?["):
            _show_one(options, options.name, as_json)
        else:
            _show_list(select(options), as_json)
    return 0


def select(options: AccessorsOptions) -> list[Accessor]:
    """Return the accessors that the filters leave. Raises `Mistake` for an unknown filter, and where none is left."""
    family = options.family and options.family.replace("-", " ")
    for value, known, what in (
        (family, FAMILIES, "family"),
        (options.mode, _MODES, "mode"),
        (options.kind, _KINDS, "kind"),
    ):
        if value is not None and value not in known:
            raise Mistake(f"there is no {what} {value!r}; there are {', '.join(known)}")
    found = [
        accessor
        for accessor in FAMILY.values()
        if (family is None or accessor.family == family)
        and (options.mode is None or accessor.mode == options.mode)
        and (options.kind is None or accessor.kind == options.kind)
        and (options.name is None or fnmatch.fnmatchcase(accessor.name.lower(), options.name.lower()))
    ]
    if not found:
        raise Mistake("no accessor is all of that; leave out a filter, or widen the pattern")
    return found


def find(name: str) -> Accessor:
    """Return the accessor of that name. Raises `Mistake`, which names the nearest ones."""
    found = FAMILY.get(name)
    if found is not None:
        return found
    by_lower_case = {known.lower(): known for known in FAMILY}
    nearest = difflib.get_close_matches(name.lower(), by_lower_case, n=3, cutoff=0.5)
    hint = f"nearest: {', '.join(by_lower_case[each] for each in nearest)}; " if nearest else ""
    raise Mistake(f"there is no accessor {name!r}; {hint}`emu accessors` lists all {len(FAMILY)}")


def _show_one(options: AccessorsOptions, name: str, as_json: bool) -> None:
    for given, option in ((options.family, "--family"), (options.mode, "--mode"), (options.kind, "--kind")):
        if given is not None:
            raise Mistake(f"{option} filters the list; {name} is one accessor")
    accessor = find(name)
    if as_json:
        from emu.cli.accessor_data import accessor_data  # noqa: PLC0415 (one of the two is needed)

        show_json(accessor_data(accessor))
    else:
        from emu.cli.accessor_display import display_accessor  # noqa: PLC0415

        show(make_console(), *display_accessor(accessor))


def _show_list(accessors: list[Accessor], as_json: bool) -> None:
    if as_json:
        from emu.cli.accessor_data import row_data  # noqa: PLC0415

        show_json({"accessors": [row_data(accessor) for accessor in accessors]})
    else:
        from emu.cli.accessor_list import display_list  # noqa: PLC0415

        show(make_console(), *display_list(accessors))
