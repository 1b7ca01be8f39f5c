# SPDX-License-Identifier: GPL-2.0-or-later
"""What is built once: the images that a machine boots from, the libraries that drivers link, and the native core."""

import pathlib

from emu.toolchain.cache import content_key
from emu.toolchain.compiler import find_toolchain
from emu.toolchain.guest import build_guest
from emu.toolchain.library import DEBUG_LIBRARY, LIBRARY, build_library
from emu.toolchain.native_core import build_native_core, native_core_name, native_sources, native_target

KERNEL_IMAGE = "ntoskrnl.exe"
ACCESSOR_IMAGE = "umaccess.sys"
_STAMP = "stamp"


def build_system(project: pathlib.Path, output: pathlib.Path) -> bool:
    """Build `ntoskrnl.exe`, `umaccess.sys`, the two libraries and the native core of a project into a directory.

    Does nothing, and returns False, when the directory holds what these sources give. Raises GuestBuildError,
    ToolchainMissing.
    """
    guest, package = project / "guest", project / "emu"
    parts: list[str | bytes] = [find_toolchain().version, native_target()]
    for path in native_sources(package):
        parts += [path.relative_to(package).as_posix(), path.read_bytes()]
    for directory in (guest / "kernel", guest / "umaccess", guest / "include", pathlib.Path(__file__).parent):
        for path in sorted(directory.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                parts += [path.relative_to(directory).as_posix(), path.read_bytes()]
    stamp, key = output / _STAMP, content_key(*parts)
    products = [KERNEL_IMAGE, ACCESSOR_IMAGE, LIBRARY, DEBUG_LIBRARY, native_core_name()]
    if stamp.is_file() and stamp.read_text() == key and all((output / name).is_file() for name in products):
        return False

    output.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    build_native_core(package, output)
    kernel, accessors = (sorted((guest / name).glob("*.S")) for name in ("kernel", "umaccess"))
    build_guest(kernel, output / KERNEL_IMAGE, kernel_imports=False, accessors=False)
    build_guest(accessors, output / ACCESSOR_IMAGE, accessors=False)
    include = (guest / "include",)
    build_library(accessors, output / LIBRARY, include=include)
    build_library(accessors, output / DEBUG_LIBRARY, include=include, defines=("DBG=1",))
    stamp.write_text(key)
    return True
