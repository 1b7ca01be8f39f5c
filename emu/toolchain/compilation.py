# SPDX-License-Identifier: GPL-2.0-or-later
"""One source to one object."""

import dataclasses
import pathlib
import re
from collections.abc import Sequence

from emu.toolchain.cache import cached_file, content_key
from emu.toolchain.compiler import Toolchain, ToolFailed
from emu.toolchain.dependencies import included_files
from emu.toolchain.errors import GuestBuildError

COMPILED = (".S", ".s", ".c")
OPTIMIZE = ("0", "1", "2", "3", "s", "z")

TARGETS = {
    # With -fasync-exceptions, and only on this target, a fault *inside* a __try body reaches its handler. The Windows
    # headers ask for the macros of mingw-w64 and GCC, which this target does not define.
    "msvc": [
        "--target=x86_64-pc-windows-msvc",
        "-fasync-exceptions",
        "-fgnuc-version=4.2.1",
        "-D__MINGW32__",
        "-D__MINGW64__",
    ],
    "gnu": ["--target=x86_64-w64-windows-gnu"],
}

_COMMON = [
    "-ffreestanding",
    "-fms-extensions",
    "-fno-stack-protector",
    # The x64 calling convention asks for unwind data of every function with a frame (Microsoft Learn, "x64 exception
    # handling"); without this, clang leaves it out where it finds that nothing in the function throws.
    "-fasynchronous-unwind-tables",
    # Kernel stacks are mapped as a whole, so a frame over a page needs no probe, nor a __chkstk to link with.
    "-mno-stack-arg-probe",
    "-nostdinc",
    "-D_AMD64_",
    # The wheel's <stdio.h> would make sprintf_s and its kin inline functions over the universal C runtime, which the
    # kernel does not have; with these they are the functions that it exports.
    "-D__MSVCRT_VERSION__=0x700",
    "-D__USE_MINGW_ANSI_STDIO=0",
    # Two builds of one source are the same bytes: no time stamp in the object, no directory in the line table.
    "-mno-incremental-linker-compatible",
    "-fdebug-compilation-dir=.",
    # Version 4: the linker's version 5 sections cannot be read without relocations of their own.
    "-gdwarf-4",
    "-fno-color-diagnostics",
]


@dataclasses.dataclass(frozen=True)
class Options:
    """How every source of one image is compiled."""

    optimize: str
    target: str
    include: tuple[pathlib.Path, ...]
    defines: tuple[str, ...]


def object_key(toolchain: Toolchain, source: pathlib.Path, options: Options) -> str:
    """Return the content key of a source's object: everything that its bytes depend on."""
    parts: list[str | bytes] = [toolchain.version, options.optimize, *TARGETS[options.target], *_COMMON]
    parts += ["\0".join(options.defines), *(directory.name for directory in options.include)]
    for path, data in included_files(source, options.include).items():
        parts += [path.name, data]
    return content_key(*parts)


def compile_source(toolchain: Toolchain, source: pathlib.Path, given: str, key: str, options: Options) -> pathlib.Path:
    """Return the object of a source; raises GuestBuildError with the compiler's text.

    The text names the source as its user gave it.
    """

    def produce(fresh: pathlib.Path) -> None:
        arguments = [*TARGETS[options.target], *_COMMON, f"-O{options.optimize}"]
        arguments += [f"-D{define}" for define in options.defines]
        arguments += _include_arguments(toolchain, source, options.include)
        # Compiled under its bare name in its own directory, so that no directory gets into the line table.
        try:
            toolchain.run("clang", [*arguments, "-c", "-o", str(fresh), "--", source.name], source.parent)
        except ToolFailed as error:
            pattern = re.compile(rf"(^|\bfrom )(?:\./)?{re.escape(source.name)}:", re.MULTILINE)
            text = pattern.sub(lambda at: f"{at[1]}{given}:", str(error))
            raise GuestBuildError(f"cannot compile {given}:\n{text}") from error

    return cached_file("objects", key, f"{source.stem}.obj", produce)


def _include_arguments(toolchain: Toolchain, source: pathlib.Path, include: Sequence[pathlib.Path]) -> list[str]:
    # The assembler's own .include looks in -I directories only, not beside the source.
    beside = [source.parent] if source.suffix in (".S", ".s") else []
    arguments = [f"-I{directory}" for directory in (*beside, *include)]
    arguments += [f"-ffile-prefix-map={directory}={directory.name}" for directory in include]
    arguments += [f"-ffile-prefix-map={toolchain.directory}=ziglang", f"-ffile-prefix-map={source.parent}=."]
    for directory in (
        toolchain.compiler_headers,
        toolchain.windows_headers / "ddk",
        toolchain.windows_headers,
    ):
        arguments += ["-isystem", str(directory)]
    return arguments
