# SPDX-License-Identifier: GPL-2.0-or-later
import dataclasses
import gc
import weakref

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emu.image import PeImage
from emu.image.pe import MOST_REMEMBERED
from emu.image.source_lines import source_lines
from emu.image.symbols import SymbolTable, symbol_table


def test_exports_answer_without_debug_information(image: PeImage) -> None:
    table = SymbolTable(image)
    assert table.find("framed") == image.exports["framed"]
    assert table.nearest(image.exports["framed"] + 2) == ("framed", 2)
    assert "all" not in vars(table)
    assert table.find("hidden") is not None
    assert "all" in vars(table)


def test_one_table_an_image(image: PeImage) -> None:
    assert symbol_table(image) is symbol_table(image)
    assert source_lines(image) is source_lines(image)


def test_tables_go_with_their_image(image_bytes: bytes) -> None:
    """They hold on to the image, which may be large."""
    image = PeImage.parse(image_bytes, "gone.sys")
    table = weakref.ref(symbol_table(image))
    copy = dataclasses.replace(image)
    assert symbol_table(copy) is not table()
    for number in range(MOST_REMEMBERED):
        PeImage.parse(image_bytes, f"{number}.sys")
    del image
    gc.collect()
    assert table() is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1))
def test_nearest_finds_what_a_scan_finds(image: PeImage, position: float) -> None:
    table = symbol_table(image)
    rva = int(position * (image.size_of_image - 1))
    function = image.functions.lookup(rva)
    begin = rva if function is None else function.begin
    section = image.section_at(rva)
    below = [at for at in table.all.values() if at <= begin and section is not None and section.covers(at)]
    found = table.nearest(rva)
    if not below:
        assert found is None
    else:
        assert found is not None
        name, offset = found
        assert table.all[name] == max(below)
        assert offset == rva - max(below)
