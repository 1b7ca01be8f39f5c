# SPDX-License-Identifier: GPL-2.0-or-later
"""The bytes expected beside code, compared with those of the image."""

from __future__ import annotations

from pathlib import Path

from emu import build_guest
from emu.image.dwarf import read_line_ranges
from emu.image.pe import PeImage
from emu.testing.assembly_file.encoding import wrong_encodings
from emu.testing.assembly_file.parser import parse_assembly_file

SOURCE = """
    .intel_syntax noprefix
    .text
    .globl f
f:  mov rax, [rcx]              // bytes: 48 8b 01
    call g                      // bytes: e8 ?? 00 00 00
    .macro twice
    nop
    nop
    .endm
    twice                       // bytes: 90 90
    nop; ud2                    // bytes: 90 0f 0b
"""
WRONG = """
g:  ret                         // bytes: c2
    push rbx                    // bytes: 53 90
h:                              // bytes: 90
"""


def wrong(directory: Path, source: str) -> list[tuple[int, list[str]]]:
    """Return the lines that are wrong, and what is said of them."""
    path = directory / "bytes.S"
    path.write_text(source)
    image = build_guest([path])
    parsed = PeImage.parse(image.read_bytes(), image.name)
    expected = parse_assembly_file(source).bytes
    return [
        (each.line, lines) for each, lines in wrong_encodings(parsed, read_line_ranges(parsed), path.name, expected)
    ]


def test_right_ones(tmp_path: Path) -> None:
    assert wrong(tmp_path, f"{SOURCE}\ng: ret // bytes: c3\n") == []


def test_wrong_ones(tmp_path: Path) -> None:
    lines = SOURCE.count("\n")
    assert wrong(tmp_path, SOURCE + WRONG) == [
        (lines + 2, ["expected  c2", "found     c3"]),
        (lines + 3, ["expected  53 90", "found     53"]),
        (lines + 4, ["expected  90", "found     nothing: no code comes from this line"]),
    ]


def test_data_has_no_line_of_its_own(tmp_path: Path) -> None:
    """The assembler gives none to it: it counts with the instruction before."""
    assert wrong(tmp_path, "    nop // bytes: 90 01 02\n    .byte 1, 2\n") == []


def test_lines_of_other_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "other.S").write_text("\n" * 5 + "    .globl other\nother: nop\n")
    (tmp_path / "first.S").write_text("    .text\n" + "\n" * 4 + "\n    ret // bytes: c3\n")
    image = build_guest([tmp_path / "first.S", tmp_path / "other.S"])
    parsed = PeImage.parse(image.read_bytes(), image.name)
    expected = parse_assembly_file((tmp_path / "first.S").read_text()).bytes
    assert list(wrong_encodings(parsed, read_line_ranges(parsed), "first.S", expected)) == []
