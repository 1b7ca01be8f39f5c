# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu.address import Gva
from emu.image import ImageError, Module, PeImage, RuntimeFunction, SourceLine, UnknownSymbol
from tests.image.conftest import line_of


def test_a_symbol_is_an_address(module: Module) -> None:
    assert module["framed"] == module.base + module.image.exports["framed"]
    assert "framed" in module
    assert "fromed" not in module
    assert module.name == "routine"


def test_functions_and_labels_that_are_not_exported_are_symbols_too(module: Module) -> None:
    for name in ("Capture", "hidden", "inner"):
        assert name not in module.image.exports
        assert module.contains(module[name])
    assert {"framed", "Capture", "hidden", "inner", "table"} <= set(module.symbols)


def test_an_unknown_symbol_names_the_nearest(module: Module) -> None:
    with pytest.raises(UnknownSymbol) as caught:
        module["frame"]
    assert str(caught.value) == "routine has no symbol 'frame'; nearest: framed"
    with pytest.raises(KeyError) as far:
        module["qqqqqqqq"]
    assert str(far.value) == "routine has no symbol 'qqqqqqqq'"


def test_describe_counts_from_the_function(module: Module) -> None:
    framed = module["framed"]
    assert module.describe(framed) == "routine!framed"
    assert module.describe(Gva(framed + 5)) == "routine!framed+0x5"
    # A label inside a function does not hide the function.
    assert module.describe(Gva(module["inner"] + 3)) == f"routine!framed+0x{module['inner'] + 3 - framed:x}"
    assert module.describe(Gva(module["hidden"] + 1)) == "routine!hidden+0x1"
    assert module.describe(Gva(module["Capture"] + 4)) == "routine!Capture+0x4"


def test_describe_without_a_symbol_counts_from_the_module(module: Module) -> None:
    assert module.describe(module.base) == "routine+0x0"
    unwind = next(section for section in module.image.sections if section.name == ".rdata")
    assert module.describe(Gva(module.base + unwind.rva)) == f"routine+0x{unwind.rva:x}"


def test_source_lines_of_assembly_and_c(module: Module) -> None:
    framed = module["framed"]
    assert module.source_line(framed) == SourceLine("routine.S", line_of("routine.S", "push rbx"))
    assert module.source_line(Gva(framed + 1)) == SourceLine("routine.S", line_of("routine.S", "sub rsp, 32"))
    assert module.source_line(Gva(framed + 2)) == SourceLine("routine.S", line_of("routine.S", "sub rsp, 32"))
    assert module.source_line(module["hidden"]) == SourceLine("routine.S", line_of("routine.S", "nop"))
    entry = module.source_line(module["DriverEntry"])
    assert entry is not None
    assert entry.file == "driver.c"
    assert module.source_line(module["table"]) is None


def test_find_function(module: Module) -> None:
    function = module.find_function(Gva(module["framed"] + 3))
    assert isinstance(function, RuntimeFunction)
    assert module.base + function.begin == module["framed"]
    assert module.find_function(module["leaf"]) is None


def test_an_address_outside_is_refused(module: Module) -> None:
    for address in (Gva(module.base - 1), Gva(module.base + module.size)):
        assert not module.contains(address)
        with pytest.raises(ValueError, match="is outside routine"):
            module.describe(address)


def test_an_image_without_debug_information_has_its_exports(image_bytes: bytes) -> None:
    bare = Module(PeImage.parse(image_bytes.replace(b".debug_info\0", b".nodbg_info\0"), "bare.sys"), Gva(0x10000))
    assert set(bare.symbols) == set(bare.image.exports)
    assert bare.source_line(bare["framed"]) is None


def test_damaged_debug_information_is_an_image_error(image: PeImage, image_bytes: bytes) -> None:
    section = next(section for section in image.sections if section.name == ".debug_abbrev")
    at = image_bytes.index(section.data)
    damaged = image_bytes[:at] + b"\xff" * len(section.data) + image_bytes[at + len(section.data) :]
    module = Module(PeImage.parse(damaged, "damaged.sys"), Gva(0x10000))
    assert module["framed"]
    with pytest.raises(ImageError, match=r"damaged\.sys: debug information"):
        _ = module.symbols
    with pytest.raises(ImageError, match=r"damaged\.sys: debug information"):
        module["hidden"]


def test_damaged_debug_information_leaves_the_exports(image: PeImage, image_bytes: bytes) -> None:
    """Other modules' symbols are looked up in it, and reports name its addresses."""
    section = next(section for section in image.sections if section.name == ".debug_abbrev")
    at = image_bytes.index(section.data)
    damaged = image_bytes[:at] + b"\xff" * len(section.data) + image_bytes[at + len(section.data) :]
    module = Module(PeImage.parse(damaged, "damaged.sys"), Gva(0x10000))
    assert "hidden" not in module
    framed, leaf = module["framed"], module["leaf"]
    assert module.describe(Gva(framed + 2)) == "damaged!framed+0x2"
    assert module.describe(leaf) == "damaged!leaf"
    assert module.describe(Gva(module.base + 1)) == "damaged+0x1"
