# SPDX-License-Identifier: GPL-2.0-or-later
"""Assembles and compiles guest sources; standard library only, because the build hook uses it too."""

from emu.toolchain.errors import GuestBuildError, ToolchainMissing
from emu.toolchain.guest import build_guest
from emu.toolchain.layout import built_directory, guest_directory
from emu.toolchain.native_core import build_native_core
from emu.toolchain.system import build_system

__all__ = [
    "GuestBuildError",
    "ToolchainMissing",
    "build_guest",
    "build_native_core",
    "build_system",
    "built_directory",
    "guest_directory",
]
