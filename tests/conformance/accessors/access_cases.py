# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of everything that accesses a range: typed values, copies, fills, interlocked operations, structures."""

from __future__ import annotations

from collections.abc import Iterator

from emu.address import PAGE_SIZE
from tests.conformance.accessors.arenas import (
    KERNEL_SOURCE,
    KERNEL_TARGET,
    LIMIT,
    USER_SOURCE,
    USER_TARGET,
    WRAP,
    Arena,
    Patch,
)
from tests.conformance.accessors.case import FLAGS, KERNEL_STATES, STATES, Case, Shape, middle
from tests.conformance.accessors.terms import KERNEL_MODE, Given, Kind, Page

GARBAGE = 0xA5C3_96E1_7B2D_4F00
"""Its lowest byte is KernelMode."""
USER_MODES = (1, 2, 0x7F, 0x80, 0xFF, GARBAGE | 1)


def access_cases(shape: Shape) -> Iterator[Case]:
    """Give the cases of an access."""
    yield from _successes(shape)
    for arena in shape.user_arenas:
        yield from _faults(shape, arena)
        yield from _null(shape, arena)
        yield from _outside(shape, arena)
        yield from _raised_irql(shape, arena)
    yield from _both_outside(shape)
    yield from _misaligned(shape)
    if shape.accessor.takes_mode:
        yield from _in_kernel_mode(shape)
    if shape.is_ranged:
        yield from _length_zero(shape)
    yield from _upper_bits(shape)
    yield from _kernel_side(shape)
    yield from _with_flags(shape)


def _successes(shape: Shape) -> Iterator[Case]:
    for number, length in enumerate(shape.lengths):
        # Typed ones with every offset in a quadword; of a length, some of the 256 pairs of alignments.
        for turn in range(8 if shape.width else 3):
            source, target = (5 * number + 3 * turn) % 16, (7 * number + 5 * turn) % 16
            if shape.width:
                source = target = turn * (length if shape.kind is Kind.INTERLOCKED else 1)
            given = shape.given(length)
            given = given._replace(
                source=given.source + source if shape.sources else 0,
                target=given.target + target if shape.targets else 0,
            )
            yield shape.case("success", f"{length} bytes, source +{source}, target +{target}", given)
            if "CompareExchange" in shape.accessor.name:
                yield _with_equal_comperand(shape.case("success", f"equal, target +{target}", given), length)
    if shape.kind is Kind.MOVE:
        for length in shape.faulting:
            for distance in (-65, -16, -7, -1, 0, 1, 8, 15, 64, 600):
                given = shape.given(length)
                given = given._replace(source=given.target - distance)
                yield shape.case("success", f"{length} bytes, by {distance}", given)


def _with_equal_comperand(case: Case, width: int, garbage: int = 0) -> Case:
    """A comparison that holds: then the value is stored."""
    held = bytes(range(1, width + 1))
    given = case.given._replace(comperand=int.from_bytes(held, "little") | garbage)
    return case._replace(given=given, patches=(Patch(given.target, held),))


