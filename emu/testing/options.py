# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin's options, and the marker `emu`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from emu.profile import Profile

MARKER: Final = "emu"
KEYWORDS: Final = ("profile", "smap", "irql", "finds", "checks")
QUICK, FULL = "quick", "full"
QUICK_SAMPLE: Final = 500
"""Cases that `--emu-sweep=quick` runs of a sweep, the same ones each time."""

HIGHEST_IRQL: Final = 15

CHECKS_PLUGIN: Final = "emu-checks"
"""The plugin that is there where a run has checks."""

PROFILES = pytest.StashKey["tuple[Profile, ...]"]()
"""Of a configuration: those of `--emu-profiles`."""


def add_options(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("emu", "machines that run guest code (umaccess-emu)")
    group.addoption(
        "--emu-profiles",
        metavar="PROFILE,…",
        help="run each test of a machine on each of these profiles, as in nehalem,broadwell,smap=off",
    )
    group.addoption(
        "--emu-sweep",
        choices=(QUICK, FULL),
        default=QUICK,
        help=f"how many cases of a sweep are run: {QUICK_SAMPLE}, the same each time, or all; default: %(default)s",
    )
    group.addoption(
        "--emu-cov",
        metavar="FILE",
        help="write which lines and __try parts of the guest code ran, as an lcov tracefile",
    )
    group.addoption(
        "--emu-cov-module",
        metavar="NAME",
        action="append",
        default=[],
        help="a module to report; by default those that tests load from files, without any of these all",
    )
    group.addoption(
        "--emu-checks",
        metavar="CHECKS",
        help="check every call: default, all, or names with commas between; by default what [tool.umaccess-emu.checks] "
        "of pyproject.toml selects",
    )
    group.addoption("--emu-update", action="store_true", help="accept the traces that differ from the golden ones")


def configure(config: pytest.Config) -> None:
    """Declare the marker, and read `--emu-profiles`. Raises `pytest.UsageError`."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(profile=, smap=, irql=, finds=, checks=): the CPU model and SMAP policy of the test's machine, the "
        "IRQL of its calls; the checks that must find something, and those that look",
    )
    text = config.getoption("--emu-profiles")
    if text is not None:
        config.stash[PROFILES] = parse_profiles(text)


def selects_checks(config: pytest.Config) -> bool:
    """Tell whether the project's `pyproject.toml` may select checks: one that does not name the table does not."""
    path = config.rootpath / "pyproject.toml"
    try:
        return b"umaccess-emu.checks" in path.read_bytes()
    except OSError:
        return False


def parse_profiles(text: str) -> tuple[Profile, ...]:
    """Read profiles with commas between; a setting belongs to the one before it. Raises `pytest.UsageError`."""
    from emu.profile import ProfileError  # noqa: PLC0415
    from emu.profile import parse_profiles as parse  # noqa: PLC0415

    try:
        profiles = parse(text)
    except ProfileError as error:
        raise pytest.UsageError(f"--emu-profiles {text}: {error}") from None
    for profile in profiles:
        if profiles.count(profile) > 1:
            raise pytest.UsageError(f"--emu-profiles {text}: {profile} is there twice; name it once")
    return profiles


@dataclass(frozen=True)
class Marked:
    """What the markers of a test say; the nearest one counts."""

    profile: Profile | None = None
    smap: str | None = None
    irql: int = 0
    finds: tuple[str, ...] = ()
    """Checks that must find something."""
    checks: tuple[str, ...] | None = None
    """Those that look, None: those of the run."""

    def applied_to(self, profile: Profile | None) -> Profile:
        """Return the profile of the test's machine; `profile` is what the command line has for it."""
        from emu.profile import Profile  # noqa: PLC0415

        chosen = self.profile or profile or Profile()
        return chosen if self.smap is None else Profile(chosen.cpu, self.smap, chosen.primitives)


def are_checks_wanted(item: pytest.Item) -> bool:
    """Tell whether a test's machines may have checks."""
    return item.config.pluginmanager.has_plugin(CHECKS_PLUGIN) or any(
        {"finds", "checks"}.intersection(mark.kwargs) for mark in item.iter_markers(MARKER)
    )


def marked(item: pytest.Item) -> Marked:
    """Read the markers of a test; a mistake in them is its failure."""
    given: dict[str, Any] = {}
    for mark in item.iter_markers(MARKER):
        if mark.args:
            _fail(f"{mark.args[0]!r} has no name; write @pytest.mark.emu(profile={mark.args[0]!r})")
        for name, value in mark.kwargs.items():
            if name not in KEYWORDS:
                _fail(f"{name}= is unknown; there are {', '.join(f'{each}=' for each in KEYWORDS)}")
            given.setdefault(name, value)
    if not given:
        return Marked()
    return _read(**given)


def _read(
    profile: object = None, smap: object = None, irql: object = 0, finds: object = (), checks: object = None
) -> Marked:
    from emu.profile import SMAP_POLICIES, Profile, ProfileError  # noqa: PLC0415

    if smap is not None and smap not in SMAP_POLICIES:
        _fail(f"smap={smap!r}: there are {', '.join(SMAP_POLICIES)}")
    if isinstance(irql, bool) or not isinstance(irql, int) or not 0 <= irql <= HIGHEST_IRQL:
        _fail(f"irql={irql!r}: choose 0 (PASSIVE_LEVEL) to {HIGHEST_IRQL} (HIGH_LEVEL)")
    if isinstance(profile, str):
        try:
            profile = Profile.parse(profile)
        except ProfileError as error:
            _fail(f"profile={profile!r}: {error}")
    if profile is not None and not isinstance(profile, Profile):
        _fail(f"profile={profile!r}: give a Profile or its text form, as 'nehalem'")
    return Marked(
        profile,
        None if smap is None else str(smap),
        irql,
        _names("finds", finds),
        None if checks is None else _names("checks", checks),
    )


def _names(keyword: str, value: object) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, tuple | list) or not all(isinstance(name, str) for name in names):
        _fail(f"{keyword}={value!r}: give the name of a check, or a list of them")
    return tuple(word.strip() for name in names for word in name.split(",") if word.strip())


def _fail(what: str) -> NoReturn:
    pytest.fail(f"@pytest.mark.{MARKER}: {what}", pytrace=False)


def parametrise(metafunc: pytest.Metafunc) -> None:
    """Run a test on each profile of `--emu-profiles`, unless it names its own."""
    profiles = metafunc.config.stash.get(PROFILES, ())
    if not profiles or "emu_profile" not in metafunc.fixturenames:
        return
    definition = metafunc.definition
    if any("profile" in mark.kwargs for mark in definition.iter_markers(MARKER)):
        return
    for mark in definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs.get("argnames", ())
        names = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
        if {"machine", "emu_profile"}.intersection(names):
            return
    metafunc.parametrize("emu_profile", profiles, ids=[str(profile) for profile in profiles], indirect=True)
