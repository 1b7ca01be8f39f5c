# SPDX-License-Identifier: GPL-2.0-or-later
"""Damaged PE files, read and loaded: an `ImageError` in one line, or a module that can be asked about anything.

The header's first byte chooses the file: the sample image, or one with debug information, built from the sources of
the image tests. Each record is one edit.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from emu import Machine
from emu.address import Gva
from emu.image import ImageError, Module, PeImage
from emu.memory.errors import NotMapped, OutOfMemory
from emu.nt.unwind import UNW_FLAG_EHANDLER
from emu.seh.context import RSP, Context
from emu.seh.unwind_info import UnwindError
from emu.toolchain import build_guest
from tests.fuzz.edits import Field, edit
from tests.fuzz.health import Watched, check_message
from tests.fuzz.record import Input, make_input
from tests.fuzz.sample_image import sample
from tests.image.conftest import SOURCES
from tests.image.test_pe import check_bounds

_RAM_SIZE: Final = 16 << 20
_LOOKED_AT: Final = 24
"""Functions, exports and addresses of one module that are asked about."""
# Unicorn 2.1.4 crashes the process where it translates more than 220 to 240 x87 instructions as one block.
_CRASHES_THE_ENGINE: Final = re.compile(rb"(?:[\xd8-\xdf].){200}", re.DOTALL)
_CALLED: Final = 2
_BUDGET: Final = 200
_DEBUG_INFORMATION: Final = r"damaged\.sys: debug information: .+"

SEEDS: Final = (
    make_input(),
    make_input([1]),
    make_input([], (1, 129, 20, 0)),
    make_input([1], (0, 0, 40, 0x13)),
)


@functools.cache
def _built_image() -> tuple[bytes, tuple[Field, ...]]:
    """Return the image that has debug information, and the bytes of its debug sections as fields."""
    data = build_guest([SOURCES / "routine.S", SOURCES / "driver.c"]).read_bytes()
    fields = []
    for section in PeImage.parse(data, "routine.sys").sections:
        if section.name.startswith(".debug_"):
            start = data.index(section.data)
            fields += [Field(section.name, start + at, 1) for at in range(len(section.data.rstrip(b"\0")))]
    return data, tuple(fields)


@functools.cache
def _watched() -> Watched:
    return Watched(Machine(ram_size=_RAM_SIZE))


def damaged_file(data: bytes) -> bytes:
    """Return the file that an input describes."""
    source = Input.decode(data)
    if source.header[0] & 7 == 1:  # it takes twenty times as long
        content, fields = _built_image()
    else:
        content, fields = sample().file, sample().fields
    block = bytearray(content)
    for record in source.records:
        edit(block, fields, record)
    return bytes(block)


def run(data: bytes) -> None:
    """Read and load one file."""
    try:
        image = PeImage.parse(damaged_file(data), "damaged.sys")
    except ImageError as error:
        check_message(error, r"damaged\.sys: .+")
        return
    check_bounds(image)
    watched = _watched()
    system = watched.machine._system
    try:
        module = system.modules.load(image, system.resolve)
    except (ImageError, OutOfMemory) as error:
        check_message(error)
        watched.check_reset()
        return
    _ask(watched.machine, module)
    callable_exports = sorted({image.entry_point or 0, *image.exports.values()})[:_CALLED]
    if _CRASHES_THE_ENGINE.search(image.mapped()):
        callable_exports = []
    for rva in callable_exports:
        watched.check_outcome(watched.machine.call(Gva(module.base + rva), budget=_BUDGET))
        if watched.machine._stopped:
            break
    watched.check_reset()


def _ask(machine: Machine, module: Module) -> None:
    image, system = module.image, machine._system
    unwinder = system.modules.find(module.base)
    assert unwinder is not None
    assert unwinder.module is module
    starts = [RSP, *image.exports.values(), *(section.rva for section in image.sections)]
    functions = [image.functions.lookup(begin) for begin in image.functions._begins[:_LOOKED_AT]]
    starts += [entry.begin for entry in functions if entry is not None]
    try:
        assert all(isinstance(name, str) for name in module.symbols)
    except ImageError as error:
        check_message(error, _DEBUG_INFORMATION)
    assert "a name that nobody has" not in module
    for start in starts[:_LOOKED_AT]:
        for address in (start, start + 5, start + 0x3A):
            if address >= image.size_of_image:
                continue
            at = Gva(module.base + address)
            assert module.describe(at).startswith("damaged")
            try:
                module.source_line(at)
            except ImageError as error:
                check_message(error, _DEBUG_INFORMATION)
            context = Context(rip=at)
            context.gpr[RSP] = system.stack.low + 0x1000
            try:
                unwinder.virtual_unwind(at, context, system.memory, UNW_FLAG_EHANDLER)
            except (UnwindError, NotMapped):
                continue
            assert all(0 <= value < 1 << 64 for value in (*context.gpr, context.rip))
