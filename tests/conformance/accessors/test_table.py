# SPDX-License-Identifier: GPL-2.0-or-later
"""Every accessor and every clause: the calls of cases.py, each held against contract.py.

The default profile makes all of them, with the other kernel half of them; the other profiles share them. The sweeps
leave nothing out.
"""

from __future__ import annotations

import pytest

from emu.accessors import FAMILIES, FAMILY
from tests.conformance.accessors.cases import cases_of
from tests.conformance.accessors.suite import (
    CPUS,
    KERNEL,
    LIBRARY_IMAGE,
    LINKED,
    LINKED_DBG,
    PROFILES,
    Link,
    check_cases,
    functions,
    sampled,
)

DEFAULT = ("skylake-server", "skylake-server,primitives=kernel")
OTHERS = [profile for profile in PROFILES if profile not in DEFAULT]
KERNELS = [f"{cpu},primitives=kernel" for cpu in CPUS]
LINKS = (LINKED, LINKED_DBG)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("profile", PROFILES)
def test_the_library_image(request: pytest.FixtureRequest, profile: str, family: str) -> None:
    """The routines of umaccess.sys, called by name."""
    every, first = (len(OTHERS), OTHERS.index(profile)) if profile in OTHERS else (1 + DEFAULT.index(profile), 0)
    check_cases(request.node, profile, LIBRARY_IMAGE, sampled(functions(family), every, first))


@pytest.mark.parametrize("profile", KERNELS)
def test_the_kernels_primitives(request: pytest.FixtureRequest, profile: str) -> None:
    """The routines that ntoskrnl.exe exports, called without the library."""
    cases = sampled(functions("primitive"), len(KERNELS), KERNELS.index(profile))
    check_cases(request.node, profile, KERNEL, cases)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
@pytest.mark.parametrize("profile", DEFAULT)
def test_a_driver_that_links_the_library(request: pytest.FixtureRequest, profile: str, link: Link, family: str) -> None:
    """The routines and the macros in a driver of C, linked with umaccess.lib and with umaccess_dbg.lib."""
    names = functions(family)
    macros = [name for name, each in FAMILY.items() if each.family == family and each.kind == "macro"]
    first = 2 * DEFAULT.index(profile) + LINKS.index(link)
    check_cases(request.node, profile, link, sampled(names, 8, first))
    check_cases(request.node, profile, link, sampled(macros, 1, 0))


@pytest.mark.sweep
@pytest.mark.parametrize("link", [LIBRARY_IMAGE, LINKED, LINKED_DBG], ids=lambda link: link.name)
@pytest.mark.parametrize("profile", PROFILES)
def test_everything_everywhere(request: pytest.FixtureRequest, profile: str, link: Link) -> None:
    """The whole product."""
    names = [name for name in FAMILY if link is not LIBRARY_IMAGE or FAMILY[name].kind == "function"]
    check_cases(request.node, profile, link, sampled(names, 1, 0))


@pytest.mark.sweep
@pytest.mark.parametrize("profile", KERNELS)
def test_everything_of_the_kernels(request: pytest.FixtureRequest, profile: str) -> None:
    """All calls of the kernels' primitives."""
    check_cases(request.node, profile, KERNEL, sampled(functions("primitive"), 1, 0))


def test_every_name_has_every_clause_that_it_can_have() -> None:
    """What is missing in the table is missing by its nature."""
    for name, accessor in FAMILY.items():
        has = {case.clause for case in cases_of(name)}
        wanted = {"success", "IRQL", "flags"}
        if accessor.user_parameters:
            wanted |= {"first byte", "last byte", "kernel address", "limit", "wrap"}
            if (accessor.width or 9) > 1:
                wanted.add("misaligned")
            if (accessor.width or 9) > 2 and accessor.family != "interlocked" and "Interlocked" not in name:
                wanted.add("middle byte")
        if accessor.takes_mode:
            wanted |= {"kernel mode", "upper bits"}
        if any(parameter.name in ("Length", "Size") for parameter in accessor.parameters):
            wanted.add("length 0")
        assert wanted <= has, f"{name} lacks {wanted - has}"
