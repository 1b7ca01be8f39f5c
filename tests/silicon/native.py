# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs on silicon: a process of its own for each batch, so that what goes wrong ends that one. x86-64 Linux only."""

from __future__ import annotations

import functools
import platform
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from emu.cpu.trap import ERROR_PRESENT, Vector
from emu.toolchain.cache import cached_file, content_key
from emu.toolchain.compiler import find_toolchain
from emu.toolchain.native_core import native_target
from tests.silicon.world import PAGE, REGISTERS_SIZE, Case, Page, Stop, make_stop

_SOURCE: Final = Path(__file__).with_name("runner.c")
_COMMAND: Final = struct.Struct("<3Q")
_HEAD: Final = struct.Struct(f"<3Q{REGISTERS_SIZE}sQ")
_MAP, _KEEP, _POKE, _RUN = range(4)
_PROTECTIONS: Final = {"ro": 1, "rw": 3, "rx": 5}
"""PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4."""

_TASK_SIZE: Final = 0x7FFF_FFFF_F000
"""From here on Linux says of every page fault that the page is present (`sanitize_error_code`)."""

IS_HERE: Final = sys.platform == "linux" and platform.machine() == "x86_64"

needs_silicon = pytest.mark.skipif(
    not IS_HERE, reason=f"runs x86-64 code natively in a Linux process; this is {sys.platform} on {platform.machine()}"
)


@functools.cache
def _runner() -> Path:
    toolchain, target = find_toolchain(), native_target()

    def produce(fresh: Path) -> None:
        flags = ["-target", target, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-s"]
        toolchain.run("cc", [*flags, "-o", str(fresh), _SOURCE.name], _SOURCE.parent)

    return cached_file("silicon", content_key(toolchain.version, target, _SOURCE.read_bytes()), "runner", produce)


def run_natively(pages: Sequence[Page], cases: Sequence[Case]) -> list[Stop]:
    """Run cases in an ordinary process that has these pages besides its own."""
    kept = [page for page in pages if page.protection == "rw"]
    script = bytearray()
    for page in pages:
        script += _COMMAND.pack(_MAP, page.address, _PROTECTIONS[page.protection]) + page.content
    for page in kept:
        script += _COMMAND.pack(_KEEP, page.address, 0)
    for case in cases:
        for address, value in case.pokes:
            script += _COMMAND.pack(_POKE, address, value)
        script += _COMMAND.pack(_RUN, 0, 0) + case.registers
    done = subprocess.run([_runner()], input=script, capture_output=True, check=False)
    stops = _read_stops(done.stdout, kept)
    if done.returncode or len(stops) != len(cases):
        ended = f"ended with status {done.returncode} after {len(stops)} of {len(cases)} cases"
        pytest.fail(f"the runner {ended}: {done.stderr.decode(errors='replace')}")
    return stops


def _read_stops(output: bytes, kept: Sequence[Page]) -> list[Stop]:
    """Read what a runner has written, as far as it came."""
    stops, at = [], 0
    while at + _HEAD.size <= len(output):
        vector, error_code, cr2, registers, changed = _HEAD.unpack_from(output, at)
        at += _HEAD.size
        contents = []
        for number, page in enumerate(kept):
            if changed >> number & 1:
                contents.append(output[at : at + PAGE])
                at += PAGE
            else:
                contents.append(page.content)
        if vector == Vector.PAGE_FAULT and cr2 >= _TASK_SIZE:
            error_code &= ~ERROR_PRESENT
        stops.append(make_stop(vector, error_code, cr2, registers, contents))
    return stops
