# SPDX-License-Identifier: GPL-2.0-or-later
"""The accessor library as an archive of objects, which drivers link."""

import os
import pathlib
import shutil
from collections.abc import Sequence

from emu.toolchain.cache import cached_file, content_key
from emu.toolchain.coff import object_globals
from emu.toolchain.compilation import Options, compile_source, object_key
from emu.toolchain.compiler import ToolFailed, find_toolchain
from emu.toolchain.errors import GuestBuildError
from emu.toolchain.layout import built_directory

LIBRARY = "umaccess.lib"
DEBUG_LIBRARY = "umaccess_dbg.lib"
"""The library with what a build with DBG checks."""


def build_library(
    sources: Sequence[pathlib.Path],
    output: pathlib.Path,
    *,
    include: tuple[pathlib.Path, ...] = (),
    defines: tuple[str, ...] = (),
) -> None:
    """Assemble sources into a COFF archive, a member a source, in the order given.

    An object with the entry point of an image stays out: whoever links the library has one. The same sources and
    defines give the same bytes, wherever they are built. Raises GuestBuildError with a tool's text.
    """
    import concurrent.futures  # noqa: PLC0415 (slow to import, and whoever links the library builds none)

    toolchain = find_toolchain()
    options = Options("1", "msvc", include, defines)
    keys = [object_key(toolchain, source, options) for source in sources]

    def assemble(source: pathlib.Path, key: str) -> pathlib.Path:
        return compile_source(toolchain, source, str(source), key, options)

    def produce(archive: pathlib.Path) -> None:
        workspace = archive.parent
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = [built for built in pool.map(assemble, sources, keys) if not _has_entry_point(built)]
        for built in objects:
            shutil.copyfile(built, workspace / built.name)
        members = [built.name for built in objects]
        try:
            # D: no time stamps, owners and modes of the members.
            toolchain.run("ar", ["--format=coff", "rcsD", archive.name, *members], workspace)
        except ToolFailed as error:
            raise GuestBuildError(f"cannot build {output.name}:\n{error}") from error

    key = content_key(toolchain.version, *keys)
    shutil.copyfile(cached_file("libraries", key, output.name, produce), output)


def _has_entry_point(built: pathlib.Path) -> bool:
    return any(symbol.name == "DriverEntry" for symbol in object_globals(built.read_bytes()))


def accessor_library(*, debug: bool = False) -> pathlib.Path:
    """Return the built library; raises GuestBuildError where it is not built."""
    library = built_directory() / (DEBUG_LIBRARY if debug else LIBRARY)
    if not library.is_file():
        raise GuestBuildError(f"{library.name} is not built; run `make setup` in a checkout, or install the wheel")
    return library


def is_debug(defines: Sequence[str]) -> bool:
    """Tell whether defines ask for the debug library: the last one of DBG counts, as a compiler reads them."""
    given = [define.partition("=") for define in defines]
    values = [value if equals else "1" for name, equals, value in given if name == "DBG"]
    return bool(values) and values[-1].strip() != "0"
