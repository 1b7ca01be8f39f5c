# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs as user-mode executables: their objects as the kernel has them, with `wine/main.c` and system DLLs."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

from emu.toolchain.cache import cached_file, content_key
from emu.toolchain.compilation import Options, compile_source, object_key
from emu.toolchain.compiler import find_toolchain
from emu.toolchain.layout import guest_directory
from tests.conformance.seh.programs import HERE, Program

WINE = HERE / "wine"
INCLUDE = (guest_directory() / "include",)
DLLS = ("kernel32", "msvcrt", "ntdll")

_LINK_FLAGS = (
    "/nologo",
    "/machine:x64",
    "/subsystem:console",
    "/entry:start",
    # The compiler is told that stacks need no probing: the thread's whole stack is committed from the start.
    "/stack:0x100000,0x100000",
    "/brepro",
    "/nodefaultlib",
    "/lldignoreenv",
    "/alternatename:_fltused=__ImageBase",
)


def build_executable(program: Program, level: str) -> Path:
    """Build a program for the `msvc` target and return the executable's path in the cache. Raises GuestBuildError."""
    toolchain = find_toolchain()
    objects = (
        _compile(program.path, Options(level, "msvc", INCLUDE, ())),
        _compile(WINE / "main.c", Options(level, "msvc", INCLUDE, (f"PROGRAM={program.name}",))),
    )
    inputs = (*objects, *(_import_library(name) for name in DLLS))

    def produce(executable: Path) -> None:
        names = [f"{index}-{path.name}" for index, path in enumerate(inputs)]
        for name, path in zip(names, inputs, strict=True):
            shutil.copyfile(path, executable.parent / name)
        toolchain.run("lld-link", [*_LINK_FLAGS, f"/out:{executable.name}", *names], executable.parent)

    key = content_key(toolchain.version, *_LINK_FLAGS, *(path.read_bytes() for path in inputs))
    return cached_file("executables", key, f"{program.name}.exe", produce)


def _compile(source: Path, options: Options) -> Path:
    toolchain = find_toolchain()
    return compile_source(toolchain, source, str(source), object_key(toolchain, source, options), options)


@functools.cache
def _import_library(name: str) -> Path:
    toolchain = find_toolchain()
    definition = WINE / f"{name}.def"

    def produce(library: Path) -> None:
        arguments = ["-m", "i386:x86-64", "-d", str(definition), "-l", library.name]
        toolchain.run("dlltool", arguments, library.parent)

    return cached_file("import", content_key(toolchain.version, definition.read_bytes()), f"{name}.lib", produce)
