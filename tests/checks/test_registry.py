# SPDX-License-Identifier: GPL-2.0-or-later
"""Which checks a selection names, its mistakes, and what other packages offer."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from emu.checks import Check, CheckError, registry
from emu.checks.registry import check_names, describe_checks, load_check, select_checks


class Foreign(Check):
    """A rule of another package.

    Proves: a. Cannot see: b. Cost: c.
    """

    name = "foreign"


class Watcher:
    """An observer, which is no check."""


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """What other packages offer."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point for point in points if point.group == group])
    registry._installed.cache_clear()
    yield points
    registry._installed.cache_clear()


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "umaccess_emu.checks")


class TestSelection:
    def test_forms(self) -> None:
        assert select_checks(None) == ()
        assert select_checks("irql") == ("irql",)
        assert select_checks("irql, overlap") == select_checks(["irql", "overlap"]) == ("irql", "overlap")
        assert select_checks(["irql,overlap", "irql"]) == ("irql", "overlap")
        assert select_checks("irql,overlap,-irql") == ("overlap",)
        assert select_checks("") == ()

    def test_default_and_all(self) -> None:
        default, everything = select_checks("default"), select_checks("all")
        assert set(everything) == set(check_names())
        assert set(default) == {each.name for each in describe_checks() if each.default}
        assert {"irql", "overlap", "direct-user-access"} <= set(default)
        assert "unwind-data" not in default
        assert set(everything) - set(select_checks("all,-irql")) == {"irql"}

    @pytest.mark.parametrize("selection", ["irgl", "-irgl", ["irql", "irgl"]])
    def test_an_unknown_one(self, selection: str | list[str]) -> None:
        with pytest.raises(CheckError, match=r"^there is no check 'irgl'; nearest: irql; `emu checks` lists them$"):
            select_checks(selection)


class TestOtherPackages:
    def test_their_checks_are_there(self, offered: list[EntryPoint]) -> None:
        offered += [point("foreign", f"{__name__}:Foreign"), point("watcher", f"{__name__}:Watcher")]
        assert check_names()[-2:] == ("foreign", "watcher")
        assert load_check("foreign") is not None
        assert select_checks("default")[-1] == "foreign", "an observer is not turned on unasked"
        assert select_checks("watcher") == ("watcher",)

    def test_one_that_cannot_be_loaded(self, offered: list[EntryPoint]) -> None:
        offered.append(point("lost", "nowhere_at_all:Check"))
        with pytest.raises(CheckError, match=r"^the check 'lost' cannot be loaded: ModuleNotFoundError: No module"):
            load_check("lost")

    def test_a_name_that_is_taken(self, offered: list[EntryPoint]) -> None:
        offered.append(point("irql", "theirs:Irql"))
        with pytest.raises(
            CheckError,
            match=r"^theirs:Irql offers a check 'irql', and there is one of that name; rename its entry point$",
        ):
            check_names()


def test_names_of_the_projects_own() -> None:
    for name in registry.BUILTIN:
        made = load_check(name)()
        assert isinstance(made, Check)
        assert made.name == name