def _faults(shape: Shape, arena: Arena) -> Iterator[Case]:
    for length in shape.faulting:
        for clause, byte in (("first byte", 0), ("middle byte", length // 2), ("last byte", length - 1)):
            if (clause == "middle byte" and length < 3) or (shape.kind is Kind.INTERLOCKED and byte):
                continue  # an aligned one lies on one page
            for state in STATES:
                given = shape.given(length, arena, arena.boundary - byte)
                detail = f"byte {byte} of {length} on a page that is {state}, {arena.name}"
                yield shape.case(clause, detail, given, Page(arena.boundary, state))
    if shape.kind is Kind.INTERLOCKED:
        for state in STATES:
            given = shape.given(shape.width, arena, arena.boundary - shape.width)
            detail = f"the last {shape.width} bytes of a page that is {state}"
            yield shape.case("last byte", detail, given, Page(arena.base, state))


def _null(shape: Shape, arena: Arena) -> Iterator[Case]:
    for address in (0, 8):
        length = shape.faulting[-1]
        yield shape.case("first byte", f"{address:#x}, {arena.name}", shape.given(length, arena, address))


def _outside(shape: Shape, arena: Arena) -> Iterator[Case]:
    kernel = KERNEL_SOURCE if arena is shape.sources else KERNEL_TARGET
    for length in shape.faulting:
        for address in (0x8000_0000_0000, 0xFFFF_7FFF_FFFF_FFF8, 0xFFFF_8000_0000_0000, kernel.base):
            given = shape.given(length, arena, address)
            yield shape.case("kernel address", f"{length} bytes at {address:#x}, {arena.name}", given)
        for address in sorted({LIMIT, LIMIT - length + 1, LIMIT - length // 2, LIMIT - length}):
            if shape.kind is Kind.INTERLOCKED and address % length:
                continue
            given = shape.given(length, arena, address)
            yield shape.case("limit", f"{length} bytes at the limit{address - LIMIT:+d}, {arena.name}", given)
        for address in sorted({WRAP - 1, WRAP - length, WRAP - max(1, length // 2)}):
            given = shape.given(length, arena, address)
            yield shape.case("wrap", f"{length} bytes at {address:#x}, {arena.name}", given)
    if shape.is_ranged:
        for length in (WRAP - PAGE_SIZE, WRAP - 1, WRAP - arena.base, WRAP - arena.base + 1, LIMIT - arena.base + 1):
            yield shape.case("wrap", f"{length:#x} bytes, {arena.name}", shape.given(length, arena, arena.base))


def _both_outside(shape: Shape) -> Iterator[Case]:
    """Two pointers that are none to user memory: the source is the one that is read first, and named."""
    if len(shape.user_arenas) < 2:
        return
    for source, target in ((KERNEL_SOURCE.base, KERNEL_TARGET.base), (LIMIT - 1, 0x8000_0000_0000), (WRAP - 1, LIMIT)):
        for length in shape.faulting[1:]:
            given = shape.given(length)._replace(source=source, target=target)
            yield shape.case("kernel address", f"{length} bytes at {source:#x} and {target:#x}", given)


def _raised_irql(shape: Shape, arena: Arena) -> Iterator[Case]:
    for irql in (1, 2, 15):
        for state in ("rw", "paged-out", "none"):
            given = shape.given(shape.faulting[-1], arena, arena.boundary)
            case = shape.case("IRQL", f"{irql}, the page {state}, {arena.name}", given, Page(arena.boundary, state))
            yield case._replace(irql=irql)
        refused = shape.given(shape.faulting[-1], arena, KERNEL_SOURCE.base)
        yield shape.case("IRQL", f"{irql}, refused, {arena.name}", refused)._replace(irql=irql)


def _misaligned(shape: Shape) -> Iterator[Case]:
    if shape.accessor.name.endswith("Aligned"):
        (arena,) = shape.user_arenas
        for alignment in (1, 2, 4, 8, 16):
            for offset in sorted({0, 1, alignment // 2, alignment - 1, alignment}):
                given = shape.given(shape.lengths[2], arena, middle(arena) + offset)._replace(alignment=alignment)
                yield shape.case("misaligned", f"alignment {alignment}, +{offset}", given)
        for address in (LIMIT + 1, LIMIT - 1, KERNEL_SOURCE.base + 1):
            given = shape.given(shape.lengths[2], arena, address)._replace(alignment=8)
            yield shape.case("misaligned", f"alignment 8, {address:#x}", given)
        for mode in USER_MODES if shape.accessor.takes_mode else ():
            given = shape.given(shape.lengths[2], arena, middle(arena) + 1)._replace(alignment=8, mode=mode)
            yield shape.case("misaligned", f"alignment 8, +1, Mode {mode:#x}", given)
    elif shape.kind is Kind.INTERLOCKED:
        for offset in range(1, shape.width):
            for where, address in (
                ("", middle(USER_TARGET) + offset),
                ("across pages, ", USER_TARGET.boundary - offset),
            ):
                yield shape.case("misaligned", f"{where}{offset}", shape.given(shape.width, USER_TARGET, address))
        for address in (LIMIT + 1, LIMIT - 1, KERNEL_TARGET.base + 1):
            yield shape.case("misaligned", f"{address:#x}", shape.given(shape.width, USER_TARGET, address))
    else:
        for arena in shape.user_arenas:
            for length in shape.faulting:
                for offset in sorted({1, length // 2, length - 1} - {0, length}):
                    given = shape.given(length, arena, arena.boundary - offset)
                    yield shape.case("misaligned", f"{length} bytes across pages, -{offset}, {arena.name}", given)


def mode_side(shape: Shape) -> tuple[Arena, Arena]:
    """Return the arenas of the pointer that Mode is about: the user's and the kernel's."""
    is_target = any(each.side == "mode" and each.name == "Destination" for each in shape.accessor.parameters)
    return (USER_TARGET, KERNEL_TARGET) if is_target else (USER_SOURCE, KERNEL_SOURCE)


def _in_kernel_mode(shape: Shape) -> Iterator[Case]:
    """KernelMode: the side that Mode is about lies in the kernel's arena; the other one stays where it is."""
    user, kernel = mode_side(shape)
    in_kernel = shape.with_mode_side(user, kernel)
    for case in _successes(in_kernel):
        yield case._replace(clause="kernel mode", given=case.given._replace(mode=KERNEL_MODE))
    for length in shape.faulting[-2:]:
        for byte in sorted({0, length // 2, length - 1}):
            for state in KERNEL_STATES:
                if shape.kind is Kind.INTERLOCKED and byte:
                    continue
                given = in_kernel.given(length, kernel, kernel.boundary - byte)._replace(mode=KERNEL_MODE)
                detail = f"byte {byte} of {length} on a kernel page that is {state}"
                yield shape.case("kernel mode", detail, given, Page(kernel.boundary, state))
        given = shape.given(length)._replace(mode=KERNEL_MODE)
        yield shape.case("kernel mode", f"{length} bytes of user memory", given)
    for offset in range(1, 8):
        given = in_kernel.given(shape.faulting[-1], kernel, kernel.boundary - offset)
        given = given._replace(mode=KERNEL_MODE, alignment=8)
        yield shape.case("kernel mode", f"misaligned, -{offset}", given)


def _length_zero(shape: Shape) -> Iterator[Case]:
    for address in (0, 1, LIMIT, 0x8000_0000_0000, KERNEL_SOURCE.base, WRAP - 1):
        for alignment in (1, 8) if shape.accessor.name.endswith("Aligned") else (1,):
            given = Given(address, address, 0, alignment=alignment)
            yield shape.case("length 0", f"{address:#x}, alignment {alignment}", given)
    if shape.accessor.takes_mode:
        given = Given(KERNEL_SOURCE.base, KERNEL_TARGET.base, 0, mode=KERNEL_MODE)
        yield shape.case("length 0", "KernelMode", given)


def _upper_bits(shape: Shape) -> Iterator[Case]:
    length = shape.faulting[-1]
    if shape.accessor.takes_mode:
        user, kernel = mode_side(shape)
        for mode in USER_MODES:
            yield shape.case("upper bits", f"Mode {mode:#x}", shape.given(length)._replace(mode=mode))
            given = shape.given(length, user, kernel.base)._replace(mode=mode)
            yield shape.case("upper bits", f"Mode {mode:#x}, kernel address", given)
        given = shape.with_mode_side(*mode_side(shape)).given(length)._replace(mode=GARBAGE)
        yield shape.case("upper bits", f"Mode {GARBAGE:#x}", given)
    names = {parameter.name for parameter in shape.accessor.parameters}
    narrow = 1 if "Fill" in names else shape.width if names & {"Value", "ExChange"} else 0
    if not 0 < narrow < 8:
        return
    garbage = GARBAGE << 8 * (narrow - 1) & WRAP - 1
    given = shape.given(length)
    given = given._replace(value=given.value | garbage)
    case = shape.case("upper bits", "a value", given)
    yield case
    if "Comperand" in names:
        yield _with_equal_comperand(case._replace(detail="an equal comperand"), shape.width, garbage)


def _kernel_side(shape: Shape) -> Iterator[Case]:
    for arena in (shape.sources, shape.targets):
        if arena is None or arena.is_user:
            continue
        for length in shape.faulting:
            for byte in sorted({0, length // 2, length - 1}):
                given = shape.given(length, arena, arena.boundary - byte)
                detail = f"byte {byte} of {length} paged out, {arena.name}"
                yield shape.case("kernel side", detail, given, Page(arena.boundary, "paged-out"))


def _with_flags(shape: Shape) -> Iterator[Case]:
    """A return, a check that fails, a fault and a page-in, each with every AC and DF."""
    arena = shape.user_arenas[0]
    for flags in FLAGS:
        for length in sorted({shape.faulting[0], shape.faulting[-1]}):
            last = 0 if shape.kind is Kind.INTERLOCKED else length - 1
            for how, given, page in (
                ("", shape.given(length), None),
                (" refused", shape.given(length, arena, KERNEL_SOURCE.base), None),
                (" not there", shape.given(length, arena, arena.boundary), "none"),
                (" paged out", shape.given(length, arena, arena.boundary - last), "paged-out"),
            ):
                case = shape.case("flags", f"{flags:#x}, {length} bytes{how}", given)
                yield case._replace(flags=flags, page=Page(arena.boundary, page) if page else case.page)
