# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of the string lengths."""

from __future__ import annotations

from collections.abc import Iterator

from emu.address import PAGE_SIZE
from tests.conformance.accessors.access_cases import GARBAGE, USER_MODES
from tests.conformance.accessors.arenas import KERNEL_SOURCE, LIMIT, USER_SOURCE, WRAP, Arena, Patch
from tests.conformance.accessors.case import FLAGS, KERNEL_STATES, STATES, Case, Shape, middle
from tests.conformance.accessors.terms import KERNEL_MODE, USER_MODE, Given, Page

COUNTS = (0, 1, 2, 6, 7, 8, 15, 16, 17, 31, 63, 64, 100, 600, PAGE_SIZE)


def text(count: int, width: int) -> bytes:
    """Characters none of which is zero; of wide ones, each byte is zero in some."""
    characters = bytearray(1 + index * 7 % 251 for index in range(count * width))
    for index in range(count if width == 2 else 0):
        characters[2 * index + index % 2] = 0
    return bytes(characters)


def string_case(
    shape: Shape, clause: str, address: int, count: int, *, mode: int = USER_MODE, page: Page | None = None
) -> Case:
    """Return the case of a string with its terminator; behind that stands what would be counted."""
    patch = Patch(address, text(count, shape.character) + bytes(shape.character))
    case = shape.case(clause, f"{count} characters at {address:#x}", Given(address, mode=mode))
    if page is None:
        return case._replace(patches=(patch,))
    detail = f"{case.detail}, the page {page.address:#x} {page.state}"
    return case._replace(patches=(patch,), page=page, detail=detail)


def string_cases(shape: Shape) -> Iterator[Case]:
    """Give the cases of a string length."""
    yield from _successes(shape, USER_SOURCE, "success", USER_MODE)
    yield from _faults(shape)
    for address in (0, 8):
        yield shape.case("first byte", f"{address:#x}", Given(address))
    for address in (0x8000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF, 0xFFFF_8000_0000_0000, KERNEL_SOURCE.base):
        yield shape.case("kernel address", f"{address:#x}", Given(address))
    for back in range(33):
        yield shape.case("limit", f"the limit-{back}, no terminator", Given(LIMIT - back))
    for count in (0, 1, 9):
        yield string_case(shape, "limit", LIMIT - (count + 1) * shape.character, count)
    for address in (WRAP - 1, WRAP - 2):
        yield shape.case("wrap", f"{address:#x}", Given(address))
    for offset in range(1, 16):
        for count in (0, 3, 30):
            yield string_case(shape, "misaligned", middle(USER_SOURCE) + offset, count)
            yield string_case(shape, "misaligned", USER_SOURCE.boundary - offset, count)
    for irql in (1, 2, 15):
        for state in ("rw", "paged-out", "none"):
            boundary = USER_SOURCE.boundary
            case = string_case(shape, "IRQL", boundary, 5, page=Page(boundary, state))
            yield case._replace(detail=f"{irql}, {case.detail}", irql=irql)
    for flags in FLAGS:
        case = string_case(shape, "flags", middle(USER_SOURCE) + 3, 50)
        yield case._replace(flags=flags, detail=f"{flags:#x}")
        case = shape.case("flags", f"{flags:#x}, refused", Given(KERNEL_SOURCE.base))
        yield case._replace(flags=flags)
    if shape.accessor.takes_mode:
        yield from _modes(shape)


def _successes(shape: Shape, arena: Arena, clause: str, mode: int) -> Iterator[Case]:
    for count in COUNTS:
        for offset in (0, 2, 5):
            yield string_case(shape, clause, middle(arena) + offset, count, mode=mode)


def _faults(shape: Shape) -> Iterator[Case]:
    boundary, width = USER_SOURCE.boundary, shape.character
    for count in (0, 1, 7, 40):
        for state in STATES:
            page = Page(boundary, state)
            yield string_case(shape, "first byte", boundary, count, page=page)
            if count > 1:
                yield string_case(shape, "middle byte", boundary - count // 2 * width, count, page=page)
            yield string_case(shape, "last byte", boundary - count * width, count, page=page)
            # The terminator ends the page, and the next one is none of the string's.
            yield string_case(shape, "last byte", boundary - (count + 1) * width, count, page=page)


def _modes(shape: Shape) -> Iterator[Case]:
    yield from _successes(shape, KERNEL_SOURCE, "kernel mode", KERNEL_MODE)
    for state in KERNEL_STATES:
        page = Page(KERNEL_SOURCE.boundary, state)
        yield string_case(shape, "kernel mode", KERNEL_SOURCE.boundary - 6, 9, mode=KERNEL_MODE, page=page)
    yield string_case(shape, "kernel mode", middle(USER_SOURCE), 5, mode=KERNEL_MODE)
    for mode in USER_MODES:
        case = string_case(shape, "upper bits", middle(USER_SOURCE), 5, mode=mode)
        yield case._replace(detail=f"Mode {mode:#x}")
        yield shape.case("upper bits", f"Mode {mode:#x}, kernel address", Given(KERNEL_SOURCE.base, mode=mode))
    case = string_case(shape, "upper bits", middle(KERNEL_SOURCE), 5, mode=GARBAGE)
    yield case._replace(detail=f"Mode {GARBAGE:#x}")
