# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged images: whatever stands in code, tables and unwind data is shown and reported, and nothing raises."""

from __future__ import annotations

import functools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.checks.unwind_data import check_unwind_data
from emu.checks.unwind_data.functions import image_functions
from emu.cli.output import make_console, show
from emu.cli.unwind_check_display import display_check
from emu.cli.unwind_data import check_data, tables_data
from emu.cli.unwind_display import display_tables
from emu.cli.unwind_result import UnwindCheck
from emu.image import ImageError, PeImage
from tests.checks.unwind_data.programs import CONFORMANCE, RIGHT, TESTS, Build

SOURCES = (
    CONFORMANCE / "alloca_in_callee.c",
    RIGHT / "chained_parts.S",
    RIGHT / "version_2.S",
    RIGHT / "dynamic_frame.S",
    TESTS / "kernel" / "exports" / "sources" / "gs_frames.S",
)
BYTES = st.sampled_from((0, 1, 2, 3, 4, 5, 8, 0x21, 0x48, 0x7F, 0x80, 0xCC, 0xE8, 0xE9, 0xFF))


@functools.cache
def _content(number: int) -> tuple[bytes, tuple[tuple[int, int], ...]]:
    """Return an image file, and where in it its sections' contents lie."""
    data = Build((SOURCES[number],), "msvc", "1").path().read_bytes()
    sections = [section for section in PeImage.parse(data, "x.sys").sections if section.data.strip(b"\0")]
    return data, tuple(
        (data.index(section.data), len(section.data.rstrip(b"\0")))
        for section in sections
        if not section.name.startswith(".debug")
    )


@pytest.mark.parametrize("number", range(len(SOURCES)), ids=lambda number: SOURCES[number].stem)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_damage_is_reported_and_shown(number: int, data: st.DataObject) -> None:
    content, sections = _content(number)
    damaged = bytearray(content)
    for begin, size in data.draw(st.lists(st.sampled_from(sections), min_size=1, max_size=6)):
        damaged[begin + data.draw(st.integers(0, size - 1))] = data.draw(BYTES)
    try:
        image = PeImage.parse(bytes(damaged), "x.sys", strict_functions=False)
    except ImageError:
        return
    findings = check_unwind_data(image)
    functions = image_functions(image)
    tables = ((functions, functions.functions),)
    result = UnwindCheck((functions,), findings, None, "")
    assert result.is_clean == (not findings)
    json.dumps([tables_data(tables), check_data(result)])
    show(make_console(), *display_tables(tables), *display_check(result))
