# SPDX-License-Identifier: GPL-2.0-or-later
"""The benches of the conformance suite, one a profile and process, and the routines that are tested on each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from emu import build_guest
from emu.accessors import FAMILY, PRIMITIVES
from tests.conformance.accessors.bench import GUEST, Bench, Routines
from tests.conformance.accessors.case import Case
from tests.conformance.accessors.cases import cases_of
from tests.conformance.accessors.tally import note

CPUS: Final = (
    "nehalem",
    "ivybridge",
    "epyc-rome",
    "skylake-server",
    "skylake-server,smap=permit",
    "skylake-server,smap=off",
)
"""One for each way that the routines can take: SMAP window or none, `rep movsb` or none; each SMAP policy."""

PROFILES: Final = tuple(profile for cpu in CPUS for profile in (cpu, f"{cpu},primitives=kernel"))
"""All of them with either kernel."""

SHOWN: Final = 20

_benches: dict[str, Bench] = {}


def bench(profile: str) -> Bench:
    """Return the bench of a profile."""
    found = _benches.get(profile)
    if found is None:
        found = _benches[profile] = Bench(profile)
    return found


def fresh_bench(profile: str) -> Bench:
    """Return the bench of a profile as it was made."""
    found = bench(profile)
    found.machine.reset()
    return found


def close_benches() -> None:
    """Close every machine."""
    for each in _benches.values():
        each.close()
    _benches.clear()
    _routines.cache_clear()


class Link(NamedTuple):
    """How the routines come to the machine."""

    name: str
    make: Callable[[Bench], Routines]


def _of_the_library_image(bench: Bench) -> Routines:
    """Those of umaccess.sys, which every machine has; with the kernel's primitives beneath where it has them."""
    library = next(module for module in bench.machine.modules if module.name == "umaccess")
    kernel = bench.machine.system.kernel
    addresses = {name: library[name] for name in library.image.exports if name in FAMILY}
    return Routines(addresses, (library, kernel))


def _of_the_kernel(bench: Bench) -> Routines:
    """The kernel's own primitives."""
    kernel = bench.machine.system.kernel
    return Routines({name: kernel[name] for name in PRIMITIVES}, (kernel,))


def _linked(bench: Bench, *, dbg: bool) -> Routines:
    """Those of umaccess.lib, linked into a driver that uses the macros of usermode_accessors.h."""
    bench.machine.reset()
    module = bench.machine.load(driver(dbg=dbg))
    bench.checkpoint()
    addresses = {name: module[name] for name in FAMILY if FAMILY[name].kind == "function"}
    addresses |= {name.removeprefix("Use"): module[name] for name in module.image.exports if name.startswith("Use")}
    return Routines(addresses, (module, bench.machine.system.kernel), is_dbg=dbg)


@functools.cache
def driver(*, dbg: bool) -> Path:
    """Build the driver: all functions of the library, and a function for each macro."""
    functions = [name for name, accessor in FAMILY.items() if accessor.kind == "function"]
    return build_guest(GUEST / "macros.c", export=functions, defines=("DBG=1",) if dbg else ())


LIBRARY_IMAGE: Final = Link("umaccess.sys", _of_the_library_image)
KERNEL: Final = Link("ntoskrnl.exe", _of_the_kernel)
LINKED: Final = Link("umaccess.lib", lambda bench: _linked(bench, dbg=False))
LINKED_DBG: Final = Link("umaccess_dbg.lib", lambda bench: _linked(bench, dbg=True))


@functools.cache
def _routines(profile: str, link: Link) -> Routines:
    return link.make(bench(profile))


def routines(profile: str, link: Link) -> Routines:
    """Return the routines of a link on a profile's bench."""
    return _routines(profile, link)


def functions(family: str) -> list[str]:
    """Return the names of a part of the family that are routines."""
    return [name for name, each in FAMILY.items() if each.family == family and each.kind == "function"]


def sampled(names: Iterable[str], every: int, first: int) -> Iterator[Case]:
    """Give every so manieth case of each clause of each name, from the first one on: at least one."""
    for name in names:
        for _, group in groupby(cases_of(name), key=lambda case: case.clause):
            cases = tuple(group)
            yield from cases[first % min(every, len(cases)) :: every]


def check_cases(item: pytest.Item, profile: str, link: Link, cases: Iterable[Case]) -> None:
    """Make the calls, and fail with a line for each that is not as the contract says."""
    __tracebackhide__ = True
    made, wrong = [], []
    tested, machine = routines(profile, link), fresh_bench(profile)
    for case in cases:
        made.append(case)
        if failure := machine.check(case, tested):
            wrong.append(failure)
    note(item, profile, made)
    if wrong:
        more = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        head = f"{len(wrong)} of {len(made)} calls on {profile}, {link.name}:"
        pytest.fail("\n".join((head, *wrong[:SHOWN], *more)), pytrace=False)
