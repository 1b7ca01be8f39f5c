# SPDX-License-Identifier: GPL-2.0-or-later
"""Every routine of the library that touches user memory, on silicon and on the engine: the same to the bit.

Landed bytes, all registers and flags, XMM, the instruction that stopped, the address and the error code of its fault;
the one difference that is known stands in `comparison.as_on_the_engine`. What raises ends at the export that raises,
its record on the stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from emu.accessors import FAMILY, PRIMITIVES, Accessor
from emu.cpu import registers as r
from emu.cpu.trap import ERROR_PRESENT as PRESENT
from emu.cpu.trap import ERROR_USER as USER
from emu.cpu.trap import ERROR_WRITE as WRITE
from emu.cpu.trap import Vector
from emu.memory.layout import USER_PROBE_ADDRESS
from tests.silicon.calls import Calls
from tests.silicon.comparison import compare, straddling_move
from tests.silicon.emulated import Emulated
from tests.silicon.library import KERNEL, LIBRARY, Loaded
from tests.silicon.native import needs_silicon, run_natively
from tests.silicon.world import Case, Protection

pytestmark = needs_silicon

FAST_FAIL = FAMILY["RtlFastFailIfUserPointer"]

ROUTINES = [each for each in FAMILY.values() if each.kind == "function" and each.user_parameters]


def _writes_to_user(accessor: Accessor) -> bool:
    return any("out" in parameter.direction for parameter in accessor.user_parameters)


def _cases(accessor: Accessor, image: Loaded) -> Iterator[Case]:
    calls = Calls(accessor, image)
    if any(each.name == "String" for each in accessor.parameters):
        yield from calls.strings()
        return
    yield from calls.across_edges()
    yield from calls.inside()
    yield from calls.at_the_limit()
    if "Move" in accessor.name:
        yield from calls.moves()


def _in_each_way(routines: Iterable[Accessor]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("accessor", "erms", "neighbours"),
        [
            pytest.param(accessor, erms, neighbours, id=f"{accessor.name}-{neighbours or 'absent'}{'-erms' * erms}")
            for accessor in routines
            for erms, neighbours in ((False, None), (True, None), (False, "ro"))
            if (not erms or accessor.width is None) and (neighbours is None or _writes_to_user(accessor))
        ],
    )


@_in_each_way(ROUTINES)
def test_agrees(accessor: Accessor, erms: bool, neighbours: Protection | None) -> None:
    """The neighbours of the user page are absent or read-only: every byte of a range is the first behind an edge."""
    _check_agreement(LIBRARY, accessor, erms, neighbours)


@_in_each_way(each for each in ROUTINES if each.name in PRIMITIVES)
def test_the_kernels_agree(accessor: Accessor, erms: bool, neighbours: Protection | None) -> None:
    """So do the primitives in the kernel image, which a kernel that has them gives to the library."""
    _check_agreement(KERNEL, accessor, erms, neighbours)


def _check_agreement(image: Loaded, accessor: Accessor, erms: bool, neighbours: Protection | None) -> None:
    pages = image.pages(erms, neighbours)
    stops = compare(pages, list(_cases(accessor, image)))
    ends = {image.describe(stop.general[r.RIP]) for stop in stops if stop.vector == Vector.BREAKPOINT}
    assert ends == {"return", "RtlRaiseException"}
    error_codes = {stop.error_code for stop in stops if stop.vector == Vector.PAGE_FAULT}
    assert error_codes >= ({PRESENT | WRITE | USER} if neighbours else {USER | WRITE * _writes_to_user(accessor)})
    if not accessor.takes_mode:
        moves = [move for stop in stops if (move := straddling_move(stop, pages))]
        assert not any(move.is_store for move in moves), "what lands in user memory would differ from silicon"


def test_the_filter_agrees() -> None:
    stops = compare(LIBRARY.pages(False), list(Calls(FAMILY["UmaExceptionFilter"]).plain()))
    assert [stop.general[r.RAX] & 0xFFFF_FFFF for stop in stops] == [1, 0]
    assert {LIBRARY.describe(stop.general[r.RIP]) for stop in stops} == {"return"}


@pytest.mark.parametrize("pointer", [USER_PROBE_ADDRESS, 1 << 47, 0xFFFF_8000_0000_0000, (1 << 64) - 1])
def test_a_kernel_pointer_is_no_fast_fail(pointer: int) -> None:
    (stop,) = compare(LIBRARY.pages(False), list(Calls(FAST_FAIL).plain(Pointer=pointer)))
    assert LIBRARY.describe(stop.general[r.RIP]) == "return"


@pytest.mark.parametrize("pointer", [0, USER_PROBE_ADDRESS - 1])
def test_a_fast_fail_is_an_interrupt(pointer: int) -> None:
    """int 29h: at CPL 3 its gate refuses it, with #GP at the instruction; on the engine it is vector 29h behind it."""
    pages, (case,) = LIBRARY.pages(False), Calls(FAST_FAIL).plain(Pointer=pointer)
    (silicon,), engine = run_natively(pages, [case]), Emulated(pages).run(case)
    assert (silicon.vector, silicon.error_code) == (Vector.GENERAL_PROTECTION, Vector.FAST_FAIL << 3 | 2)
    assert engine.vector == Vector.FAST_FAIL
    assert engine.general[r.RIP] == silicon.general[r.RIP] + 2
    assert engine.general[: r.RIP] == silicon.general[: r.RIP]
