# SPDX-License-Identifier: GPL-2.0-or-later
"""Decoded unwind data against an independent decoder, for every function of every image that the tests build.

The oracle is `pefile`: it knows every operation of versions 1 and 2, the epilogue codes too, and is there already, as
the reader of headers. `lief` would be one more package for the same answer. Its own walk over the table stops at the
first information that it cannot decode, so that such images are compared up to there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pefile
import pytest

from emu.image import PeImage, RuntimeFunction
from emu.nt.unwind import UnwindOp
from emu.seh.unwind_info import UnwindCode, UnwindError, UnwindInfo, decode_unwind_info
from tests.checks.unwind_data.programs import (
    CONFORMANCE,
    MISTAKES,
    RIGHT,
    SYSTEM_IMAGES,
    WRONG_ON_PURPOSE,
    Build,
    builds,
    guest_sources,
)

BY_HAND = builds([(path,) for path in sorted((*RIGHT.glob("*.S"), *MISTAKES.glob("*.S")))], ("1",))
SOURCES = [group for group in guest_sources() if group[0].stem not in WRONG_ON_PURPOSE]
SAMPLE = builds([group for group in SOURCES if group[0].parent == CONFORMANCE][::12], ("0", "2"))

OPERANDS = {
    UnwindOp.ALLOC_SMALL: "get_alloc_size",
    UnwindOp.ALLOC_LARGE: "get_alloc_size",
    UnwindOp.SAVE_NONVOL: "get_offset",
    UnwindOp.SAVE_NONVOL_FAR: "get_offset",
    UnwindOp.SAVE_XMM128: "get_offset",
    UnwindOp.SAVE_XMM128_FAR: "get_offset",
}


class Entry(NamedTuple):
    """One function as a decoder sees it."""

    begin: int
    end: int
    version: int
    flags: int
    size_of_prolog: int
    frame: tuple[int, int]
    codes: tuple[UnwindCode, ...]
    epilogues: tuple[int, tuple[int, ...]]
    handler: int | None
    parent: int | None
    """Begin of the entry that this one is chained to."""


def ours(entry: RuntimeFunction, info: UnwindInfo) -> Entry:
    return Entry(
        entry.begin,
        entry.end,
        info.version,
        info.flags,
        info.size_of_prolog,
        (info.frame_register, info.frame_offset),
        info.codes,
        (info.epilog_size, info.epilogs),
        info.handler_rva,
        info.chained.begin if info.chained else None,
    )


def _code(code: Any) -> UnwindCode:
    fields = code.struct
    op = UnwindOp(fields.UnwindOp)
    info = next(getattr(fields, name) for name in ("Reg", "OpInfo", "AllocSizeInQwordsMinus8") if hasattr(fields, name))
    operand = getattr(code, OPERANDS[op])() if op in OPERANDS else 0
    return UnwindCode(fields.CodeOffset, op, info, operand)


def theirs(entry: Any) -> Entry:
    info = entry.unwindinfo
    markers = [code for code in info.UnwindCodes if code.struct.UnwindOp == UnwindOp.EPILOG]
    return Entry(
        entry.struct.BeginAddress,
        entry.struct.EndAddress,
        info.Version,
        info.Flags,
        info.SizeOfProlog,
        (info.FrameRegister, info.FrameOffset * 16),
        tuple(_code(code) for code in info.UnwindCodes if code not in markers),
        (getattr(info, "SizeOfEpilog", 0), tuple(code.get_offset() for code in markers if code.is_valid())),
        getattr(info, "ExceptionHandler", None),
        getattr(info, "FunctionEntry", None),
    )


def compare(path: Path) -> int:
    """Compare an image's functions, and return how many there were."""
    data = path.read_bytes()
    parsed = pefile.PE(data=data, fast_load=True)
    parsed.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_EXCEPTION"]])
    table = getattr(parsed, "DIRECTORY_ENTRY_EXCEPTION", [])
    image = PeImage.parse(data, path.name, strict_functions=False)
    mapped = image.mapped()
    functions = list(image.functions)
    if not image.functions.faults:  # pefile does not follow indirect entries
        functions = [ours for ours, entry in zip(functions, table, strict=False) if entry.unwindinfo is not None]
    expected = [theirs(entry) for entry in table if entry.unwindinfo is not None]
    decoded: list[Entry] = []
    for entry in functions:
        try:
            info = decode_unwind_info(lambda rva, size: mapped[rva : rva + size], entry.unwind_info)
        except UnwindError:
            assert any("Unsupported version" in warning for warning in parsed.get_warnings())
            break
        decoded.append(ours(entry, info))
    if image.functions.faults:
        expected = [each for each in expected if each.begin in {entry.begin for entry in image.functions}]
    assert decoded == expected
    return len(decoded)


@pytest.mark.parametrize("path", SYSTEM_IMAGES, ids=lambda path: path.name)
def test_the_systems_images_decode_alike(path: Path) -> None:
    assert compare(path) > 0


@pytest.mark.parametrize("build", BY_HAND, ids=str)
def test_unwind_data_by_hand_decodes_alike(build: Build) -> None:
    compare(build.path())


@pytest.mark.parametrize("build", SAMPLE, ids=str)
def test_some_compiled_images_decode_alike(build: Build) -> None:
    assert compare(build.path()) > 0


@pytest.mark.sweep
@pytest.mark.parametrize("build", builds(SOURCES), ids=str)
def test_every_image_of_the_tests_decodes_alike(build: Build) -> None:
    compare(build.path())


def test_every_operation_is_among_what_is_compared() -> None:
    """Unwind data by hand and a large compiled function together have all of them, version 2 epilogues included."""
    found = set()
    for build in (*BY_HAND, *builds([group for group in SOURCES if group[0].stem == "step_saves"], ("1",))):
        parsed = pefile.PE(data=build.path().read_bytes())
        for entry in getattr(parsed, "DIRECTORY_ENTRY_EXCEPTION", []):
            found |= {code.struct.UnwindOp for code in entry.unwindinfo.UnwindCodes}
    assert found == set(UnwindOp) - {UnwindOp.SPARE_CODE}
