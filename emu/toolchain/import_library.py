# SPDX-License-Identifier: GPL-2.0-or-later
"""The import library of `ntoskrnl.exe`: what the compiler wheel lists, what our own kernel adds, and what users do."""

import functools
import pathlib
import types
from collections.abc import Mapping

from emu.toolchain.cache import cached_file, content_key
from emu.toolchain.compiler import Toolchain, ToolFailed
from emu.toolchain.errors import GuestBuildError
from emu.toolchain.layout import guest_directory


@functools.lru_cache(maxsize=4)
def read_definition(text: str) -> Mapping[str, bool]:
    """Return the exports of a module-definition file, each with whether it is data.

    Ordinals and the names of the module are not kept; a line with `=` (an alias of another export) is passed over.
    """
    exports: dict[str, bool] = {}
    for line in text.splitlines():
        words = line.partition(";")[0].replace("=", " = ").split()
        if not words or words[0].upper() in ("LIBRARY", "NAME", "EXPORTS", "DESCRIPTION") or "=" in words:
            continue
        exports[words[0].strip('"')] = "DATA" in (word.upper() for word in words[1:])
    return types.MappingProxyType(exports)


def kernel_exports(toolchain: Toolchain) -> dict[str, bool]:
    """Return what can be imported from the kernel; our `guest/kernel/ntoskrnl.def` wins over the wheel's list."""
    definitions = [toolchain.kernel_definition, guest_directory() / "kernel" / "ntoskrnl.def"]
    exports: dict[str, bool] = {}
    for path in definitions:
        if path.is_file():
            exports |= read_definition(path.read_text(encoding="utf-8"))
    return exports


def import_library(toolchain: Toolchain, exports: Mapping[str, bool]) -> pathlib.Path:
    """Return an import library of `ntoskrnl.exe` with these exports, each with whether it is data."""
    definition = "\n".join(f"{name} DATA" if data else name for name, data in sorted(exports.items()))

    def produce(library: pathlib.Path) -> None:
        source = library.with_suffix(".def")
        source.write_text(f"LIBRARY ntoskrnl.exe\nEXPORTS\n{definition}\n", encoding="utf-8")
        arguments = ["-m", "i386:x86-64", "-D", "ntoskrnl.exe", "-d", source.name, "-l", library.name]
        try:
            toolchain.run("dlltool", arguments, library.parent)
        except ToolFailed as error:
            raise GuestBuildError(f"cannot build the import library of ntoskrnl.exe:\n{error}") from error

    return cached_file("import", content_key(toolchain.version, definition), "ntoskrnl.lib", produce)
