# SPDX-License-Identifier: GPL-2.0-or-later
"""The native core: C to one shared library for the host."""

import os
import pathlib
import platform
import sys
import tempfile

from emu.toolchain.compiler import ToolFailed, find_toolchain
from emu.toolchain.errors import GuestBuildError

_SUFFIXES = {"linux": "so", "macos": "dylib", "windows": "dll"}


def native_target() -> str:
    """Return the compiler's name of the platform to build for: `UMACCESS_EMU_NATIVE_TARGET`, else this host.

    The oldest systems asked for are glibc 2.28 and macOS 11, so that one library serves every newer one.
    """
    override = os.environ.get("UMACCESS_EMU_NATIVE_TARGET")
    if override:
        return override
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform == "darwin":
        return f"{machine}-macos.11.0"
    if sys.platform == "win32":
        return f"{machine}-windows-gnu"
    return f"{machine}-linux-gnu.2.28" if platform.libc_ver()[0] == "glibc" else f"{machine}-linux-musl"


def native_core_name(target: str | None = None) -> str:
    """Return the library's file name on a platform, by default the one that `native_target` names."""
    system = (target or native_target()).split("-")[1].partition(".")[0]
    if system not in _SUFFIXES:
        raise GuestBuildError(f"native target {target!r}: unknown system {system!r}; known are {' '.join(_SUFFIXES)}")
    return f"emu_core.{_SUFFIXES[system]}"


def native_sources(package: pathlib.Path) -> list[pathlib.Path]:
    """Return the files in the directories `native` of a package, each room having its own."""
    return sorted(path for path in package.rglob("native/*.[ch]") if path.is_file())


def build_native_core(package: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
    """Compile the C files of every directory `native` in a package into one shared library, and return its path.

    It links against the C library only. Raises GuestBuildError with the compiler's text, ToolchainMissing.
    """
    names = [path.relative_to(package).as_posix() for path in native_sources(package) if path.suffix == ".c"]
    if not names:
        raise GuestBuildError(f"{package}: no C files of the native core")
    target = native_target()
    output.mkdir(parents=True, exist_ok=True)
    library = output.absolute() / native_core_name(target)
    flags = ["-target", target, "-std=c11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-s"]
    # A directory of its own: for Windows the linker leaves an import library beside the result.
    with tempfile.TemporaryDirectory(prefix="build-", dir=library.parent) as workspace:
        fresh = pathlib.Path(workspace) / library.name
        try:
            find_toolchain().run("cc", [*flags, "-o", str(fresh), *names], package)
        except ToolFailed as error:
            raise GuestBuildError(f"cannot compile the native core:\n{error}") from error
        fresh.replace(library)
    return library


def wheel_platform(target: str) -> str:
    """Return the platform tag (PEP 425, 600, 656) of a wheel that holds a library built for a target."""
    machine, system, *rest = target.split("-")
    environment, _, release = "-".join(rest).partition(".")
    if system.startswith("macos"):
        release = system.partition(".")[2]
        return f"macosx_{release.replace('.', '_')}_{'arm64' if machine == 'aarch64' else machine}"
    if system == "windows":
        return "win_arm64" if machine == "aarch64" else "win_amd64"
    if environment == "musl":
        return f"musllinux_1_2_{machine}"
    return f"manylinux_{release.replace('.', '_')}_{machine}"
