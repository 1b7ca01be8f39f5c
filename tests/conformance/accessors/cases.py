# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of the conformance suite: for every documented name the calls that are made, by clause.

Made from `emu.accessors.FAMILY` alone, so that a new name has its cases at once. Which cases there are depends on no
profile; what each must do is contract.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain

from emu.accessors import FAMILY
from tests.conformance.accessors.access_cases import GARBAGE, USER_MODES, access_cases
from tests.conformance.accessors.arenas import KERNEL_SOURCE, LIMIT, USER_SOURCE, WRAP
from tests.conformance.accessors.case import AC, CLAUSES, Case, Shape, shape_of
from tests.conformance.accessors.string_cases import string_cases
from tests.conformance.accessors.terms import KERNEL_MODE, Given, Kind


@cache
def cases_of(name: str) -> tuple[Case, ...]:
    """Return the cases of a name, in the order of `CLAUSES`."""
    shape = shape_of(FAMILY[name])
    makers = {Kind.FILTER: _filter_cases, Kind.FAST_FAIL: _fast_fail_cases, Kind.STRING_LENGTH: string_cases}
    order = tuple(CLAUSES)
    return tuple(sorted(makers.get(shape.kind, access_cases)(shape), key=lambda case: order.index(case.clause)))


def all_cases() -> Iterator[Case]:
    """Give every case of every name, in the order of the documentation."""
    return chain.from_iterable(map(cases_of, FAMILY))


def _filter_cases(shape: Shape) -> Iterator[Case]:
    yield shape.case("success", "UserMode", Given())
    yield shape.case("kernel mode", "KernelMode", Given(mode=KERNEL_MODE))
    for mode in (*USER_MODES, GARBAGE):
        yield shape.case("upper bits", f"Mode {mode:#x}", Given(mode=mode))
    for irql in (1, 2):
        yield shape.case("IRQL", str(irql), Given())._replace(irql=irql)
    for flags in (0, AC):
        yield shape.case("flags", f"{flags:#x}", Given())._replace(flags=flags)


def _fast_fail_cases(shape: Shape) -> Iterator[Case]:
    for address in (KERNEL_SOURCE.base, 0xFFFF_8000_0000_0000, 0x8000_0000_0000, WRAP - 1):
        yield shape.case("success", f"{address:#x}", Given(address))
        for flags in (0, AC):
            yield shape.case("flags", f"{flags:#x}, {address:#x}", Given(address))._replace(flags=flags)
    for address in (0, 1, USER_SOURCE.base):
        yield shape.case("kernel mode", f"user address {address:#x}", Given(address))
    for address in (LIMIT - 1, LIMIT):
        yield shape.case("limit", f"the limit{address - LIMIT:+d}", Given(address))
    for irql in (1, 2, 15):
        for address in (KERNEL_SOURCE.base, USER_SOURCE.base):
            yield shape.case("IRQL", f"{irql}, {address:#x}", Given(address))._replace(irql=irql)
