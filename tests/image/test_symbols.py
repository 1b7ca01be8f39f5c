# SPDX-License-Identifier: GPL-2.0-or-later
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emu.image import PeImage
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
