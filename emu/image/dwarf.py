# SPDX-License-Identifier: GPL-2.0-or-later
"""The DWARF of a PE image: what the compiler put into its `.debug_*` sections, read by `pyelftools`."""

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from emu.image.errors import ImageError, in_one_line
from emu.image.line_header import check_entry_tables
from emu.image.pe import PeImage

if TYPE_CHECKING:
    from elftools.dwarf.compileunit import CompileUnit
    from elftools.dwarf.die import DIE
    from elftools.dwarf.dwarfinfo import DWARFInfo

_REQUIRED = (".debug_info", ".debug_abbrev")
_READ = (
    *("aranges", "frame", "str", "loc", "ranges", "line", "pubtypes", "pubnames", "addr", "str_offsets", "line_str"),
    *("loclists", "rnglists", "sup", "types", "info", "abbrev"),
)
MOST_ENTRIES = 0x8_0000
"""Debugging information entries that one image may have; `pyelftools` keeps about a kilobyte of each."""

LARGEST_LINE_TABLES = 2 * 1024 * 1024
"""Bytes of `.debug_line`, of which each may be a row."""

_READS_A_BYTE = 16
"""More than `pyelftools` makes of a byte, unless many units have it read the same tables over and over."""

_GARBAGE_LINE = 1 << 31
"""Line numbers from here on: clang 22 counts below zero behind an assembler `.include` in a preprocessed source."""


class DebugInformationError(ValueError):
    """Debugging information asks for more work than it can be worth."""


class _Metered(io.BytesIO):
    """A section that refuses to be read without end: compilation units may all name one long table."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _READS_A_BYTE * (len(data) + 1024)

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise DebugInformationError("the same bytes are read over and over")
        return super().read(size)


class LineRange(NamedTuple):
    """The code from one RVA up to another that came from one line of a file."""

    begin: int
    end: int
    file: str
    line: int


def read_labels(image: PeImage) -> dict[str, int]:
    """Return the RVA of every function and assembly label; empty without DWARF. Raises ImageError if it is damaged."""
    labels: dict[str, int] = {}
    count = 0
    with _damage_reported(image):
        for unit in _units(image):
            for entry in unit.iter_DIEs():
                count += 1
                if count > MOST_ENTRIES:
                    raise DebugInformationError(f"more than the limit of 0x{MOST_ENTRIES:X} entries")
                if entry.tag in ("DW_TAG_subprogram", "DW_TAG_label") and "DW_AT_low_pc" in entry.attributes:
                    rva = entry.attributes["DW_AT_low_pc"].value - image.preferred_base
                    name = _name(entry)
                    if name and 0 <= rva < image.size_of_image:
                        labels.setdefault(name, rva)
    return labels


def read_line_ranges(image: PeImage) -> list[LineRange]:
    """Return the ranges of all line tables in the order of their RVAs; raises ImageError for damaged DWARF."""
    ranges: list[LineRange] = []
    tables = next((section.data for section in image.sections if section.name == ".debug_line"), b"")
    if len(tables) > LARGEST_LINE_TABLES:
        raise ImageError(f"{image.name}: .debug_line = 0x{len(tables):X} bytes: more than 0x{LARGEST_LINE_TABLES:X}")
    with _damage_reported(image):
        for unit in _units(image):
            top = unit.get_top_DIE()
            if "DW_AT_stmt_list" not in top.attributes:
                continue
            check_entry_tables(tables, top.attributes["DW_AT_stmt_list"].value)
            program = unit.dwarfinfo.line_program_for_CU(unit)
            assert program is not None
            before: Any = None
            for entry in program.get_entries():
                row = entry.state
                if row is None:
                    continue
                if before is not None and before.address < row.address and 0 < before.line < _GARBAGE_LINE:
                    begin, end = before.address - image.preferred_base, row.address - image.preferred_base
                    if 0 <= begin < end <= image.size_of_image:
                        ranges.append(LineRange(begin, end, _file_name(program.header, before.file), before.line))
                before = None if row.end_sequence else row
    return sorted(ranges)


@contextlib.contextmanager
def _damage_reported(image: PeImage) -> Iterator[None]:
    try:
        yield
    # pyelftools documents DWARFError, and lets whatever damaged data causes through.
    except Exception as error:
        raise ImageError(f"{image.name}: debug information: {type(error).__name__}: {in_one_line(error)}") from error


def _units(image: PeImage) -> Iterator["CompileUnit"]:
    information = _debug_information(image)
    if information is not None:
        yield from information.iter_CUs()


def _debug_information(image: PeImage) -> "DWARFInfo | None":
    sections = {section.name: section.data for section in image.sections if section.name.startswith(".debug_")}
    if not all(name in sections for name in _REQUIRED):
        return None
    # Imported when first needed: it takes longer than a machine takes to boot.
    from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo  # noqa: PLC0415

    def descriptor(name: str) -> DebugSectionDescriptor | None:
        data = sections.get(name)
        return None if data is None else DebugSectionDescriptor(_Metered(data), name, 0, len(data), 0)

    descriptors: dict[str, Any] = {f"debug_{name}_sec": descriptor(f".debug_{name}") for name in _READ}
    return DWARFInfo(
        config=DwarfConfig(little_endian=True, machine_arch="x64", default_address_size=8),
        eh_frame_sec=None,
        gnu_debugaltlink_sec=None,
        **descriptors,
    )


def _name(entry: "DIE") -> str | None:
    # The out-of-line copy of a function that is also inlined has its name in the entry that it refers to.
    for reference in ("DW_AT_abstract_origin", "DW_AT_specification"):
        if "DW_AT_name" not in entry.attributes and reference in entry.attributes:
            entry = entry.get_DIE_from_attribute(reference)
    name = entry.attributes.get("DW_AT_name")
    return None if name is None else name.value.decode("utf-8", "replace")


def _file_name(header: Any, index: int) -> str:
    # Up to DWARF 4 files and directories count from 1, and directory 0 is the compilation's own; from 5 on from 0.
    old = header.version < 5
    file = header.file_entry[index - 1 if old else index]
    directory = b""
    if file.dir_index:
        directory = header.include_directory[file.dir_index - 1 if old else file.dir_index]
    path: bytes = directory + b"/" + file.name if directory else file.name
    return path.decode("utf-8", "replace").replace("\\", "/").removeprefix("./")
