# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiles C and C++ against the header of the accessors, as a user's own build does: any warning is an error."""

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from emu.toolchain.compilation import TARGETS
from emu.toolchain.compiler import find_toolchain
from emu.toolchain.import_library import import_library, kernel_exports
from emu.toolchain.layout import built_directory, guest_directory
from emu.toolchain.link import LINK_FLAGS

HEADER = guest_directory() / "include" / "usermode_accessors.h"
LIBRARY = built_directory() / "umaccess.lib"

LANGUAGES = ("c11", "c++17")
HEADERS = ("ddk", "windows", "compiler", "own types")
"""Which headers there are: the kernel's and those of Windows, the latter alone, the compiler's alone; all, unused."""
OPTIMIZATION = ("-O0", "-O1", "-O2", "-O3", "-O2 -flto")


class Configuration(NamedTuple):
    """One way to compile a source."""

    language: str = "c11"
    target: str = "msvc"
    headers: str = "ddk"
    optimization: str = "-O1"

    def __str__(self) -> str:
        return " ".join(self)


EVERY_CONFIGURATION = tuple(
    Configuration(*each) for each in product(LANGUAGES, TARGETS, ("ddk", "compiler"), OPTIMIZATION)
)


def compile_text(text: str, object_file: Path, configuration: Configuration, *options: str) -> None:
    """Compile a source text; raises ToolFailed with what the compiler says."""
    source = object_file.with_suffix(".cpp" if "++" in configuration.language else ".c")
    source.write_text(text, encoding="utf-8")
    find_toolchain().run(
        "clang",
        [*_arguments(configuration), *options, "-c", "-o", object_file.name, source.name],
        object_file.parent,
    )


def preprocess(text: str, output: Path, configuration: Configuration) -> str:
    """Return a source text after preprocessing, with the macros that are defined."""
    source = output.with_suffix(".c")
    source.write_text(text, encoding="utf-8")
    arguments = [*_arguments(configuration), "-E", "-dD", "-o", output.name, source.name]
    find_toolchain().run("clang", arguments, output.parent)
    return output.read_text(encoding="utf-8")


def link_driver(object_file: Path, image: Path, target: str, export: Iterable[str]) -> None:
    """Link an object, LTO's bitcode too, with the library of the accessors, and export functions of both."""
    toolchain = find_toolchain()
    definition = image.with_suffix(".def")
    definition.write_text("\n".join(["EXPORTS", *(f"  {name}" for name in export), ""]), encoding="utf-8")
    toolchain.run(
        "lld-link",
        [
            *LINK_FLAGS,
            "/dll",
            "/noentry",
            *(["/lldmingw"] if target == "gnu" else []),
            f"/def:{definition.name}",
            f"/out:{image.name}",
            object_file.name,
            # A path that begins with a slash would be taken for an option.
            *_copied([LIBRARY, import_library(toolchain, kernel_exports(toolchain))], image.parent),
        ],
        image.parent,
    )


def _arguments(configuration: Configuration) -> Sequence[str]:
    toolchain = find_toolchain()
    directories = [toolchain.compiler_headers]
    if configuration.headers in ("ddk", "own types"):
        directories.append(toolchain.windows_headers / "ddk")
    if configuration.headers != "compiler":
        directories.append(toolchain.windows_headers)
    return [
        *TARGETS[configuration.target],
        f"-std={configuration.language}",
        *configuration.optimization.split(),
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-ffreestanding",
        "-nostdinc",
        f"-I{HEADER.parent}",
        *(part for directory in directories for part in ("-isystem", str(directory))),
        *(["-DUMA_OWN_TYPES"] if configuration.headers == "own types" else []),
        *(["-D_AMD64_"] if configuration.headers == "ddk" else []),
        "-fno-color-diagnostics",
    ]


def _copied(files: Iterable[Path], directory: Path) -> list[str]:
    for file in files:
        (directory / file.name).write_bytes(file.read_bytes())
    return [file.name for file in files]
