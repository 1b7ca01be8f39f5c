# SPDX-License-Identifier: GPL-2.0-or-later
"""Every routine of the library that touches user memory, on silicon and on the engine: the same to the bit.

Landed bytes, all registers and flags, XMM, the instruction that stopped, the address and the error code of its fault;
the one difference that is known stands in `comparison.as_on_the_engine`. What raises ends at the export that raises,
its record on the stack.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu.accessors import FAMILY, Accessor
from emu.cpu import registers as r
from emu.cpu.trap import ERROR_PRESENT as PRESENT
from emu.cpu.trap import ERROR_USER as USER
from emu.cpu.trap import ERROR_WRITE as WRITE
from emu.cpu.trap import Vector
from tests.silicon.calls import Calls
from tests.silicon.comparison import compare
from tests.silicon.library import describe, has_routine, library_pages
from tests.silicon.native import needs_silicon
from tests.silicon.world import Case, Protection

pytestmark = needs_silicon

ROUTINES = [
    accessor
    for accessor in FAMILY.values()
    if accessor.kind == "function" and accessor.user_parameters and has_routine(accessor.name)
]


def _writes_to_user(accessor: Accessor) -> bool:
    return any("out" in parameter.direction for parameter in accessor.user_parameters)


def _cases(accessor: Accessor) -> Iterator[Case]:
    calls = Calls(accessor)
    if any(each.name == "String" for each in accessor.parameters):
        yield from calls.strings()
        return
    yield from calls.across_edges()
    yield from calls.inside()
    yield from calls.at_the_limit()
    if "Move" in accessor.name:
        yield from calls.moves()


@pytest.mark.parametrize(
    ("accessor", "erms", "neighbours"),
    [
        pytest.param(accessor, erms, neighbours, id=f"{accessor.name}-{neighbours or 'absent'}{'-erms' * erms}")
        for accessor in ROUTINES
        for erms, neighbours in ((False, None), (True, None), (False, "ro"))
        if (not erms or accessor.width is None) and (neighbours is None or _writes_to_user(accessor))
    ],
)
def test_agrees(accessor: Accessor, erms: bool, neighbours: Protection | None) -> None:
    """The neighbours of the user page are absent or read-only: every byte of a range is the first behind an edge."""
    stops = compare(library_pages(erms, neighbours), list(_cases(accessor)))
    ends = {describe(stop.general[r.RIP]) for stop in stops if stop.vector == Vector.BREAKPOINT}
    assert ends == {"return", "RtlRaiseException"}
    error_codes = {stop.error_code for stop in stops if stop.vector == Vector.PAGE_FAULT}
    assert error_codes >= ({PRESENT | WRITE | USER} if neighbours else {USER | WRITE * _writes_to_user(accessor)})
