# SPDX-License-Identifier: GPL-2.0-or-later
"""The import library of `ntoskrnl.exe`: what the compiler wheel lists, and what our own kernel adds."""

import pathlib

from emu.toolchain.cache import cached_file, content_key
from emu.toolchain.compiler import Toolchain, ToolFailed
from emu.toolchain.errors import GuestBuildError
from emu.toolchain.layout import guest_directory


def read_definition(text: str) -> dict[str, bool]:
    """Return the exports of a module-definition file, each with whether it is data.

    Ordinals and the names of the module are not kept; a line with `=` (an alias of another export) is passed over.
    """
    exports: dict[str, bool] = {}
    for line in text.splitlines():
        words = line.partition(";")[0].replace("=", " = ").split()
        if not words or words[0].upper() in ("LIBRARY", "NAME", "EXPORTS", "DESCRIPTION") or "=" in words:
            continue
        exports[words[0].strip('"')] = "DATA" in (word.upper() for word in words[1:])
    return exports


def kernel_import_library(toolchain: Toolchain) -> pathlib.Path:
    """Return the import library of the kernel; our definition (`guest/kernel/ntoskrnl.def`) wins over the wheel's."""
    definitions = [toolchain.kernel_definition, guest_directory() / "kernel" / "ntoskrnl.def"]
    texts = [path.read_text(encoding="utf-8") for path in definitions if path.is_file()]

    def produce(library: pathlib.Path) -> None:
        exports: dict[str, bool] = {}
        for text in texts:
            exports |= read_definition(text)
        lines = (f"{name} DATA" if data else name for name, data in sorted(exports.items()))
        definition = library.with_suffix(".def")
        definition.write_text("LIBRARY ntoskrnl.exe\nEXPORTS\n" + "\n".join(lines) + "\n", encoding="utf-8")
        arguments = ["-m", "i386:x86-64", "-D", "ntoskrnl.exe", "-d", definition.name, "-l", library.name]
        try:
            toolchain.run("dlltool", arguments, library.parent)
        except ToolFailed as error:
            raise GuestBuildError(f"cannot build the import library of ntoskrnl.exe:\n{error}") from error

    return cached_file("import", content_key(toolchain.version, *texts), "ntoskrnl.lib", produce)
