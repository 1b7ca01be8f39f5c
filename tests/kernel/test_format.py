# SPDX-License-Identifier: GPL-2.0-or-later
"""The format language: against Python's own where the two agree, and literal results where they do not."""

import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emu.kernel.format import FormatRefused, format_text

TEXT, WIDE_TEXT, COUNTED, WIDE_COUNTED, EMPTY_COUNTED = 0x1000, 0x2000, 0x3000, 0x4000, 0x5000

MASK = 0xFFFF_FFFF_FFFF_FFFF


class Known:
    """Five strings at known addresses."""

    def narrow(self, address: int, limit: int | None = None) -> str:
        return {TEXT: "narrow"}[address][:limit]

    def wide(self, address: int, limit: int | None = None) -> str:
        return {WIDE_TEXT: "wide\u0416"}[address][:limit]

    def counted(self, address: int) -> str | None:
        return {COUNTED: "ansi string", EMPTY_COUNTED: None}[address]

    def counted_wide(self, address: int) -> str | None:
        return {WIDE_COUNTED: "unicode string", EMPTY_COUNTED: None}[address]


def formatted(template: str, *arguments: int | float, wide: bool = False, longest: int = 512) -> str:
    raw: Iterator[int] = iter(
        [
            struct.unpack("<Q", struct.pack("<d", value))[0] if isinstance(value, float) else value & MASK
            for value in arguments
        ]
    )
    take: Callable[[], int] = raw.__next__
    text = format_text(template, take, Known(), wide=wide, longest=longest)
    assert next(raw, None) is None, "an argument was not used"
    return text


flags = st.lists(st.sampled_from("-+ 0"), max_size=3).map("".join)
widths = st.one_of(st.just(""), st.integers(1, 30).map(str))
precisions = st.one_of(st.just(""), st.integers(1, 20).map(lambda number: f".{number}"))


@given(flags, widths, precisions, st.sampled_from("di"), st.integers(-(1 << 31), (1 << 31) - 1))
def test_signed_as_python(flag: str, width: str, precision: str, kind: str, value: int) -> None:
    if precision:
        flag = flag.replace("0", "")  # with a precision it is ignored, which Python does not do
    directive = f"<%{flag}{width}{precision}{kind}>"
    assert formatted(directive, value) == directive % value


@given(
    st.lists(st.sampled_from("-0"), max_size=2).map("".join),
    widths,
    precisions,
    st.sampled_from("uxXo"),
    st.integers(0, MASK),
)
def test_unsigned_as_python(flag: str, width: str, precision: str, kind: str, value: int) -> None:
    if precision:
        flag = flag.replace("0", "")
    assert formatted(f"%{flag}{width}{precision}I64{kind}", value) == f"%{flag}{width}{precision}{kind}" % value


@given(widths, st.sampled_from("xX"), st.integers(1, MASK))
def test_alternate_hex_as_python(width: str, kind: str, value: int) -> None:
    assert formatted(f"%#{width}ll{kind}", value) == f"%#{width}{kind}" % value
    assert formatted(f"%#0{width}z{kind}", value) == f"%#0{width}{kind}" % value


