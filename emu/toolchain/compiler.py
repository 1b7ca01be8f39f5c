# SPDX-License-Identifier: GPL-2.0-or-later
"""The compiler wheel: `ziglang` carries clang, its assembler, lld, an archiver and the Windows headers."""

import dataclasses
import functools
import importlib.util
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence

from emu.toolchain.cache import cache_directory
from emu.toolchain.errors import ToolchainMissing


class ToolFailed(Exception):
    """A tool ended with an error; the argument is what it printed."""


@dataclasses.dataclass(frozen=True)
class Toolchain:
    """One installed compiler wheel."""

    directory: pathlib.Path
    version: str

    @property
    def windows_headers(self) -> pathlib.Path:
        """The headers of Windows; `ddk` below it has those of the kernel."""
        return self.directory / "lib" / "libc" / "include" / "any-windows-any"

    @property
    def compiler_headers(self) -> pathlib.Path:
        """The headers that come with the compiler: intrinsics, `stddef.h`."""
        return self.directory / "lib" / "include"

    @property
    def kernel_definition(self) -> pathlib.Path:
        """The wheel's own list of what `ntoskrnl.exe` exports."""
        return self.directory / "lib" / "libc" / "mingw" / "lib64" / "ntoskrnl.def"

    def run(self, tool: str, arguments: Sequence[str], directory: pathlib.Path) -> None:
        """Run one tool of the wheel in a directory; raises ToolFailed with its own text.

        The tools `clang` and `lld-link` are the plain LLVM drivers: `cc` would add sanitizers at -O0, write to a cache
        of its own and refuse `/export`, `/noentry` and `/debug:dwarf`.
        """
        caches = {name: str(cache_directory() / "zig") for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
        executable = self.directory / ("zig.exe" if sys.platform == "win32" else "zig")
        done = subprocess.run(
            [str(executable), tool, *arguments],
            cwd=directory,
            env={**os.environ, **caches},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise ToolFailed(done.stdout.strip() or f"{tool} ended with status {done.returncode}")


@functools.cache
def find_toolchain() -> Toolchain:
    """Return the compiler wheel of this Python; raises ToolchainMissing."""
    specification = importlib.util.find_spec("ziglang")
    if specification is None or specification.origin is None:
        raise ToolchainMissing(
            f"building guest code needs the compiler wheel, which {sys.executable} does not have: "
            "pip install 'umaccess-emu[toolchain]'"
        )
    from importlib.metadata import version  # noqa: PLC0415 (slow to import, and not every command builds)

    return Toolchain(pathlib.Path(specification.origin).parent, version("ziglang"))
