# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose code an accessor is on each of the two kernels, as the built library and kernel image have it."""

from __future__ import annotations

import functools
from typing import Final, Literal, NamedTuple

from emu.accessors import Accessor
from emu.image import PeImage
from emu.toolchain import built_directory
from emu.toolchain.coff import archive_globals
from emu.toolchain.library import accessor_library
from emu.toolchain.system import KERNEL_IMAGE

Whose = Literal["own", "kernel", "macro", "missing"]

WORDS: Final[dict[Whose, str]] = {
    "own": "own copy",
    "kernel": "the kernel's",
    "macro": "header macro",
    "missing": "MISSING",
}


class Status(NamedTuple):
    """Whose code runs on a kernel without primitives, and on one with them; the Mode forms' with UserMode."""

    library: Whose
    kernel: Whose

    def on_kernel(self, accessor: Accessor) -> str:
        """Say it of the kernel with primitives, which one by its name."""
        return accessor.primitive or "" if self.kernel == "kernel" else WORDS[self.kernel]


def status_of(accessor: Accessor) -> Status:
    """Look an accessor up. Raises what `accessor_library` raises, OSError where the kernel image is not built."""
    if accessor.kind == "macro":
        return Status("macro", "macro")
    library: Whose = "own" if accessor.name in _library_names() else "missing"
    if accessor.primitive is None or library == "missing":
        return Status(library, library)
    return Status(library, "kernel" if accessor.primitive in _kernel_names() else "missing")


@functools.cache
def _library_names() -> frozenset[str]:
    return frozenset(archive_globals(accessor_library().read_bytes()))


@functools.cache
def _kernel_names() -> frozenset[str]:
    return frozenset(PeImage.parse((built_directory() / KERNEL_IMAGE).read_bytes(), KERNEL_IMAGE).exports)