@given(
    st.lists(st.sampled_from("-+ 0#"), max_size=3).map("".join),
    widths,
    st.one_of(st.just(""), st.integers(0, 20).map(lambda number: f".{number}")),
    st.sampled_from("eEfFgG"),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_reals_as_python(flag: str, width: str, precision: str, kind: str, value: float) -> None:
    directive = f"%{flag}{width}{precision}{kind}"
    assert formatted(directive, value) == directive % value


@given(st.sampled_from(["", "-"]), widths, st.one_of(st.just(""), st.integers(0, 9).map(lambda number: f".{number}")))
def test_strings_as_python(flag: str, width: str, precision: str) -> None:
    directive = f"%{flag}{width}{precision}s"
    assert formatted(directive, TEXT) == directive % "narrow"


@given(st.text(st.characters(max_codepoint=255, exclude_characters="%")))
def test_other_text_is_itself(text: str) -> None:
    assert formatted(text) == text
    assert formatted(text.replace("a", "%%")) == text.replace("a", "%")


@pytest.mark.parametrize(
    ("size", "value"),
    [
        ("hh", 0x7F),
        ("h", 0x7FFF),
        ("", 0x7FFF_FFFF),
        ("l", 0x7FFF_FFFF),
        ("I32", 0x7FFF_FFFF),
        ("w", 0x7FFF_FFFF),
        ("ll", MASK >> 1),
        ("I64", MASK >> 1),
        ("I", MASK >> 1),
        ("j", MASK >> 1),
        ("z", MASK >> 1),
        ("t", MASK >> 1),
    ],
)
def test_size_prefixes(size: str, value: int) -> None:
    everything = 2 * value + 1
    assert formatted(f"%{size}d %{size}i", value, MASK) == f"{value} -1"
    assert formatted(f"%{size}u %{size}x", MASK, MASK) == f"{everything} {everything:x}"
    assert formatted(f"%{size}d", value + 1) == str(-value - 1)


@pytest.mark.parametrize(
    ("template", "arguments", "expected"),
    [
        ("%05.3d", (7,), "  007"),
        ("%.0d|%.d|%.0x", (0, 0, 0), "||"),
        ("%+.0d", (0,), "+"),
        ("%#x %#o %#X", (0, 0, 0), "0 0 0"),
        ("%#o %#.5o %#.0o", (8, 8, 0), "010 00010 0"),
        ("%*d|%*d", (5, 42, -5, 42), "   42|42   "),
        ("%.*d|%.*d", (4, 42, -1, 42), "0042|42"),
        ("%-*.*s|", (9, 3, TEXT), "nar      |"),
        ("%08s", (TEXT,), "00narrow"),
        ("%p", (0xFFFF_F800_1234_ABCD,), "FFFFF8001234ABCD"),
        ("%20p|%-20p|", (1, 2), "    0000000000000001|0000000000000002    |"),
        ("%p", (0,), "0000000000000000"),
        ("%I64x %I32x", (0x1_2345_6789, 0x1_2345_6789), "123456789 23456789"),
        ("%zX %tu %jd", (MASK, 1, MASK), "FFFFFFFFFFFFFFFF 1 -1"),
        ("%c%c%3c%-3c|", (0x41, 0x142, 0x43, 0x44), "AB  CD  |"),
        ("%C %lc %wc %hc %hC", (0x416, 0x416, 0x416, 0x416, 0x416), "\u0416 \u0416 \u0416 \x16 \x16"),
        ("%s %hs %hS", (TEXT, TEXT, TEXT), "narrow narrow narrow"),
        ("%S %ls %ws %lS %.2ws", (WIDE_TEXT,) * 5, "wide\u0416 " * 4 + "wi"),
        ("%Z %hZ", (COUNTED, COUNTED), "ansi string ansi string"),
        ("%wZ %lZ %10.7wZ", (WIDE_COUNTED,) * 3, "unicode string unicode string    unicode"),
        ("%s %ws %Z %wZ %.3s %8s", (0, 0, 0, 0, 0, 0), "(null) (null) (null) (null) (nu   (null)"),
        ("%wZ %Z", (EMPTY_COUNTED, EMPTY_COUNTED), "(null) (null)"),
        ("%f %e %g", (1.5, 1.5, 1e100), "1.500000 1.500000e+00 1e+100"),
        ("%05f %-6f| %+f", (float("inf"), float("nan"), float("-inf")), "  inf nan   | -inf"),
        ("%f %.1f", (-0.0, -0.04), "-0.000000 -0.0"),
        ("100%% %", (), "100% "),
        ("%y %5 %lq", (), "y  q"),
        ("%", (), ""),
    ],
)
def test_rules(template: str, arguments: tuple[int | float, ...], expected: str) -> None:
    assert formatted(template, *arguments) == expected


def test_wide_functions_swap_strings() -> None:
    template, arguments = "%s %S %c %C %hs %ls", (WIDE_TEXT, TEXT, 0x416, 0x416, TEXT, WIDE_TEXT)
    assert formatted(template, *arguments, wide=True) == "wide\u0416 narrow \u0416 \x16 narrow wide\u0416"


@pytest.mark.parametrize("template", ["%n", "%hn", "%-5ln", "%a", "%A"])
def test_refused(template: str) -> None:
    with pytest.raises(FormatRefused, match=f"the directive '{template}' is refused"):
        formatted(template, TEXT)


@pytest.mark.parametrize("template", ["%999999999d", "%-999999999d", "%.999999999d", "%.999999999f", "%*d"])
def test_an_immense_width_is_no_immense_text(template: str) -> None:
    arguments: tuple[int | float, ...] = (1.0,) if template.endswith("f") else (1,)
    if "*" in template:
        arguments = (0x7FFF_FFFF, *arguments)
    text = formatted(template, *arguments, longest=100)
    assert len(text) == 100
    filled = {"%999999999d": " ", "%*d": " ", "%.999999999d": "0"}.get(template)
    if filled:
        assert text[:100] == filled * 100


@pytest.mark.parametrize("template", ["%" + "9" * 5000 + "d", "%." + "9" * 5000 + "d", "%0" + "0" * 5000 + "3d"])
def test_a_width_of_more_digits_than_python_reads(template: str) -> None:
    assert formatted(template, 7, longest=4) == {"%9": "    ", "%.": "0000", "%0": "007"}[template[:2]]


def test_many_immense_widths_are_no_immense_text() -> None:
    """A guest's buffer of a megabyte and a template of one would otherwise be a hundred gigabytes."""
    assert formatted("%999999d" * 3 + "%s", 1, 2, 3, TEXT, longest=1000) == " " * 1000


class Anything(Known):
    """The same text wherever it is asked for."""

    def narrow(self, address: int, limit: int | None = None) -> str:
        return "text"[:limit]

    wide = narrow

    def counted(self, address: int) -> str | None:
        return "text"

    counted_wide = counted


templates = st.text(st.sampled_from("%-+ #0*.123hlIwzjtdiuoxXpcCsSZeEfgGnq4"), max_size=20)


@given(templates, st.integers(0, 40), st.sampled_from([7, 0x7FF0_0000_0000_0000, 0x3FF8_0000_0000_0000]))
@example("%5000.4999f", 9, 0x3FF8_0000_0000_0000)
@example("a%3000.1500e", 9, 0x3FF8_0000_0000_0000)
def test_the_beginning_is_that_of_the_whole(template: str, longest: int, argument: int) -> None:
    try:
        whole = format_text(template, lambda: argument, Anything(), longest=10_000)
    except FormatRefused:
        return
    assert format_text(template, lambda: argument, Anything(), longest=longest) == whole[:longest]


@given(templates)
def test_every_template_has_a_result(template: str) -> None:
    try:
        text = format_text(template, lambda: 7, Anything(), longest=64)
    except FormatRefused:
        return
    assert isinstance(text, str)
